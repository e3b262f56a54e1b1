/**
 * Walks the lines of one file in the ini format and calls a handler for each section and entry.
 *
 *   file    = [ BOM ] *( line LF / CR LF )        ; UTF-8, no NUL, the last line end may be missing
 *   line    = *blank ( "" / (";" / "#") comment / header / entry )
 *   header  = "[" name "]" *blank [ comment ]     ; brackets in the name must pair: [domain [192.0.2.1]]
 *   entry   = half "=" half                       ; at the first "="; halves are decoded in iniText.ts
 *
 * Differences from the `ini` package, all on the strict side: a header may be followed by a comment; a line
 * without "=" or with a comment before its "=", a bare CR, a control character, an overlong line and text
 * that is not UTF-8 are mistakes. Section names keep their dots. Nothing here knows which sections and keys
 * exist. A line of a `rows` section that is a plain row goes to `row` undecoded (rowScanner.ts).
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { commentStart, decodeIniText } from './iniText.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { Invalid, quote } from './problem.ts';
import { RowScanner } from './rowScanner.ts';

export interface LineHandler {
  /** A section begins; returns whether its plain rows go to `row`. `raw` is the name as written. */
  header(raw: string, line: number): boolean;
  entry(key: string, value: string, line: number): void;
  /** `plain` is valid during the call only. */
  row(bytes: Uint8Array, plain: RowScanner, line: number): void;
  wrong(line: number, wrong: Invalid): void;
  notice(line: number, text: string): void;
}

const LF = 0x0a;
const CR = 0x0d;

/** Walks all lines; `bytes` is only read. */
export function walkLines(bytes: Uint8Array, handler: LineHandler): void {
  const hasBom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const utf16 =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff) || nul <= 1;
    const hint = utf16 ? 'this looks like UTF-16: save it as UTF-8' : '';
    handler.wrong(lineAt(bytes, nul), new Invalid('a NUL byte', 'text in UTF-8', hint));
    return;
  }
  const walker = new LineWalker(bytes, isUtf8(bytes), handler);
  walker.walk(hasBom ? 3 : 0);
}

/** Rows a file may have, guessed from its beginning: for sizing only. */
export function estimateRows(bytes: Uint8Array): number {
  const sample = Math.min(bytes.length, 65_536);
  let lines = 1;
  for (let i = 0; i < sample; i++) if (bytes[i] === LF) lines++;
  return sample === 0 ? 0 : Math.ceil((bytes.length / sample) * lines * 1.02);
}

function lineAt(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (bytes[i] === LF) line++;
  return line;
}

class LineWalker {
  readonly #bytes: Uint8Array;
  readonly #clean: boolean;
  readonly #handler: LineHandler;
  readonly #plain = new RowScanner();
  #rows = false;

  constructor(bytes: Uint8Array, clean: boolean, handler: LineHandler) {
    this.#bytes = bytes;
    this.#clean = clean;
    this.#handler = handler;
  }

  walk(start: number): void {
    const bytes = this.#bytes;
    const plain = this.#plain;
    for (let at = start, line = 1; at < bytes.length; line++) {
      // the whole file must be UTF-8 for the fast path, because it does not look into comments
      if (this.#rows && this.#clean && plain.scan(bytes, at)) {
        this.#handler.row(bytes, plain, line);
        at = plain.next;
        continue;
      }
      const found = bytes.indexOf(LF, at);
      const end = found < 0 ? bytes.length : found;
      const content = end > at && found >= 0 && bytes[end - 1] === CR ? end - 1 : end;
      const wrong = this.#line(at, content, line);
      if (wrong !== null) this.#handler.wrong(line, wrong);
      at = end + 1;
    }
  }

  #line(start: number, end: number, line: number): Invalid | null {
    if (end - start > MAX_LINE_BYTES) {
      return new Invalid(`a line of ${end - start} bytes`, `at most ${MAX_LINE_BYTES}`);
    }
    const raw = this.#bytes.subarray(start, end);
    if (raw.includes(CR)) {
      return new Invalid('a carriage return inside the line', 'line ends LF or CR LF', 'convert the file');
    }
    if (!this.#clean && !isUtf8(raw)) return new Invalid('bytes that are not UTF-8', 'text in UTF-8');
    const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('utf8').trim();
    if (text === '' || text.startsWith(';') || text.startsWith('#')) return null;
    const odd = /[^\P{Cc}\t]|[\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u.exec(
      text,
    )?.[0];
    if (odd !== undefined) {
      return new Invalid(`${quote(odd)}, an invisible character`, 'text without control characters');
    }
    if (!text.startsWith('[')) return this.#entry(text, line);
    const close = closingBracket(text);
    const rest = text.slice(close + 1).trim();
    if (close >= 0 && (rest === '' || rest.startsWith(';') || rest.startsWith('#'))) {
      this.#rows = this.#handler.header(text.slice(1, close), line);
      return null;
    }
    // a pattern such as [192.0.2.1] can be a key
    if (text.includes('=')) return this.#entry(text, line);
    // go on as if the header were complete, so that the entries below are not added to the section above
    this.#rows = this.#handler.header(close >= 0 ? text.slice(1, close) : text.slice(1), line);
    return new Invalid(quote(text), 'a section header: [ and ] alone on a line');
  }

  #entry(text: string, line: number): Invalid | null {
    const equals = text.indexOf('=');
    if (equals < 0) return new Invalid(quote(text), 'name = value');
    const rawKey = text.slice(0, equals);
    if (commentStart(rawKey) >= 0) {
      return new Invalid(
        `a comment before "=" in ${quote(text)}`,
        'name = value',
        'quote the name or write \\; or \\#',
      );
    }
    const key = decodeIniText(rawKey);
    if (key instanceof Invalid) return key;
    if (key === '') return new Invalid('nothing before "="', 'name = value');
    const rawValue = text.slice(equals + 1);
    const value = decodeIniText(rawValue);
    if (value instanceof Invalid) return value;
    const comment = commentStart(rawValue);
    if (comment > 0 && !/\s/.test(rawValue[comment - 1]!)) {
      const cut = rawValue.slice(comment).trim();
      this.#handler.notice(line, `${quote(cut)} is read as a comment; quote the value if it belongs to it`);
    }
    this.#handler.entry(key, value, line);
    return null;
  }
}

/** Index of the bracket that closes the one at 0, or -1. */
function closingBracket(text: string): number {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '[') open++;
    else if (text[i] === ']' && --open === 0) return i;
  }
  return -1;
}
