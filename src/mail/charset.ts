/**
 * Character sets: which ones a text can be edited in, decoding them, and encoding a banner in them.
 *
 * Names are those of the WHATWG Encoding Standard, which TextDecoder knows, plus the few that mail adds. Only
 * supersets of ASCII are edited, and iso-2022-jp, whose text starts in ASCII; utf-16, utf-32, utf-7, hz and
 * iso-2022-kr are not. The platform has no encoders, so tables are made by decoding every byte (or pair of
 * bytes) once and inverting the result; they are cached, a dozen at most.
 *
 * Corrections: TextDecoder treats many sets as a larger one (us-ascii and iso-8859-1 as windows-1252, gb2312
 * as gbk), which is fine for reading; writing keeps to what the label promises, because not every reader is
 * that lenient. Node 20 decodes windows-1252 as if it were iso-8859-1, so that set has its own table here.
 *
 * Characters that a set lacks are written in ASCII where a reader of the language still understands them
 * (transliterate.ts).
 */
import { transliterate } from './transliterate.ts';

/** Windows-1252, 0x80 to 0x9F (WHATWG index). */
const WINDOWS_1252_HIGH =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** Names that mean "bytes above 0x7F are of no known meaning" (RFC 1428 and habit). */
const ASCII_NAMES = new Set([
  '',
  'us-ascii',
  'ascii',
  'ansi_x3.4-1968',
  'iso646-us',
  'unknown-8bit',
  'x-unknown',
  'unknown',
]);
const NOT_ASCII = new Set(['utf-16le', 'utf-16be', 'iso-2022-kr', 'hz-gb-2312', 'replacement']);

export interface Charset {
  readonly kind: 'ascii' | 'utf-8' | 'single' | 'double' | 'iso-2022-jp';
  /** TextDecoder's own name for it. */
  readonly name: string;
  /** Is this byte sequence part of what the label promises? For many sets TextDecoder accepts more. */
  readonly fits: (lead: number, trail: number | undefined) => boolean;
}

const fitsAll = (): boolean => true;
/** The rows of JIS X 0208 with 0x80 added; not the vendor's rows, nor half-width kana behind 0x8E. */
const fitsJis = (lead: number, trail = 0): boolean =>
  trail >= 0xa1 && lead >= 0xa1 && lead <= 0xf4 && (lead <= 0xa8 || lead >= 0xb0);

/** Labels of the larger sets, and what fits into the smaller ones that TextDecoder takes for the same. */
const DOUBLE: Readonly<Record<string, { readonly all: RegExp; readonly fits: Charset['fits'] }>> = {
  'euc-jp': { all: /^$/, fits: fitsJis },
  shift_jis: {
    all: /31j|932/,
    fits: (lead, trail) =>
      trail === undefined || lead <= 0x84 || (lead >= 0x88 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xea),
  },
  gbk: { all: /gbk|936/, fits: (lead, trail = 0) => lead >= 0xa1 && lead <= 0xf7 && trail >= 0xa1 },
  gb18030: { all: /^gb18030$/, fits: fitsAll },
  big5: { all: /hkscs/, fits: (lead) => lead >= 0xa1 && lead <= 0xf9 && (lead <= 0xc6 || lead >= 0xc9) },
  'euc-kr': { all: /949/, fits: (lead, trail = 0) => lead >= 0xa1 && trail >= 0xa1 },
};

function clean(label: string): string {
  return label.trim().toLowerCase();
}

function decoderName(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

/** The character set with this name in any case; null when it is unknown or cannot be edited in. */
export function charsetOf(label: string): Charset | null {
  const wanted = clean(label);
  if (ASCII_NAMES.has(wanted)) return { kind: 'ascii', name: 'windows-1252', fits: () => false };
  const name = decoderName(wanted);
  if (name === null || NOT_ASCII.has(name)) return null;
  if (name === 'utf-8') return { kind: name, name, fits: fitsAll };
  if (name === 'iso-2022-jp') return { kind: name, name, fits: fitsJis };
  const double = Object.hasOwn(DOUBLE, name) ? DOUBLE[name] : undefined;
  if (double !== undefined)
    return { kind: 'double', name, fits: double.all.test(wanted) ? fitsAll : double.fits };
  const controls = /^(?:cs)?(?:iso|latin|l\d|cp819|ibm819|tis)/.test(wanted);
  return { kind: 'single', name, fits: controls ? (lead) => lead >= 0xa0 : fitsAll };
}

/**
 * Text in any character set that can be decoded, with U+FFFD for invalid bytes; null when the name is
 * unknown.
 */
export function decodeText(bytes: Uint8Array, label: string): string | null {
  const wanted = clean(label);
  if (/^(?:unicode-1-1-)?utf-7$/.test(wanted)) return decodeUtf7(Buffer.from(bytes).toString('latin1'));
  const name = ASCII_NAMES.has(wanted) ? 'windows-1252' : decoderName(wanted);
  if (name === null) return null;
  if (name === 'windows-1252') return decodeWindows1252(bytes);
  try {
    return new TextDecoder(name, { ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

export function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252_HIGH[char.charCodeAt(0) - 0x80]!);
}

/**
 * RFC 2152. Mailers no longer write it, but some readers still display it, so a forgery encoded in it must be
 * found.
 */
function decodeUtf7(text: string): string {
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, shifted: string) => {
    if (shifted === '') return '+';
    const bytes = Buffer.from(shifted, 'base64');
    let out = '';
    for (let at = 0; at + 1 < bytes.length; at += 2)
      out += String.fromCharCode(bytes[at]! * 256 + bytes[at + 1]!);
    return out;
  });
}

const tables = new Map<string, ReadonlyMap<string, Buffer>>();

/** Character to bytes, for a set of one or two bytes a character. */
function tableOf(name: string, double: boolean): ReadonlyMap<string, Buffer> {
  const known = tables.get(name);
  if (known !== undefined) return known;
  const table = new Map<string, Buffer>();
  for (let lead = 0x80; lead <= 0xff; lead++) {
    learn(table, Buffer.from([lead]), name);
    if (!double) continue;
    for (let trail = 0x40; trail <= 0xfe; trail++) learn(table, Buffer.from([lead, trail]), name);
  }
  tables.set(name, table);
  return table;
}

function learn(table: Map<string, Buffer>, bytes: Buffer, name: string): void {
  const text =
    name === 'windows-1252'
      ? decodeWindows1252(bytes)
      : (decoders.get(name) ?? addDecoder(name)).decode(bytes);
  const code = text.codePointAt(0) ?? 0;
  // Exactly one character, not a control, not private use, and not the replacement character.
  const single = text.length === (code > 0xffff ? 2 : 1);
  const bad = code < 0xa0 || code === 0xfffd || (code >= 0xe000 && code <= 0xf8ff);
  if (single && !bad && !table.has(text)) table.set(text, bytes);
}

const decoders = new Map<string, TextDecoder>();

function addDecoder(name: string): TextDecoder {
  const decoder = new TextDecoder(name);
  decoders.set(name, decoder);
  return decoder;
}

/** One character above ASCII in this set, or null. */
function encodeChar(char: string, charset: Charset): Buffer | null {
  switch (charset.kind) {
    case 'ascii':
      return null;
    case 'utf-8':
      return Buffer.from(char, 'utf8');
    case 'single':
    case 'double': {
      const bytes = tableOf(charset.name, charset.kind === 'double').get(char);
      return bytes !== undefined && charset.fits(bytes[0]!, bytes[1]) ? bytes : null;
    }
    case 'iso-2022-jp': {
      const bytes = tableOf('euc-jp', true).get(char);
      if (bytes === undefined || !charset.fits(bytes[0]!, bytes[1])) return null;
      return Buffer.from([bytes[0]! & 0x7f, bytes[1]! & 0x7f]);
    }
  }
}

const TO_JIS = Buffer.from('\x1b$B', 'latin1');
const TO_ASCII = Buffer.from('\x1b(B', 'latin1');

/**
 * One line of text in a character set, with missing characters in their ASCII form; null when some character
 * has none. `asciiOnly` for a part declared 7bit. iso-2022-jp is 7bit by itself.
 */
export function encodeLine(line: string, charset: Charset, asciiOnly: boolean): Buffer | null {
  const said: { readonly char: string; readonly bytes: Buffer | null }[] = [];
  let dropped = false;
  for (const char of line.normalize('NFC')) {
    const usable = char > '\x7f' && (!asciiOnly || charset.kind === 'iso-2022-jp');
    const bytes = usable ? encodeChar(char, charset) : null;
    if (bytes !== null || char <= '\x7f') {
      // A character that was dropped takes its space with it.
      if (!(dropped && char === ' ' && (said.at(-1)?.char ?? ' ') === ' ')) said.push({ char, bytes });
      continue;
    }
    const form = transliterate(char);
    if (form === null) return null;
    dropped ||= form === '';
    for (const ascii of form) said.push({ char: ascii, bytes: null });
  }
  while (dropped && said.at(-1)?.char === ' ') said.pop();
  if (said.length === 0 && line !== '') return null;
  return charset.kind === 'iso-2022-jp' ? joinJis(said) : Buffer.concat(said.map(joinable));
}

function joinable({ char, bytes }: { readonly char: string; readonly bytes: Buffer | null }): Buffer {
  return bytes ?? Buffer.from(char, 'latin1');
}

/** With escape sequences, and in ASCII at the end of the line (RFC 1468). */
function joinJis(said: readonly { readonly char: string; readonly bytes: Buffer | null }[]): Buffer {
  const pieces: Buffer[] = [];
  let inJis = false;
  for (const piece of said) {
    if ((piece.bytes !== null) !== inJis) {
      inJis = piece.bytes !== null;
      pieces.push(inJis ? TO_JIS : TO_ASCII);
    }
    pieces.push(joinable(piece));
  }
  if (inJis) pieces.push(TO_ASCII);
  return Buffer.concat(pieces);
}
