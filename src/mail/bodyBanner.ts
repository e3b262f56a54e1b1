/**
 * Puts one banner at the top of what a person reads: into every text/plain and text/html part that is the
 * message itself (readable.ts), in its character set and transfer encoding. No other byte changes; the result
 * consists of views into the received body and the new lines.
 *
 * All or nothing: when one of these parts cannot be edited, the message stays as it came, with the reason
 * (skipReasons.ts).
 *
 * The banner appears once. If the very top of a part is already this banner, word for word, it is left alone
 * ('already-there' when that holds for all parts). A banner that has our form but different content (from an
 * earlier pass with other values, or forged) is replaced by the new one; `takeBodyBanners` removes it from
 * mail that gets no banner. A banner further down, such as one quoted in a reply, is the author's text and
 * stays.
 *
 * What a part can represent: HTML gets character references, so every banner can be written there. A plain
 * text gets the characters that its character set has; characters that the set lacks, or that a part declared
 * 7bit cannot carry, are written in ASCII where a reader still understands it ("Securise" for "Sécurisé").
 * Converting the part to utf-8 would change its header. If a banner has no such form (kana in us-ascii), the
 * message is left alone: 'not-representable'.
 *
 * Lines of the banner are at most 998 bytes (RFC 5322 section 2.1.1), 76 in quoted-printable and base64, and
 * neither they nor any other line start that the edit creates can be read as a boundary of the message.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import type { Work } from '../core/work.ts';
import { type Entity, readStructure } from './mime.ts';
import { putInPart, takeFromPart } from './partBanner.ts';
import { bodyFacts } from './partHeader.ts';
import { findUntouchable, readableParts } from './readable.ts';
import { isSigned } from './signatures.ts';
import { type Skipped, type SkipReason, skipped } from './skipReasons.ts';
import type { OwnBanners } from './template.ts';
import type { Splice } from './transfer.ts';

/** Largest body that is edited unless the caller says otherwise: Postfix's default message_size_limit. */
const MAX_BANNER_BODY_BYTES = 10_240_000;
const MAX_LINE_BYTES = 998;

export interface BodyBanner {
  /** Its text: Unicode, one line or several (LF). Control characters become spaces. */
  readonly text: string;
  /** Banners that it replaces. Default: only the text itself. */
  readonly own?: OwnBanners;
  /**
   * Whether to edit a message with a DKIM or ARC signature, so that the signature no longer verifies. Default
   * false.
   */
  readonly breakSignatures?: boolean;
  /** Larger bodies are left alone. */
  readonly limitBytes?: number;
}

/**
 * The new body in pieces. Some are views into the old body, so they are valid as long as it is not written
 * to.
 */
export interface Edited {
  readonly kind: 'edited';
  readonly chunks: readonly Uint8Array[];
  /** Numbers of the parts that were edited: "" for a message of one part, "1.2". */
  readonly parts: readonly string[];
}

/**
 * What the header alone tells: the reason why the body will be left alone, or null when the body must be
 * seen. When there is a reason, the MTA need not be asked for the body.
 */
export function leaveByHeader(headers: readonly HeaderField[], breakSignatures: boolean): SkipReason | null {
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

/** Puts the banner into the body of a message (all of it, CRLF lines). Never throws for any input. */
export function* putBodyBanner(
  headers: readonly HeaderField[],
  body: Uint8Array,
  banner: BodyBanner,
): Work<Edited | Skipped> {
  const lines = bannerLines(banner.text);
  if (lines.length === 0) return skipped('banner-empty');
  const read = yield* readParts(headers, body, banner);
  if (read.kind === 'skipped') return read;
  const edits: PartEdit[] = [];
  for (const part of read.parts) {
    const made = inBody(part, read, (raw) => putInPart(part, raw, lines, banner.own ?? NONE));
    if (made === 'already-there') continue;
    if (typeof made === 'string') return skipped(made, part.path === '' ? null : part.path);
    if (made !== null) edits.push(made);
  }
  return edits.length === 0 ? skipped('already-there') : editedBody(read.body, edits);
}

/**
 * Removes banners that came with the message from the top of what a person reads. A part that cannot be
 * edited stays; the others are edited all the same. null when there is nothing to remove.
 */
export function* takeBodyBanners(
  headers: readonly HeaderField[],
  body: Uint8Array,
  options: Pick<BodyBanner, 'breakSignatures' | 'limitBytes'> & { readonly own: OwnBanners },
): Work<Edited | null> {
  const read = yield* readParts(headers, body, options);
  if (read.kind === 'skipped') return null;
  const edits: PartEdit[] = [];
  for (const part of read.parts) {
    const made = inBody(part, read, (raw) => takeFromPart(part, raw, options.own));
    if (made !== null && typeof made !== 'string') edits.push(made);
  }
  return edits.length === 0 ? null : editedBody(read.body, edits);
}

const NONE: OwnBanners = { matches: () => false, lineCounts: [] };

interface Read {
  readonly kind: 'read';
  readonly body: Buffer;
  /** The parts that a person reads. */
  readonly parts: readonly Entity[];
  readonly boundaries: readonly string[];
}

/** The body in parts, or why it must not be edited. */
function* readParts(
  headers: readonly HeaderField[],
  body: Uint8Array,
  options: Pick<BodyBanner, 'breakSignatures' | 'limitBytes'>,
): Work<Read | Skipped> {
  const reason = leaveByHeader(headers, options.breakSignatures ?? false);
  if (reason !== null) return skipped(reason);
  if (body.length > (options.limitBytes ?? MAX_BANNER_BODY_BYTES)) return skipped('too-large');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const structure = yield* readStructure(headers, bytes);
  if (structure.kind === 'skipped') return structure;
  const { root, boundaries } = structure;
  const untouchable = findUntouchable(root);
  if (untouchable !== null)
    return skipped(untouchable.reason, untouchable.path === '' ? null : untouchable.path);
  const parts = readableParts(root);
  return parts.length === 0 ? skipped('no-text') : { kind: 'read', body: bytes, parts, boundaries };
}

/** An edit of a part as one of the body. */
function inBody(
  part: Entity,
  { body, boundaries }: Read,
  edit: (raw: Buffer) => Splice | SkipReason | null,
): PartEdit | SkipReason | null {
  const made = edit(body.subarray(part.start, part.end));
  if (made === null || typeof made === 'string') return made;
  const { start, end, bytes } = made;
  const placed = { path: part.path, start: start + part.start, end: end + part.start, bytes };
  return faultOf(placed, body, part.end, boundaries) ?? placed;
}

function editedBody(body: Buffer, edits: readonly PartEdit[]): Edited {
  return { kind: 'edited', chunks: assemble(body, edits), parts: edits.map((edit) => edit.path) };
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

/** What would be wrong with the lines that an edit makes, up to the end of the line it stops in. */
function faultOf(
  edit: Splice,
  body: Buffer,
  partEnd: number,
  boundaries: readonly string[],
): SkipReason | null {
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
