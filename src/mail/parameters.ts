/**
 * The values of Content-Type and Content-Disposition: `value *(";" attribute "=" value)`.
 *
 * RFC 2045 section 5.1 (grammar, comments, quoted strings), RFC 2231 (`name*0`, `name*1*`,
 * `name*=charset'lang'%41`), RFC 2183 (disposition). Reads what mail readers agree on and returns null for
 * the rest, because where readers differ it is unclear which part is the text:
 * - accepted beyond the grammar: white space around `=`, empty parameters (`;;`, trailing `;`), and
 *   characters such as `=?:/@` in unquoted values, because real mailers write `boundary=----=_Part_1`;
 * - refused: text after a value, an unclosed quote or comment, a missing value, two different values of a
 *   parameter that matters (`charset`, `boundary`, `start`), gaps between the sections of RFC 2231.
 *
 * One pass from left to right; no input takes more than linear time.
 */
export interface Parameterized {
  /** In lower case: "text/plain", "attachment". */
  readonly value: string;
  /** Names in lower case, values as written (percent-decoded bytes as latin1 for RFC 2231). */
  readonly params: ReadonlyMap<string, string>;
}

/** Parameters whose value must be unambiguous. */
const DECISIVE = new Set(['charset', 'boundary', 'start']);
/** Sections of one RFC 2231 parameter. */
const MAX_SECTIONS = 100;

const SPACE = /[ \t\r\n]*/y;
const TOKEN = /[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+/y;
const TYPE = /[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+)?/y;
/** Anything but white space, controls and `;"(),\`. */
const LOOSE_VALUE = /[!#-'*+\-./0-9:<-[\]-~\x80-\xff]+/y;
const SECTION = /^([^*]+)(?:\*(0|[1-9]\d{0,2}))?(\*)?$/;

class Cursor {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  /** Skips white space and comments; false when a comment stays open. */
  skip(): boolean {
    for (;;) {
      this.take(SPACE);
      if (this.text[this.at] !== '(') return true;
      let depth = 0;
      do {
        const char = this.text[this.at];
        if (char === undefined) return false;
        if (char === '\\') this.at++;
        else if (char === '(') depth++;
        else if (char === ')') depth--;
        this.at++;
      } while (depth > 0);
    }
  }

  /** A quoted string without its quotes and escapes, or null when it stays open. */
  quoted(): string | null {
    let out = '';
    for (let at = this.at + 1; at < this.text.length; at++) {
      const char = this.text[at]!;
      if (char === '"') {
        this.at = at + 1;
        return out;
      }
      if (char === '\\') {
        at++;
        out += this.text[at] ?? '';
      } else if (char !== '\n' && char !== '\r') out += char;
    }
    return null;
  }
}

/**
 * Parses a field value as received (folds as LF or CRLF). `wanted` says whether the value must hold a slash.
 * Returns null when it is malformed or ambiguous.
 */
export function parseParameterized(raw: string, wanted: 'type' | 'token'): Parameterized | null {
  const cursor = new Cursor(raw);
  if (!cursor.skip()) return null;
  const value = cursor.take(TYPE).toLowerCase();
  if (value === '' || value.includes('/') !== (wanted === 'type')) return null;
  const written: [string, string][] = [];
  for (;;) {
    if (!cursor.skip()) return null;
    if (cursor.at >= raw.length) break;
    if (raw[cursor.at] !== ';') return null;
    cursor.at++;
    if (!cursor.skip()) return null;
    if (cursor.at >= raw.length || raw[cursor.at] === ';') continue;
    const name = cursor.take(TOKEN).toLowerCase();
    if (name === '' || !cursor.skip() || raw[cursor.at] !== '=') return null;
    cursor.at++;
    if (!cursor.skip()) return null;
    const text = raw[cursor.at] === '"' ? cursor.quoted() : cursor.take(LOOSE_VALUE) || null;
    if (text === null) return null;
    written.push([name, text]);
  }
  const params = assemble(written);
  return params === null ? null : { value, params };
}

interface Sections {
  plain: string | null;
  readonly numbered: Map<number, string>;
}

function assemble(written: readonly [string, string][]): Map<string, string> | null {
  const byName = new Map<string, Sections>();
  for (const [attribute, text] of written) {
    const [, name, number, star] = SECTION.exec(attribute) ?? [];
    if (name === undefined) continue;
    const sections = byName.get(name) ?? { plain: null, numbered: new Map() };
    byName.set(name, sections);
    const decoded = star === undefined ? text : percentDecoded(text, number === undefined || number === '0');
    if (number === undefined) {
      // A plain value and its RFC 2231 twin (filename, filename*) are normal; two boundaries are not.
      if (sections.plain !== null && sections.plain !== decoded && DECISIVE.has(name)) return null;
      sections.plain ??= decoded;
    } else if (sections.numbered.has(Number(number)) || sections.numbered.size >= MAX_SECTIONS) {
      return null;
    } else {
      sections.numbered.set(Number(number), decoded);
    }
  }
  const params = new Map<string, string>();
  for (const [name, { plain, numbered }] of byName) {
    let joined = '';
    for (let number = 0; number < numbered.size; number++) {
      const section = numbered.get(number);
      if (section === undefined) return null;
      joined += section;
    }
    if (plain !== null && numbered.size > 0 && plain !== joined && DECISIVE.has(name)) return null;
    params.set(name, plain ?? joined);
  }
  return params;
}

/** RFC 2231: `charset'language'` in front of the first section, then %XX. The bytes stay bytes (latin1). */
function percentDecoded(text: string, first: boolean): string {
  const value = first ? text.replace(/^[^']*'[^']*'/, '') : text;
  return value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
