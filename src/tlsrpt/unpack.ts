/**
 * The bytes of a part to the text of a report: gzip (RFC 1952) or JSON as such, told apart by their first bytes, for
 * the media type is wrong as often as right.
 *
 * What is put right, because filters on the way do it: a gzip file whose bytes were written as UTF-8, base64 in
 * base64, and one that was unpacked already. What was replaced by U+FFFD is gone, and refused.
 *
 * A bomb is refused while it unpacks: output is taken in slices of 64 KiB, and the first byte beyond MAX_DECODED, or
 * beyond MAX_RATIO times the packed bytes, ends it. The deflate stream is read by itself, without the gzip frame,
 * because zlib would go on with a second member unasked.
 */
import { createInflateRaw } from 'node:zlib';
import { crc32 } from './crc32.ts';
import { ReportRefused } from './refusal.ts';

/** What a part unpacks to at most, in bytes; for JSON that is not packed, too. */
const MAX_DECODED = 20 * 1_048_576;
/** Unpacked bytes for one packed byte. Reports have 3 to 40. */
const MAX_RATIO = 200;
/** Below this, no ratio is looked at. */
const SMALL = 65_536;
const SLICE_BYTES = 65_536;
const TRAILER_BYTES = 8;

/** What the first bytes say. */
type Form = 'gzip' | 'json' | 'gzip-as-utf8' | 'gzip-base64' | 'gzip-mangled' | 'other';

/** Looks at no more than the first 1 KiB. */
export function formOf(bytes: Buffer): Form {
  const start = bytes.subarray(0, 1024);
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start[0] === 0x1f && start[1] === 0xc2 && start[2] === 0x8b) return 'gzip-as-utf8';
  if (start[0] === 0x1f && start[1] === 0xef && start[2] === 0xbf && start[3] === 0xbd) return 'gzip-mangled';
  if (start.toString('latin1', 0, 4) === 'H4sI') return 'gzip-base64';
  const text = start.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  return /^[ \t\r\n]*\{/.test(text) ? 'json' : 'other';
}

/** The JSON, in bytes. Rejects with ReportRefused. */
export async function unpack(bytes: Buffer): Promise<Buffer> {
  switch (formOf(bytes)) {
    case 'json':
      if (bytes.length > MAX_DECODED) throw tooLarge();
      return bytes;
    case 'gzip':
      return await gunzip(bytes);
    case 'gzip-as-utf8':
      return await gunzip(Buffer.from(bytes.toString('utf8'), 'latin1'));
    case 'gzip-base64':
      return await gunzip(Buffer.from(bytes.toString('latin1'), 'base64'));
    case 'gzip-mangled':
      throw new ReportRefused(
        'gzip-mangled',
        'U+FFFD where gzip has 0x8b',
        'the bytes as they were sent: a content filter changed them, so let reports pass it by',
      );
    default:
      throw new ReportRefused('no-report', 'other bytes', 'gzip (1f 8b) or JSON ({)');
  }
}

function tooLarge(): ReportRefused {
  return new ReportRefused('decoded-too-large', `more than ${MAX_DECODED} bytes`, 'at most that');
}

function damaged(found: string): ReportRefused {
  return new ReportRefused('gzip-damaged', found, 'one whole gzip member (RFC 1952)');
}

/** Where the deflate stream begins; RFC 1952 section 2.3. */
function endOfHeader(bytes: Buffer): number {
  const [method, flags] = [bytes[2], bytes[3]];
  if (method !== 8 || flags === undefined || (flags & 0xe0) !== 0) throw damaged('a header that is none');
  let at = 10;
  if ((flags & 0x04) !== 0) {
    if (at + 2 > bytes.length) throw damaged('a header that is cut off');
    at += 2 + bytes.readUInt16LE(at);
  }
  // name, comment: each ends with a NUL
  for (const flag of [0x08, 0x10])
    if ((flags & flag) !== 0) {
      const end = bytes.indexOf(0, at);
      if (end < 0) throw damaged('a header that is cut off');
      at = end + 1;
    }
  if ((flags & 0x02) !== 0) at += 2;
  if (at >= bytes.length) throw damaged('a header that is cut off');
  return at;
}

async function gunzip(bytes: Buffer): Promise<Buffer> {
  const from = endOfHeader(bytes);
  const { output, consumed } = await inflate(bytes.subarray(from), bytes.length);
  const trailer = from + consumed;
  if (trailer + TRAILER_BYTES > bytes.length) throw damaged('no check value at its end');
  if (bytes.readUInt32LE(trailer) !== crc32(output) || bytes.readUInt32LE(trailer + 4) !== output.length)
    throw damaged('a check value of other bytes');
  const behind = bytes.subarray(trailer + TRAILER_BYTES);
  if (behind[0] === 0x1f && behind[1] === 0x8b)
    throw new ReportRefused('gzip-members', 'a second member', 'one');
  // anything else behind it is left alone, as gzip(1) does
  return output;
}

function inflate(deflated: Buffer, packed: number): Promise<{ output: Buffer; consumed: number }> {
  const byRatio = Math.max(SMALL, MAX_RATIO * packed);
  return new Promise((resolve, reject) => {
    const stream = createInflateRaw({ chunkSize: SLICE_BYTES });
    const slices: Buffer[] = [];
    let length = 0;
    const refuse = (error: ReportRefused): void => {
      stream.destroy();
      reject(error);
    };
    stream.on('data', (slice: Buffer) => {
      length += slice.length;
      if (length > byRatio && byRatio <= MAX_DECODED)
        refuse(new ReportRefused('gzip-ratio', `more than ${MAX_RATIO} to 1`, 'at most that'));
      else if (length > MAX_DECODED) refuse(tooLarge());
      else slices.push(slice);
    });
    stream.on('error', () => refuse(damaged('bytes that are not deflate')));
    stream.on('end', () => resolve({ output: Buffer.concat(slices, length), consumed: stream.bytesWritten }));
    stream.end(deflated);
  });
}
