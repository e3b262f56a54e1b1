/**
 * The banner in a text/plain part: its lines, an empty line, then the text as it was.
 *
 * The lines are in the part's character set (see charset.ts). In format=flowed (RFC 3676) they are fixed
 * lines: no space at the end, and a space in front where the line would be read as a quote, as stuffed or as
 * "From ". Padding, which base64 needs, is invisible spaces at the end of the last line; in format=flowed
 * these would join the line with the next one, so there it is a stuffing space or another empty line.
 */
import { type Charset, decodeText, encodeLine } from './charset.ts';
import type { OwnBanners } from './template.ts';

const CRLF = Buffer.from('\r\n', 'latin1');
const BLANKS = Buffer.from('  ', 'latin1');
/** Longer lines are not compared with a banner. */
const MAX_LINE = 4000;
/** Banners are searched for up to this offset. */
const MAX_TOP = 131_072;

interface PlainBanner {
  /** Encoded lines without line ends. */
  readonly lines: readonly Buffer[];
  readonly flowed: boolean;
  readonly charset: Charset;
  readonly label: string;
}

/** The banner's lines for a part; null when the character set cannot represent them. */
export function plainBanner(
  lines: readonly string[],
  charset: Charset,
  label: string,
  asciiOnly: boolean,
  flowed: boolean,
): PlainBanner | null {
  const encoded: Buffer[] = [];
  for (const line of lines) {
    const bytes = encodeLine(line, charset, asciiOnly);
    if (bytes === null) return null;
    const first = bytes.toString('latin1', 0, 5);
    const stuffed = flowed && /^(?:[ >]|From )/.test(first);
    encoded.push(stuffed ? Buffer.concat([BLANKS.subarray(1), bytes]) : bytes);
  }
  return { lines: encoded, flowed, charset, label };
}

/** The bytes to insert, CRLF lines, `padding` (0 to 2) bytes longer than without. */
export function plainBytes({ lines, flowed }: PlainBanner, padding: number): Buffer {
  const pieces: Buffer[] = [];
  for (const [index, line] of lines.entries()) {
    const last = index === lines.length - 1;
    if (flowed && padding === 1 && last && line[0] !== 0x20) pieces.push(BLANKS.subarray(1));
    pieces.push(line);
    if (!flowed && last) pieces.push(BLANKS.subarray(0, padding));
    pieces.push(CRLF);
  }
  if (flowed && padding === 2) pieces.push(CRLF);
  pieces.push(CRLF);
  const bytes = Buffer.concat(pieces);
  // A stuffed line cannot be stuffed again. Two empty lines add four bytes, one more than a group of three.
  const stuck = flowed && padding === 1 && lines.at(-1)![0] === 0x20;
  return stuck ? Buffer.concat([bytes, CRLF, CRLF]) : bytes;
}

interface OwnLines {
  /** Offset behind the last banner and its empty line. */
  readonly end: number;
  /** How many were found, and whether the last is what we would write now. */
  readonly count: number;
  readonly same: boolean;
}

interface Line {
  readonly bytes: Buffer;
  readonly next: number;
}

function lineAt(text: Buffer, from: number): Line | null {
  if (from >= text.length) return null;
  const end = text.subarray(from, from + MAX_LINE).indexOf(0x0a);
  if (end < 0)
    return text.length - from <= MAX_LINE ? { bytes: text.subarray(from), next: text.length } : null;
  const length = end > 0 && text[from + end - 1] === 0x0d ? end - 1 : end;
  return { bytes: text.subarray(from, from + length), next: from + end + 1 };
}

function withoutBlanks(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0x09)) end--;
  return bytes.subarray(0, end);
}

/**
 * Consecutive banners at `from`, each with optional empty lines before it: what we would write now, byte for
 * byte, or a text that `own` recognises (from an earlier pass with other values, from another row, or
 * forged). `banner` without lines: only what `own` recognises.
 */
export function ownLines(
  text: Buffer,
  from: number,
  banner: Pick<PlainBanner, 'lines' | 'flowed' | 'label'>,
  own: OwnBanners,
): OwnLines {
  const counts = [...new Set([banner.lines.length, ...own.lineCounts])].filter((count) => count > 0);
  let end = from;
  let count = 0;
  let same = false;
  while (end - from <= MAX_TOP) {
    const start = behindEmpty(text, end);
    let next: { readonly end: number; readonly equal: boolean } | null = null;
    for (const lines of counts) next ??= bannerAt(text, start, lines, banner, own);
    if (next === null) break;
    count++;
    same = next.equal && start === from;
    const empty = lineAt(text, next.end);
    end = empty !== null && empty.bytes.length === 0 ? empty.next : next.end;
  }
  return { end, count, same };
}

/** The offset after the blank lines at `from`. */
function behindEmpty(text: Buffer, from: number): number {
  let start = from;
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (byte === 0x0a) start = at + 1;
    else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return start;
  }
  return text.length;
}

/** A banner of this many lines at `from`; null when there is none. */
function bannerAt(
  text: Buffer,
  from: number,
  lines: number,
  banner: Pick<PlainBanner, 'lines' | 'flowed' | 'label'>,
  own: OwnBanners,
): { readonly end: number; readonly equal: boolean } | null {
  let at = from;
  const seen: string[] = [];
  let equal = lines === banner.lines.length;
  for (let index = 0; index < lines; index++) {
    const line = lineAt(text, at);
    if (line === null) return null;
    const wanted = equal ? banner.lines[index]! : null;
    let bytes = withoutBlanks(line.bytes);
    if (banner.flowed && bytes[0] === 0x20 && wanted?.[0] !== 0x20) bytes = bytes.subarray(1);
    equal = wanted !== null && bytes.equals(withoutBlanks(wanted));
    seen.push((decodeText(bytes, banner.label) ?? bytes.toString('latin1')).trim());
    at = line.next;
  }
  // A quotation of a banner is the author's, even where the template begins with a field.
  const quoted = seen.some((line) => line.startsWith('>'));
  return equal || (!quoted && own.matches(seen.join('\n'))) ? { end: at, equal } : null;
}
