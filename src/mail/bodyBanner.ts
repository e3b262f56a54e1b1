/**
 * Puts one banner at the top of what a person reads: into every text/plain and text/html part that is the message itself
 * (readable.ts), in its character set and transfer encoding. Not a byte of anything else changes; the result is made of
 * views into the body as received and of the new lines.
 *
 * All or nothing: when one of these parts cannot be edited, the message stays as it came, with the reason (reasons.ts).
 *
 * The banner speaks once. What stands at the very top of a part and is our banner, word for word, is left ('already-there'
 * when it is so in all parts). What is ours by its form but says something else (an earlier pass with other values, or a
 * forgery) gives way to the new one. A banner further down, quoted in a reply, is the author's text and stays.
 *
 * What a part can say: HTML gets character references, so every banner can be said there. A plain text gets the
 * characters that its set has; what the set lacks, or what a part declared 7bit cannot carry, is said in ASCII where a
 * reader still understands it ("Sécurisé", "Securise"). Raising the part to utf-8 would change its header. A banner with no
 * such form (kana in us-ascii) leaves the message alone: 'not-representable'.
 *
 * Lines of the banner are at most 998 bytes (RFC 5322 section 2.1.1), 76 in quoted-printable and base64, and neither they
 * nor what then stands at the start of a line can be read as a boundary of the message.
 */
import type { HeaderField } from '../core/edit.ts';
import { charsetOf } from './charset.ts';
import { bannerBlock, findStart, maskJis, ownBlocks } from './html.ts';
import { type Entity, readStructure } from './mime.ts';
import { bodyFacts } from './partHeader.ts';
import { ownLines, plainBanner, plainBytes } from './plainText.ts';
import { findUntouchable, readableParts } from './readable.ts';
import { type LeaveReason, type Left, left } from './reasons.ts';
import { isSigned } from './signatures.ts';
import { decodeTransfer, type Splice, splice, transferEncoding } from './transfer.ts';

/** Largest body that is edited unless the caller says otherwise: Postfix's default message_size_limit. */
export const MAX_BANNER_BODY_BYTES = 10_240_000;
const MAX_LINE_BYTES = 998;

export interface BodyBanner {
  /** What it says, Unicode, one line or several (LF). Control characters become blanks. */
  readonly text: string;
  /** Knows a form of the banner (lines joined by LF), such as `matchesTemplate`. Default: nothing but the text itself. */
  readonly isOwn?: (text: string) => boolean;
  /** Is a message with a DKIM or ARC signature edited, so that the signature no longer verifies? Default false. */
  readonly breakSignatures?: boolean;
  /** Larger bodies are left alone. */
  readonly limitBytes?: number;
}

/** The new body in pieces, views into the old one among them: they hold as long as it is not written to. */
export interface Edited {
  readonly kind: 'edited';
  readonly chunks: readonly Uint8Array[];
  /** Numbers of the parts that were edited: "" for a message of one part, "1.2". */
  readonly parts: readonly string[];
}

/**
 * What the header alone says: a reason why the body will be left alone, or null when the body must be seen. With a
 * reason, there is no need to ask the MTA for the body.
 */
export function leaveByHeader(headers: readonly HeaderField[], breakSignatures: boolean): LeaveReason | null {
  if (!breakSignatures && isSigned(headers)) return 'dkim-signed';
  const facts = bodyFacts(headers);
  if (typeof facts === 'string') return facts;
  const entity: Entity = { ...facts, path: '', start: 0, end: 0, children: [] };
  const untouchable = findUntouchable(entity);
  if (untouchable !== null) return untouchable.reason;
  return facts.type.value.startsWith('multipart/') || readableParts(entity).length > 0 ? null : 'no-text';
}

interface PartEdit extends Splice {
  readonly path: string;
}

/** Edits the body of a message (all of it, CRLF lines). Never throws for any input. */
export function putBodyBanner(
  headers: readonly HeaderField[],
  body: Uint8Array,
  banner: BodyBanner,
): Edited | Left {
  const lines = bannerLines(banner.text);
  if (lines.length === 0) return left('banner-empty');
  const reason = leaveByHeader(headers, banner.breakSignatures ?? false);
  if (reason !== null) return left(reason);
  if (body.length > (banner.limitBytes ?? MAX_BANNER_BODY_BYTES)) return left('too-large');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const structure = readStructure(headers, bytes);
  if (structure.kind === 'left') return structure;
  const untouchable = findUntouchable(structure.root);
  if (untouchable !== null)
    return left(untouchable.reason, untouchable.path === '' ? null : untouchable.path);
  const parts = readableParts(structure.root);
  if (parts.length === 0) return left('no-text');
  const edits: PartEdit[] = [];
  for (const part of parts) {
    const raw = bytes.subarray(part.start, part.end);
    const made = editPart(part, raw, lines, banner.isOwn ?? (() => false));
    if (made === 'already-there') continue;
    if (typeof made === 'string') return left(made, part.path === '' ? null : part.path);
    const edit = {
      path: part.path,
      start: made.start + part.start,
      end: made.end + part.start,
      bytes: made.bytes,
    };
    const fault = faultOf(edit, bytes, part.end, structure.boundaries);
    if (fault !== null) return left(fault, part.path === '' ? null : part.path);
    edits.push(edit);
  }
  if (edits.length === 0) return left('already-there');
  return { kind: 'edited', chunks: assemble(bytes, edits), parts: edits.map((edit) => edit.path) };
}

function bannerLines(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) =>
    line
      .replace(/[\p{Cc}\u2028\u2029]/gu, ' ')
      .replace(/\p{Cs}/gu, '\ufffd')
      .trim(),
  );
  return lines.filter((line) => line !== '');
}

function editPart(
  part: Entity,
  raw: Buffer,
  lines: readonly string[],
  isOwn: (text: string) => boolean,
): Splice | LeaveReason {
  if (part.digested) return 'content-md5';
  const encoding = transferEncoding(part.encoding);
  if (encoding === null) return 'encoding-unknown';
  const label = part.type.params.get('charset') ?? '';
  const charset = charsetOf(label);
  if (charset === null) return 'charset-unsupported';
  const decoded = decodeTransfer(raw, encoding);
  if (decoded === null) return 'encoding-malformed';
  if (part.type.value === 'text/html') {
    const latin = decoded.toString('latin1');
    if (latin.includes('-----BEGIN PGP')) return 'pgp-inline';
    const text = charset.kind === 'iso-2022-jp' ? maskJis(latin) : latin;
    if (text === null) return 'charset-unsupported';
    const start = findStart(text);
    if (start === null) return 'html-frameset';
    const block = bannerBlock(lines);
    const own = ownBlocks(text, start);
    if (own.blocks.length === 1 && own.blocks[0] === block) return 'already-there';
    return splice(raw, decoded, encoding, start, own.end, (padding) => {
      const newLine = start > 0 && text[start - 1] !== '\n' ? '\r\n' : '';
      return Buffer.from(`${newLine}${block}${' '.repeat(padding)}\r\n`, 'latin1');
    });
  }
  if (hasPgp(decoded)) return 'pgp-inline';
  // A part that is declared 7bit and is not may be added to in its own way.
  const asciiOnly = encoding === 'identity' && part.encoding === '7bit' && !hasHighBytes(raw);
  const flowed = part.type.params.get('format')?.toLowerCase() === 'flowed';
  const plain = plainBanner(lines, charset, label, asciiOnly, flowed);
  if (plain === null) return 'not-representable';
  const mark = charset.kind === 'utf-8' && decoded.subarray(0, 3).equals(BYTE_ORDER_MARK);
  const start = mark ? BYTE_ORDER_MARK.length : 0;
  const own = ownLines(decoded, start, plain, isOwn);
  if (own.count === 1 && own.same) return 'already-there';
  return splice(raw, decoded, encoding, start, own.end, (padding) => plainBytes(plain, padding));
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const PGP = Buffer.from('-----BEGIN PGP', 'latin1');

/** An inline PGP block, at the start of a line; a quoted one ("> -----BEGIN") is only talked about. */
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

/** What would be wrong with the lines that an edit makes, up to the end of the line it stops in. */
function faultOf(
  edit: Splice,
  body: Buffer,
  partEnd: number,
  boundaries: readonly string[],
): LeaveReason | null {
  const before = body.lastIndexOf(0x0a, Math.max(0, edit.start - 1));
  const head = edit.start === 0 ? '' : body.toString('latin1', before + 1, edit.start);
  const tail = body.toString('latin1', edit.end, Math.min(partEnd, edit.end + MAX_LINE_BYTES));
  const inserted = edit.bytes.toString('latin1');
  if (inserted.split('\r\n').some((line) => line.length > MAX_LINE_BYTES)) return 'banner-too-long';
  const made = (head.slice(0, MAX_LINE_BYTES) + inserted + (tail.split('\n', 1)[0] ?? '')).split(/[\r\n]+/);
  const clash = made.some(
    (line) => line.startsWith('--') && boundaries.some((boundary) => line.startsWith(boundary, 2)),
  );
  return clash ? 'boundary-clash' : null;
}

function assemble(body: Buffer, edits: readonly PartEdit[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    chunks.push(body.subarray(at, edit.start), edit.bytes);
    at = edit.end;
  }
  chunks.push(body.subarray(at));
  return chunks.filter((chunk) => chunk.length > 0);
}
