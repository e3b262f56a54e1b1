/**
 * Foreign text made fit for one line of a log, a terminal or an SMTP reply.
 *
 * Only printable ASCII is left, so no reader of it ever meets a raw control or bidi character, or a line end that forges
 * a line. Every other character, and the backslash, is written as `\u{hex}`: two different texts never look the same.
 * Text that does not fit ends in `...`; no `\u{hex}` is cut in two.
 */

/** Characters of one foreign text, where the place has no limit of its own. */
const MAX_SHOWN = 256;

/** Printable ASCII without the backslash. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** `text` with `\u{hex}` for what is not printable ASCII and for the backslash; at most `limit` characters. */
export function escapeText(text: string, limit = MAX_SHOWN): string {
  return escapeUnless(PLAIN, text, limit);
}

/** A line made of texts that are escaped already: as `escapeText`, but backslashes stay. */
export function escapeLine(text: string, limit: number): string {
  return escapeUnless(PRINTABLE, text, limit);
}

function escapeUnless(plain: RegExp, text: string, limit: number): string {
  if (text.length <= limit && plain.test(text)) return text;
  let escaped = '';
  let room = 0;
  // escaping never makes a text shorter, so what is beyond the limit need not be looked at
  for (const char of text.slice(0, limit + 1)) {
    escaped += plain.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`;
    if (escaped.length > limit) return `${escaped.slice(0, room)}...`;
    if (escaped.length <= limit - 3) room = escaped.length;
  }
  return escaped;
}
