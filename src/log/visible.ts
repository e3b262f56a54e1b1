/**
 * Text for one line of a log or a terminal: foreign text made harmless, positions in the table.
 *
 * Only printable ASCII is left, so no reader of the log and no terminal ever meets a raw control or bidi character, or a
 * line end that forges a line.
 */
import type { Position } from '../core/settings.ts';

/** Foreign text made safe to print: what is not printable ASCII is written as \u{hex}; cut at `limit` characters. */
export function visible(text: string, limit = 256): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(cut)) return cut;
  return cut.replace(/[^\x20-\x5b\x5d-\x7e]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** `tls.ini:14`. */
export function at(position: Position): string {
  return `${position.file}:${position.line}`;
}
