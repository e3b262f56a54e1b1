/**
 * The transfer encodings: reading a part, and replacing a range of its decoded bytes while every other
 * encoded byte stays as it was.
 *
 * RFC 2045 sections 6.7 and 6.8. 7bit, 8bit and binary are the bytes themselves. The other two are read
 * strictly, because readers decode malformed text differently: quoted-printable with an `=` that is neither
 * =XX nor a soft line break, and base64 with foreign characters, wrong padding or data behind it, give null.
 *
 * Replacing (`splice`):
 * - quoted-printable: the new text is on lines of its own, at most 76 characters, with soft breaks where
 *   needed;
 * - base64: only the groups of four characters that hold the ends of the range are rewritten. The length of
 *   the new bytes must be a multiple of three for the following groups to stay, so the caller is asked for
 *   the text with 0, 1 or 2 bytes of padding.
 */
export type TransferEncoding = 'identity' | 'quoted-printable' | 'base64';

/** A replacement in encoded bytes: those from `start` to `end` of the part are replaced by `bytes`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

const LINE = 76;
const CR = 0x0d;
const LF = 0x0a;
const EQUALS = 0x3d;

/** What an encoding name (lower case) stands for; null when it is unknown. */
export function transferEncoding(name: string): TransferEncoding | null {
  if (name === '7bit' || name === '8bit' || name === 'binary') return 'identity';
  return name === 'quoted-printable' || name === 'base64' ? name : null;
}

/** The decoded bytes, or null when the part violates the encoding. Identity returns its argument. */
export function decodeTransfer(raw: Buffer, encoding: TransferEncoding): Buffer | null {
  if (encoding === 'identity') return raw;
  return encoding === 'base64' ? decodeBase64(raw) : decodeQuotedPrintable(raw);
}

/**
 * Replaces decoded bytes `start` to `end` by `text(padding)`, whole lines (CRLF at the end). `padding` is the
 * number of bytes that the text must be longer than `text(0)`. Offsets in the result are into `raw`.
 */
export function splice(
  raw: Buffer,
  decoded: Buffer,
  encoding: TransferEncoding,
  start: number,
  end: number,
  text: (padding: number) => Buffer,
): Splice {
  if (encoding === 'identity') return { start, end, bytes: text(0) };
  if (encoding === 'base64') return spliceBase64(raw, decoded, start, end, text);
  const rawStart = quotedOffset(raw, start);
  const rawEnd = end === start ? rawStart : quotedOffset(raw, end);
  const last = rawStart === 0 ? LF : raw[rawStart - 1];
  const inserted = text(0);
  // After other text on its line, a soft break keeps the line short and keeps spaces at its end as part of
  // the text.
  const soft = last === 0x20 || last === 0x09 || (last !== LF && inserted[0] !== CR);
  const bytes = Buffer.from(`${soft ? '=\r\n' : ''}${encodeQuotedPrintable(inserted)}`, 'latin1');
  return { start: rawStart, end: rawEnd, bytes };
}

// Quoted-printable

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const upper = byte & 0xdf;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1;
}

/**
 * Offset after spaces and one CRLF at `at` (or the end of the text); -1 when something else follows the
 * spaces.
 */
function lineEnd(raw: Buffer, at: number): number {
  let end = at;
  while (raw[end] === 0x20 || raw[end] === 0x09) end++;
  if (end === raw.length) return end;
  return raw[end] === CR && raw[end + 1] === LF ? end + 2 : -1;
}

/**
 * Walks the text and calls `emit` with each decoded byte and the offset behind its encoded form; stops when
 * `emit` is false. Returns false when the text is malformed.
 */
function walkQuotedPrintable(raw: Buffer, emit: (byte: number, after: number) => boolean): boolean {
  for (let at = 0; at < raw.length; ) {
    const byte = raw[at]!;
    if (byte === EQUALS) {
      const high = hexValue(raw[at + 1]);
      const low = hexValue(raw[at + 2]);
      if (high >= 0 && low >= 0) {
        at += 3;
        if (!emit(high * 16 + low, at)) return true;
        continue;
      }
      at = lineEnd(raw, at + 1);
      if (at < 0) return false;
      continue;
    }
    if (byte === 0x20 || byte === 0x09) {
      let end = at;
      while (raw[end] === 0x20 || raw[end] === 0x09) end++;
      const trailing = end === raw.length || (raw[end] === CR && raw[end + 1] === LF);
      for (; at < end; at++) if (!trailing && !emit(raw[at]!, at + 1)) return true;
      continue;
    }
    at++;
    if (!emit(byte, at)) return true;
  }
  return true;
}

function decodeQuotedPrintable(raw: Buffer): Buffer | null {
  const out = Buffer.allocUnsafe(raw.length);
  let length = 0;
  const good = walkQuotedPrintable(raw, (byte) => {
    out[length++] = byte;
    return true;
  });
  return good ? out.subarray(0, length) : null;
}

/** Where decoded byte `offset` starts in the encoded text, behind any soft break in front of it. */
function quotedOffset(raw: Buffer, offset: number): number {
  let left = offset;
  let at = 0;
  if (left > 0) {
    walkQuotedPrintable(raw, (_, after) => {
      at = after;
      return --left > 0;
    });
  }
  while (raw[at] === EQUALS) {
    const behind = lineEnd(raw, at + 1);
    // The last one may have lost its line end to the boundary behind it.
    if (behind < 0 || raw[behind - 1] !== LF) break;
    at = behind;
  }
  return at;
}

/** One byte of a line; `first` and `last` say where in the encoded line and in the text line it stands. */
function quoted(code: number, first: boolean, last: boolean): string {
  const blank = code === 0x20 || code === 0x09;
  // A hyphen could make a boundary, a dot the end of the message, "From " a mailbox separator.
  const risky = first && (code === 0x2d || code === 0x2e || code === 0x46);
  if ((blank && !last) || (code > 0x20 && code < 0x7f && code !== EQUALS && !risky))
    return String.fromCharCode(code);
  return `=${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whole lines (CRLF) in, whole lines out, none longer than 76 characters. */
export function encodeQuotedPrintable(text: Buffer): string {
  const lines = text.toString('latin1').split('\r\n');
  return lines
    .map((line) => {
      let out = '';
      let width = 0;
      for (let at = 0; at < line.length; at++) {
        const code = line.charCodeAt(at);
        const last = at === line.length - 1;
        let piece = quoted(code, width === 0, last);
        if (width + piece.length > (last ? LINE : LINE - 1)) {
          out += '=\r\n';
          width = 0;
          piece = quoted(code, true, last);
        }
        out += piece;
        width += piece.length;
      }
      return out;
    })
    .join('\r\n');
}

// Base64

const ALPHABET = /[^A-Za-z0-9+/= \t\r\n]/;

function decodeBase64(raw: Buffer): Buffer | null {
  const text = raw.toString('latin1');
  if (ALPHABET.test(text)) return null;
  const dense = text.replace(/[ \t\r\n]+/g, '');
  const padding = dense.indexOf('=');
  if (padding >= 0 && (dense.length - padding > 2 || dense.slice(padding).replaceAll('=', '') !== ''))
    return null;
  if (dense.length % 4 !== 0) return null;
  return Buffer.from(dense, 'base64');
}

/** Where the `count`-th base64 character (from 0) stands; the end of the text when there are not so many. */
function base64Offset(raw: Buffer, count: number): number {
  let left = count;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]!;
    if (byte === CR || byte === LF || byte === 0x20 || byte === 0x09) continue;
    if (left-- === 0) return at;
  }
  return raw.length;
}

function spliceBase64(
  raw: Buffer,
  decoded: Buffer,
  start: number,
  end: number,
  text: (padding: number) => Buffer,
): Splice {
  const firstGroup = Math.floor(start / 3);
  const lastGroup = Math.ceil(end / 3);
  const head = decoded.subarray(firstGroup * 3, start);
  const tail = decoded.subarray(end, Math.min(lastGroup * 3, decoded.length));
  const atEnd = lastGroup * 3 >= decoded.length;
  const bare = head.length + text(0).length + tail.length;
  const middle = text(atEnd ? 0 : (3 - (bare % 3)) % 3);
  const encoded = Buffer.concat([head, middle, tail]).toString('base64');
  const rawStart = base64Offset(raw, firstGroup * 4);
  const rawEnd = atEnd ? base64End(raw, rawStart) : base64Offset(raw, lastGroup * 4);
  const lineStart = rawStart === 0 || raw[rawStart - 1] === LF;
  const lines = encoded.match(/.{1,76}/g)?.join('\r\n') ?? '';
  return {
    start: rawStart,
    end: rawEnd,
    bytes: Buffer.from(`${lineStart ? '' : '\r\n'}${lines}${raw[rawEnd] === CR ? '' : '\r\n'}`, 'latin1'),
  };
}

/** After the last base64 character only line ends are left. */
function base64End(raw: Buffer, from: number): number {
  let end = raw.length;
  while (
    end > from &&
    (raw[end - 1] === CR || raw[end - 1] === LF || raw[end - 1] === 0x20 || raw[end - 1] === 0x09)
  )
    end--;
  return end;
}
