/**
 * Where the text of an HTML document starts, and the banner as HTML.
 *
 * `findStart` follows the states of the WHATWG HTML parser from the first byte until there is content:
 * comments, doctype, white space, `<html>`, `<head>` and what belongs in a head are skipped, and `<body ...>`
 * ends the search. Anything else that comes first (text, an unknown tag, a tag or comment that is never
 * closed, CDATA) opens the body by itself, so the banner goes in front of it; a later `<body>` only adds its
 * attributes. A `<body` in a comment, script, style, title or attribute value is therefore never taken for
 * the tag, and text before `<html>` does not end up above the banner.
 *
 * The document is read as latin1: in the character sets we edit, the bytes of `<`, `>`, quotes and letters
 * never mean anything else, and iso-2022-jp is masked first (`maskJis`). The banner itself is ASCII, with
 * character references, and so is valid in every one of them, whatever a `<meta>` declares.
 *
 * The banner is one `div` with a class of ours and a style that a style sheet in the message does not
 * override. It is on lines of its own. A message can still hide it by other means: the proof is the mark,
 * never the banner.
 */
export const CLASS = 'tlsward-banner';
const OPENING = `<div class="${CLASS}"`;
const STYLE = [
  'display:block!important;visibility:visible!important;',
  'opacity:1!important;position:static!important;height:auto!important;',
  'max-height:none!important;overflow:visible!important;',
  'margin:0 0 1em 0!important;padding:6px 10px!important;',
  'border:1px solid #767676!important;background:#f4f4f4!important;',
  'color:#1a1a1a!important;font:13px/1.4 sans-serif!important;',
  'text-align:left!important',
].join('\r\n');
/** Column at which text is wrapped; a longer word stays whole. */
const WIDTH = 76;

const SPACE = /[ \t\r\n\f]*/y;
export const TAG = /<(\/?)([A-Za-z][^ \t\r\n\f/>]*)/y;
/** Tags that do not open the body: those of a head, whose content is other tags or nothing. */
const HEAD_TAGS = new Set(['html', 'head', 'meta', 'link', 'base', 'basefont', 'bgsound', 'noscript']);
/** Head elements whose content is not markup. */
export const RAW_TAGS = new Set(['title', 'style', 'script', 'noframes']);
const BODY_ENDS = new Set(['body', 'html', 'br']);

export function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/**
 * Offset behind the `>` that ends the tag whose name ends at `from`; -1 when there is none. Quotes count
 * behind `=` only.
 */
export function endOfTag(text: string, from: number): number {
  let state: 'before' | 'name' | 'after' | 'value' | 'unquoted' | '"' | "'" = 'before';
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (state === '"' || state === "'") {
      if (char === state) state = 'before';
      continue;
    }
    if (char === '>') return at + 1;
    const space = char === ' ' || char === '\n' || char === '\r' || char === '\t' || char === '\f';
    if (state === 'unquoted') {
      if (space) state = 'before';
    } else if (space) {
      if (state === 'name') state = 'after';
    } else if (state === 'value') {
      state = char === '"' || char === "'" ? char : 'unquoted';
    } else if (char === '/') {
      state = 'before';
    } else {
      state = char === '=' && state !== 'before' ? 'value' : 'name';
    }
  }
  return -1;
}

/** Offset behind a comment that starts at `at` with `<!--`; -1 when it is not closed. */
export function endOfComment(text: string, at: number): number {
  if (text.startsWith('>', at + 4)) return at + 5;
  if (text.startsWith('->', at + 4)) return at + 6;
  const end = /--!?>/g;
  end.lastIndex = at + 4;
  return end.test(text) ? end.lastIndex : -1;
}

/**
 * Offset behind the end tag of a title, style, script or noframes whose content starts at `from`; -1 when it
 * has none.
 */
export function endOfRaw(text: string, name: string, from: number): number {
  const end = new RegExp(`</${name}(?=[ \\t\\r\\n\\f/>])`, 'gi');
  end.lastIndex = from;
  const found = end.exec(text);
  if (found === null) return -1;
  // In a script, a comment with a script in it hides the end tag from some readers.
  if (name === 'script' && text.slice(from, found.index).includes('<!--')) return -1;
  return endOfTag(text, end.lastIndex);
}

/**
 * Offset behind a doctype, processing instruction or other bogus comment at `at`; -1 when it is not closed.
 */
function endOfBogus(text: string, at: number): number {
  return text.indexOf('>', at) + 1 || -1;
}

/** Where the banner goes, as an offset into the document (latin1); null for a frameset. */
export function findStart(text: string): number | null {
  let at = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  for (;;) {
    const start = skipSpace(text, at);
    let end = -1;
    TAG.lastIndex = start;
    const [head, slash, written] = TAG.exec(text) ?? [];
    if (head !== undefined) {
      const name = written!.toLowerCase();
      const behindName = start + head.length;
      if (slash === '/') {
        if (!BODY_ENDS.has(name)) end = endOfTag(text, behindName);
      } else if (name === 'frameset') {
        return null;
      } else if (name === 'body') {
        end = endOfTag(text, behindName);
        return end < 0 ? start : end;
      } else if (HEAD_TAGS.has(name)) {
        end = endOfTag(text, behindName);
      } else if (RAW_TAGS.has(name)) {
        end = endOfTag(text, behindName);
        if (end >= 0) end = endOfRaw(text, name, end);
      }
    } else if (text.startsWith('<!--', start)) {
      end = endOfComment(text, start);
    } else if (/^<[!?/]/.test(text.slice(start, start + 2)) && !text.startsWith('<![CDATA[', start)) {
      end = endOfBogus(text, start);
    }
    if (end < 0) return start;
    at = end;
  }
}

/**
 * iso-2022-jp as latin1 with everything outside ASCII (or JIS roman) masked, so that none of it looks like
 * markup. null when it has an escape sequence that this character set lacks: readers continue in different
 * states.
 */
export function maskJis(text: string): string | null {
  const [first = '', ...runs] = text.split('\x1b');
  if (!runs.every((run) => /^(?:\([BJI]|\$[@B]|\$\(D)/.test(run))) return null;
  return [first, ...runs.map((run) => (/^\([BJ]/.test(run) ? run : '\x80'.repeat(run.length)))].join('\x1b');
}

/** Text for HTML content or a quoted attribute value, in ASCII. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']|[^\x20-\x7e]/gu, (char) => `&#${char.codePointAt(0)};`);
}

/** The banner as one block of ASCII lines (CRLF between them, none at the end). */
export function bannerBlock(lines: readonly string[]): string {
  const words = lines.map(escapeHtml).join('<br> ').split(' ');
  const out = [OPENING, `style="${STYLE}">`];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      out.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return `${[...out, line].join('\r\n')}</div>`;
}

/** The offset after spaces and a line end at `from`, which belong to the block before them. */
export function behindLine(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return text.startsWith('\r\n', at) ? at + 2 : at;
}
