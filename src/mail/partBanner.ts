/**
 * One part that is read as the message: puts the banner at its top, or removes our banners from there.
 *
 * The top of a plain text is its first lines that are not empty, that of HTML what comes before and in its
 * first text (htmlBanners.ts). Everything further down is the author's, including a quoted banner in a reply.
 */
import { type Charset, charsetOf, decodeText } from './charset.ts';
import { bannerBlock, behindLine, findStart, maskJis, skipSpace } from './html.ts';
import { htmlBanners } from './htmlBanners.ts';
import type { Entity } from './mime.ts';
import { ownLines, plainBanner, plainBytes } from './plainText.ts';
import type { SkipReason } from './skipReasons.ts';
import type { OwnBanners } from './template.ts';
import { decodeTransfer, type Splice, splice, type TransferEncoding, transferEncoding } from './transfer.ts';

interface Decoded {
  readonly encoding: TransferEncoding;
  readonly charset: Charset;
  readonly label: string;
  readonly bytes: Buffer;
}

function decodePart(part: Entity, raw: Buffer): Decoded | SkipReason {
  if (part.digested) return 'content-md5';
  const encoding = transferEncoding(part.encoding);
  if (encoding === null) return 'encoding-unknown';
  const label = part.type.params.get('charset') ?? '';
  const charset = charsetOf(label);
  if (charset === null) return 'charset-unsupported';
  const bytes = decodeTransfer(raw, encoding);
  return bytes === null ? 'encoding-malformed' : { encoding, charset, label, bytes };
}

/** An HTML text as latin1, and where its content starts. */
function readHtml({ bytes, charset }: Decoded): { text: string; start: number } | SkipReason {
  const latin = bytes.toString('latin1');
  if (latin.includes('-----BEGIN PGP')) return 'pgp-inline';
  const text = charset.kind === 'iso-2022-jp' ? maskJis(latin) : latin;
  if (text === null) return 'charset-unsupported';
  const start = findStart(text);
  return start === null ? 'html-frameset' : { text, start };
}

/** Where a plain text starts, behind its byte order mark. */
function plainStart({ bytes, charset }: Decoded): number {
  const marked = charset.kind === 'utf-8' && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
  return marked ? BYTE_ORDER_MARK.length : 0;
}

const isFlowed = (part: Entity): boolean => part.type.params.get('format')?.toLowerCase() === 'flowed';

/** The edit that puts the banner (`lines`) in front; offsets are into `raw`. */
export function putInPart(
  part: Entity,
  raw: Buffer,
  lines: readonly string[],
  own: OwnBanners,
): Splice | SkipReason {
  const decoded = decodePart(part, raw);
  if (typeof decoded === 'string') return decoded;
  const { encoding, charset, label, bytes } = decoded;
  if (part.type.value === 'text/html') {
    const html = readHtml(decoded);
    if (typeof html === 'string') return html;
    const { text, start } = html;
    const block = bannerBlock(lines);
    const found = htmlBanners(text, start, inCharset(label), own.matches);
    const at = skipSpace(text, start);
    if (text.startsWith(block, at) && found?.end === behindLine(text, at + block.length))
      return 'already-there';
    return splice(raw, bytes, encoding, start, found?.end ?? start, (padding) => {
      const newLine = start > 0 && text[start - 1] !== '\n' ? '\r\n' : '';
      return Buffer.from(`${newLine}${block}${' '.repeat(padding)}\r\n${found?.kept ?? ''}`, 'latin1');
    });
  }
  if (hasPgp(bytes)) return 'pgp-inline';
  // A part that is declared 7bit but has 8-bit text may get more of it.
  const asciiOnly = encoding === 'identity' && part.encoding === '7bit' && !hasHighBytes(raw);
  const plain = plainBanner(lines, charset, label, asciiOnly, isFlowed(part));
  if (plain === null) return 'not-representable';
  const start = plainStart(decoded);
  const found = ownLines(bytes, start, plain, own);
  if (found.count === 1 && found.same) return 'already-there';
  return splice(raw, bytes, encoding, start, found.end, (padding) => plainBytes(plain, padding));
}

/** The edit that takes banners of ours from the top; null when there are none. */
export function takeFromPart(part: Entity, raw: Buffer, own: OwnBanners): Splice | SkipReason | null {
  const decoded = decodePart(part, raw);
  if (typeof decoded === 'string') return decoded;
  const { encoding, label, bytes } = decoded;
  if (part.type.value === 'text/html') {
    const html = readHtml(decoded);
    if (typeof html === 'string') return html;
    const found = htmlBanners(html.text, html.start, inCharset(label), own.matches);
    if (found === null) return null;
    return taken(raw, bytes, encoding, html.start, found.end, Buffer.from(found.kept, 'latin1'));
  }
  if (hasPgp(bytes)) return 'pgp-inline';
  const start = plainStart(decoded);
  const nothing = { lines: [], flowed: isFlowed(part), label };
  const found = ownLines(bytes, start, nothing, own);
  return found.count === 0 ? null : taken(raw, bytes, encoding, start, found.end, Buffer.alloc(0));
}

function taken(
  raw: Buffer,
  bytes: Buffer,
  encoding: TransferEncoding,
  start: number,
  end: number,
  kept: Buffer,
): Splice {
  // a removal cannot be padded invisibly to groups of three bytes, so everything after it is encoded again
  if (encoding !== 'base64') return splice(raw, bytes, encoding, start, end, () => kept);
  const rest = Buffer.concat([kept, bytes.subarray(end)]);
  return splice(raw, bytes, encoding, start, bytes.length, () => rest);
}

function inCharset(label: string): (latin1: string) => string {
  return (latin1) => decodeText(Buffer.from(latin1, 'latin1'), label) ?? latin1;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const PGP = Buffer.from('-----BEGIN PGP', 'latin1');

/** An inline PGP block at the start of a line; a quoted one ("> -----BEGIN") does not count. */
function hasPgp(text: Buffer): boolean {
  for (let at = text.indexOf(PGP); at >= 0; at = text.indexOf(PGP, at + PGP.length)) {
    if (at === 0 || text[at - 1] === 0x0a || text[at - 1] === 0x0d) return true;
  }
  return false;
}

function hasHighBytes(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! > 0x7f) return true;
  return false;
}
