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

/** Characters of all elements of a list together. */
const MAX_LIST = 4096;

/**
 * The beginning of a list for one line of the log: at most `most` elements, of which the first always counts, and
 * `longest` characters (4,096); what is left out is counted at the end (`and 950 more`). `count`: how many there are, when `list` has not all.
 */
export function listed(list: Iterable<string>, most: number, count: number, longest = MAX_LIST): string[] {
  const shown: string[] = [];
  let characters = 0;
  for (const element of list) {
    const text = element.length > MAX_LIST ? `${element.slice(0, MAX_LIST)}...` : element;
    characters += text.length;
    if (shown.length === most || (shown.length > 0 && characters > longest)) break;
    shown.push(text);
  }
  if (shown.length < count) shown.push(`and ${count - shown.length} more`);
  return shown;
}
