/**
 * Escapes foreign text for one line of a log, a terminal or an SMTP reply.
 *
 * The result is printable ASCII, so it contains no control or bidi characters, and no line end that could
 * forge a line. Every other character, and the backslash, is written as `\u{hex}`, so two different texts
 * never look the same. Text that is too long ends in `...`, and no `\u{hex}` is cut. For HTML the five characters of
 * markup are named besides.
 */

/** Default limit for one foreign text, in characters. */
const MAX_SHOWN = 256;

/** Printable ASCII without the backslash. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * `text` with `\u{hex}` for what is not printable ASCII and for the backslash; at most `limit` characters.
 */
export function escapeText(text: string, limit = MAX_SHOWN): string {
  return escapeUnless(PLAIN, text, limit);
}

/** As `escapeText`, for a line of texts that are already escaped: backslashes stay. */
export function escapeLine(text: string, limit: number): string {
  return escapeUnless(PRINTABLE, text, limit);
}

function escapeUnless(plain: RegExp, text: string, limit: number): string {
  if (text.length <= limit && plain.test(text)) return text;
  let escaped = '';
  let room = 0;
  // escaping never makes a text shorter, so text beyond the limit can be ignored
  for (const char of text.slice(0, limit + 1)) {
    escaped += plain.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`;
    if (escaped.length > limit) return `${escaped.slice(0, room)}...`;
    if (escaped.length <= limit - 3) room = escaped.length;
  }
  return escaped;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As text of HTML, or as the value of an attribute in quotes (HTML section 13.1.2). Shows nothing that is invisible. */
export function htmlEntities(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}
