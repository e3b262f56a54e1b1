/**
 * Encoded words in header fields: RFC 2047, and RFC 2231 section 5 (language).
 *
 * Reading is lenient, as mail readers are, because what they show is what counts. It accepts encoded words
 * adjacent to other text, with spaces, `?` or raw bytes in them, or longer than 75; a character split by the
 * end of a word (adjacent words in one character set are joined before decoding); raw utf-8 or latin1 without
 * any encoding; and unknown character sets (read as latin1). Never throws, linear in the length of the value.
 *
 * Writing is strict: utf-8, Q while most of it is ASCII and B otherwise, no word over 75 characters, no
 * character split, lines of at most 76 characters where there is a space to fold at, folds as LF and a space
 * (what milter expects), no control characters.
 */
import { decodeText, decodeWindows1252 } from './charset.ts';

/** A segment of a field value: plain text, or adjacent encoded words of one character set. */
export interface Token {
  readonly encoded: boolean;
  /** As received, unfolded, with the blanks between its words. */
  readonly raw: string;
  /** The decoded text. */
  readonly text: string;
}

const MAX_WORD = 75;
const MAX_LINE = 76;

interface Word {
  readonly charset: string;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const OPENING = /=\?([^?\s*=]{1,60})(?:\*[^?\s]{0,40})?\?([BbQq])\?/y;

/** Removes folds: the line break goes, the white space after it stays. A stray line break becomes a space. */
function unfold(value: string): string {
  return value.replace(/\r?\n(?=[ \t])/g, '').replace(/[\r\n]/g, ' ');
}

function decodeQ(text: string): Buffer {
  const decoded = text.replace(/_|=([0-9a-f]{2})/gi, (found, hex: string | undefined) =>
    hex === undefined ? (found === '_' ? ' ' : found) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1');
}

function findWords(value: string): Word[] {
  const words: Word[] = [];
  let closing = 0;
  for (let at = value.indexOf('=?'); at >= 0; ) {
    OPENING.lastIndex = at;
    const [head, charset, encoding] = OPENING.exec(value) ?? [];
    const from = head === undefined ? -1 : at + head.length;
    if (from > closing && closing >= 0) closing = value.indexOf('?=', from);
    if (closing < 0) break;
    if (from < 0 || closing < from) {
      at = value.indexOf('=?', at + 2);
      continue;
    }
    const text = value.slice(from, closing);
    const bytes = encoding!.toUpperCase() === 'Q' ? decodeQ(text) : Buffer.from(text, 'base64');
    words.push({ charset: charset!.toLowerCase(), bytes, start: at, end: closing + 2 });
    at = value.indexOf('=?', closing + 2);
  }
  return words;
}

/** Raw bytes of a header: utf-8 when they are valid, else windows-1252. */
function decodeRaw(raw: string): string {
  if (!/[\x80-\xff]/.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeWindows1252(bytes);
  }
}

/**
 * The value (bytes as latin1, folds allowed) as a reader shows it, in segments; their texts joined are the
 * whole.
 */
export function decodeWords(value: string): Token[] {
  const flat = unfold(value);
  const tokens: Token[] = [];
  let at = 0;
  let run: Word[] = [];
  const flush = (): void => {
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined) return;
    const bytes = Buffer.concat(run.map((word) => word.bytes));
    const text = decodeText(bytes, first.charset) ?? decodeRaw(bytes.toString('latin1'));
    tokens.push({ encoded: true, raw: flat.slice(first.start, last.end), text });
    run = [];
  };
  for (const word of findWords(flat)) {
    const between = flat.slice(at, word.start);
    const adjacent = run.length > 0 && /^[ \t]*$/.test(between);
    if (!adjacent || run[0]!.charset !== word.charset) {
      flush();
      if (!adjacent && between !== '')
        tokens.push({ encoded: false, raw: between, text: decodeRaw(between) });
    }
    run.push(word);
    at = word.end;
  }
  flush();
  if (at < flat.length) tokens.push({ encoded: false, raw: flat.slice(at), text: decodeRaw(flat.slice(at)) });
  return tokens;
}

/** Encoded words that follow RFC 2047 and may be written again as they are. */
export function isStrict(token: Token): boolean {
  if (!token.encoded) return false;
  return token.raw
    .split(/[ \t]+/)
    .every((word) => word.length <= MAX_WORD && /^=\?[\w.:+()*-]+\?[BbQq]\?[!->@-~]*\?=$/.test(word));
}

/** The value as a reader shows it. */
export function decodeHeaderText(value: string): string {
  return decodeWords(value)
    .map((token) => token.text)
    .join('');
}

/**
 * Every byte in Q: the safe set of RFC 2047 section 5 (3), which is also valid in phrases, is left as it is.
 */
const Q_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  if (/[A-Za-z0-9!*+\-/]/.test(char)) return char;
  return byte === 0x20 ? '_' : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function encodeQ(bytes: Buffer): string {
  let out = '';
  for (const byte of bytes) out += Q_BYTES[byte]!;
  return out;
}

/**
 * Text as encoded words of at most 75 characters each, the first of at most `firstWidth`, cut between
 * characters (a base and its combining marks).
 */
export function encodeWords(text: string, firstWidth = MAX_WORD): string[] {
  const whole = Buffer.from(text, 'utf8');
  const useQ = encodeQ(whole).length <= 2 * whole.length;
  const words: string[] = [];
  let room = Math.max(Math.min(firstWidth, MAX_WORD), 40) - 12;
  /** The word so far: as written in Q, as text in B. */
  let part = '';
  let length = 0;
  const flush = (): void => {
    if (part === '') return;
    words.push(useQ ? `=?utf-8?Q?${part}?=` : `=?utf-8?B?${Buffer.from(part, 'utf8').toString('base64')}?=`);
    part = '';
    length = 0;
    room = MAX_WORD - 12;
  };
  for (const [cluster] of text.matchAll(/\P{M}\p{M}{0,7}|\p{M}/gu)) {
    const piece = useQ
      ? cluster <= '~'
        ? Q_BYTES[cluster.charCodeAt(0)]!
        : encodeQ(Buffer.from(cluster, 'utf8'))
      : cluster;
    const grown = length + (useQ ? piece.length : Buffer.byteLength(piece, 'utf8'));
    if ((useQ ? grown : 4 * Math.ceil(grown / 3)) > room) flush();
    part += piece;
    length += useQ ? piece.length : Buffer.byteLength(piece, 'utf8');
  }
  flush();
  return words;
}

/**
 * Folds words at the blanks between them, so that lines have at most 76 characters where they can; the first
 * line is shared with the field name, `used` characters. Each word comes with the white space in front of it.
 */
function foldWords(
  words: readonly { readonly space: string; readonly word: string }[],
  used: number,
): string {
  let out = '';
  let width = used;
  for (const { space, word } of words) {
    const fold = space !== '' && out !== '' && width + space.length + word.length > MAX_LINE;
    out += `${fold ? '\n' : ''}${space}${word}`;
    width = (fold ? 0 : width) + space.length + word.length;
  }
  return out;
}

/** A piece of a header text: text to be written, or encoded words to be kept as they are (`raw`). */
export type Piece = { readonly text: string } | { readonly raw: string };

interface Unit {
  kind: 'plain' | 'encoded' | 'raw';
  /** Significant white space in front of it. */
  space: string;
  text: string;
}

/** May this word stay as it is? Not if it could be read as an encoded word or is too long for a line. */
function standsPlain(word: string): boolean {
  return /^[!-~]+$/.test(word) && !word.includes('=?') && word.length <= 200;
}

function unitsOf(pieces: readonly Piece[]): Unit[] {
  const units: Unit[] = [];
  let space = '';
  for (const piece of pieces) {
    if ('raw' in piece) {
      units.push({ kind: 'raw', space, text: piece.raw });
      space = '';
      continue;
    }
    for (const part of piece.text.split(/([ \t]+)/)) {
      if (part === '') continue;
      if (/^[ \t]/.test(part)) space += part;
      else {
        const kind = standsPlain(part) ? 'plain' : 'encoded';
        units.push({ kind, space, text: part });
        space = '';
      }
    }
  }
  return units;
}

/**
 * A value for the field `name` that reads as exactly these pieces in order, with encoded words where ASCII is
 * not enough; spaces at both ends are removed. Without the space after the colon.
 */
export function encodePieces(name: string, pieces: readonly Piece[]): string {
  const units = unitsOf(pieces);
  if (units[0] !== undefined) units[0].space = '';
  // Plain text adjacent to an encoded word, without a space, must become one itself.
  for (const [index, unit] of units.entries()) {
    const before = units[index - 1];
    if (before === undefined || unit.space !== '') continue;
    if (unit.kind === 'plain' && before.kind !== 'plain') unit.kind = 'encoded';
  }
  for (let index = units.length - 1; index > 0; index--) {
    const [before, unit] = [units[index - 1]!, units[index]!];
    if (unit.space === '' && unit.kind !== 'plain' && before.kind === 'plain') before.kind = 'encoded';
  }
  const words: { space: string; word: string }[] = [];
  for (let index = 0; index < units.length; ) {
    const unit = units[index]!;
    const afterWord = index > 0 && units[index - 1]!.kind !== 'plain';
    if (unit.kind === 'encoded') {
      // Spaces between encoded words are not shown, so they go into the words.
      let text = afterWord ? unit.space + unit.text : unit.text;
      let next = index + 1;
      for (; units[next]?.kind === 'encoded'; next++) text += units[next]!.space + units[next]!.text;
      const made = encodeWords(
        text.replace(/\p{Cc}/gu, ' '),
        words.length === 0 ? MAX_LINE - name.length - 2 : MAX_WORD,
      );
      for (const [place, word] of made.entries()) {
        words.push({ space: place > 0 || afterWord ? ' ' : unit.space, word });
      }
      index = next;
      continue;
    }
    if (unit.kind === 'raw' && afterWord && unit.space !== '')
      words.push({ space: ' ', word: '=?utf-8?Q?_?=' });
    const [first = '', ...rest] = unit.kind === 'raw' ? unit.text.split(/[ \t]+/) : [unit.text];
    words.push({ space: unit.kind === 'raw' && afterWord ? ' ' : unit.space, word: first });
    for (const word of rest) words.push({ space: ' ', word });
    index++;
  }
  return foldWords(words, name.length + 2);
}

/**
 * A text as the value of the field `name`, encoded and folded (LF and a space), without the space after the
 * colon.
 */
export function encodeHeaderText(name: string, text: string): string {
  return encodePieces(name, [
    { text: text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ').replace(/\p{Cs}/gu, '\ufffd') },
  ]);
}
