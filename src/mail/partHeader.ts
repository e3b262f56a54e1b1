/**
 * What the header of a message or of a body part says about its body: type, disposition, transfer encoding.
 *
 * RFC 2045 sections 5 to 7, RFC 2183. Defaults are those of RFC 2045 section 5.2: no Content-Type means
 * text/plain in us-ascii (message/rfc822 inside multipart/digest), no encoding means 7bit. A duplicate of one
 * of these fields is refused: readers take the first or the last, so the message has two meanings.
 *
 * The header of a body part is read strictly (`parsePartHeader`): every line a field or a continuation, line
 * ends CRLF, no NUL, nothing that starts like a boundary, at most MAX_PART_HEADER_BYTES. Readers take such a
 * broken line for the start of the body or skip it; either way it is unclear where the text begins.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import { type Parameterized, parseParameterized } from './parameters.ts';
import type { SkipReason } from './skipReasons.ts';

/** Longest header of one body part. */
const MAX_PART_HEADER_BYTES = 65_536;

export interface BodyFacts {
  readonly type: Parameterized;
  /** null: no Content-Disposition. */
  readonly disposition: Parameterized | null;
  /** In lower case, without comments: "7bit" when the field is absent, "?" when it cannot be read. */
  readonly encoding: string;
  /** Content-ID without brackets, '' when absent. */
  readonly contentId: string;
  /** A Content-MD5 field (RFC 1864) would no longer be true after an edit. */
  readonly digested: boolean;
}

const PLAIN: Parameterized = { value: 'text/plain', params: new Map() };
const MESSAGE: Parameterized = { value: 'message/rfc822', params: new Map() };
const FIELD = /^([!-9;-~]+):(.*)$/s;

/** The facts, or the reason why they cannot be determined. */
export function bodyFacts(fields: readonly HeaderField[], inDigest = false): BodyFacts | SkipReason {
  const found = new Map<string, string>();
  for (const field of fields) {
    const name = field.name.trim().toLowerCase();
    if (!name.startsWith('content-')) continue;
    // White space before the colon: some readers know the field, some do not.
    if (name.length !== field.name.length || found.has(name)) {
      if (name !== 'content-type' && name !== 'content-transfer-encoding' && name !== 'content-disposition')
        continue;
      return 'header-malformed';
    }
    found.set(name, field.value);
  }
  const rawType = found.get('content-type');
  const type = rawType === undefined ? (inDigest ? MESSAGE : PLAIN) : parseParameterized(rawType, 'type');
  const rawDisposition = found.get('content-disposition');
  const disposition = rawDisposition === undefined ? null : parseParameterized(rawDisposition, 'token');
  if (type === null || (disposition === null && rawDisposition !== undefined))
    return 'content-type-malformed';
  const rawEncoding = found.get('content-transfer-encoding');
  const encoding =
    rawEncoding === undefined ? '7bit' : (parseParameterized(rawEncoding, 'token')?.value ?? '?');
  const contentId = (found.get('content-id') ?? '').trim().replace(/^<|>$/g, '');
  return { type, disposition, encoding, contentId, digested: found.has('content-md5') };
}

/**
 * Reads the header of a body part that starts at `from`. Returns its fields and where its body starts, behind
 * the empty line; null when it is malformed, too long, or ends without an empty line.
 */
export function parsePartHeader(
  body: Buffer,
  from: number,
): { readonly fields: readonly HeaderField[]; readonly bodyStart: number } | null {
  if (body[from] === 0x0d && body[from + 1] === 0x0a) return { fields: [], bodyStart: from + 2 };
  const window = body.subarray(from, from + MAX_PART_HEADER_BYTES);
  const end = window.indexOf('\r\n\r\n', 0, 'latin1');
  if (end < 0) return null;
  const fields: { name: string; value: string }[] = [];
  for (const line of window.toString('latin1', 0, end).split('\r\n')) {
    if (/[\r\n\0]/.test(line)) return null;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = fields.at(-1);
      if (last === undefined) return null;
      last.value += `\n${line}`;
      continue;
    }
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined || line.startsWith('--')) return null;
    fields.push({ name, value });
  }
  return { fields, bodyStart: from + end + 4 };
}
