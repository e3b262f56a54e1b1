/**
 * The TXT record by which a domain says that it has an MTA-STS policy, and which version of it:
 * `_mta-sts.DOMAIN`.
 *
 *   v=STSv1; id=20261122T120000;
 *
 *   record  = "v=STSv1" 1*(delim field) [delim]        delim = *WSP ";" *WSP
 *   field   = "id=" 1*32(ALPHA / DIGIT)  /  name "=" value
 *   name    = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
 *   value   = 1*(printable ASCII except space, "=" and ";")
 *
 * Other TXT records at that name do not count. Several STS records, or one that violates the grammar, count
 * as none. Letter case matters; of two ids the first counts; unknown fields are ignored.
 *
 * Sources: RFC 8461 section 3.1, and 3.2 on duplicates; its erratum 6285 (the grammar allows spaces before
 * the first ";" but the text does not; we follow the grammar).
 */
import { withoutBlanks } from '../core/withoutBlanks.ts';

type StsRecord =
  | { readonly kind: 'present'; readonly id: string }
  /** `why` is for people; '' when no TXT record there claims to be one. */
  | { readonly kind: 'absent'; readonly why: string };

/** Longest policy domain: its `_mta-sts` name has to fit in 253 characters. */
export const MAX_POLICY_DOMAIN = 253 - '_mta-sts.'.length;

const BEGINS = /^v=STSv1[ \t]*;/;
const FIELD = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)$/;
const ID = /^[A-Za-z0-9]{1,32}$/;

/** Could this be the id of a policy? */
export function isStsId(text: string): boolean {
  return ID.test(text);
}

/** `strings`: the TXT records of the name, the parts of each joined. Never throws. */
export function readStsRecords(strings: readonly string[]): StsRecord {
  const records = strings.filter((text) => BEGINS.test(text));
  const record = records[0];
  if (record === undefined) return { kind: 'absent', why: '' };
  if (records.length > 1) return { kind: 'absent', why: `${records.length} STS records instead of one` };
  const fields = record.split(';').slice(1).map(withoutBlanks);
  // one delimiter may end the record
  if (fields[fields.length - 1] === '') fields.pop();
  let id: string | null = null;
  for (const field of fields) {
    const [, name, value] = FIELD.exec(field) ?? [];
    if (name === undefined || value === undefined) {
      return { kind: 'absent', why: 'the STS record has a field that is not name=value' };
    }
    if (name !== 'id' || id !== null) continue;
    if (!isStsId(value)) return { kind: 'absent', why: 'the id is not 1 to 32 letters and digits' };
    id = value;
  }
  return id === null ? { kind: 'absent', why: 'the STS record has no id' } : { kind: 'present', id };
}
