/**
 * The TXT record by which a domain says where reports about TLS sessions to it go: `_smtp._tls.DOMAIN`.
 *
 *   v=TLSRPTv1; rua=mailto:reports@bank.example,https://reports.bank.example/v1
 *
 *   record  = "v=TLSRPTv1" 1*(delim field) [delim]        delim = *WSP ";" *WSP
 *   field   = "rua=" URI *(*WSP "," *WSP URI)  /  name "=" value
 *
 * Other TXT records at that name do not count. Several TLSRPT records, or one without `rua`, count as none; of two `rua`
 * the first counts; fields that are not known are ignored. Text is foreign: one character a byte, and bounded.
 * Sources: RFC 8460 section 3; `,`, `!` and `;` in a URI are percent-encoded there.
 */
import { withoutBlanks } from '../../core/withoutBlanks.ts';

export type TlsrptTxt =
  | { readonly kind: 'present'; readonly uris: readonly string[]; readonly more: number }
  /** `why` is for people; '' when no TXT record there claims to be one. */
  | { readonly kind: 'absent'; readonly why: string };

/** Longest policy domain: its `_smtp._tls` name has to fit in 253 characters. */
export const MAX_POLICY_DOMAIN = 253 - '_smtp._tls.'.length;

/** Longest record that is read. */
const MAX_RECORD = 4096;
/** URIs of a record that are looked at. */
const MAX_URIS = 20;
const BEGINS = /^v=TLSRPTv1[ \t]{0,100};/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;

/** `strings`: the TXT records of the name, the parts of each joined. Never throws. */
export function readTlsrptRecords(strings: readonly string[]): TlsrptTxt {
  const records = strings.filter((text) => BEGINS.test(text.slice(0, 200)));
  const [record] = records;
  if (record === undefined) return { kind: 'absent', why: '' };
  if (records.length > 1) return { kind: 'absent', why: `${records.length} TLSRPT records instead of one` };
  if (record.length > MAX_RECORD) return { kind: 'absent', why: `a TLSRPT record of ${record.length} bytes` };
  const fields = record.split(';').slice(1).map(withoutBlanks);
  // one delimiter may end the record
  if (fields.at(-1) === '') fields.pop();
  let rua: string | null = null;
  for (const field of fields) {
    const equals = field.indexOf('=');
    const name = field.slice(0, Math.max(equals, 0));
    if (!NAME.test(name))
      return { kind: 'absent', why: 'the TLSRPT record has a field that is not name=value' };
    if (name === 'rua') rua ??= field.slice(equals + 1);
  }
  if (rua === null) return { kind: 'absent', why: 'the TLSRPT record has no rua' };
  const uris = rua
    .split(',')
    .map(withoutBlanks)
    .filter((uri) => uri !== '');
  if (uris.length === 0) return { kind: 'absent', why: 'the rua of the TLSRPT record is empty' };
  return { kind: 'present', uris: uris.slice(0, MAX_URIS), more: Math.max(0, uris.length - MAX_URIS) };
}
