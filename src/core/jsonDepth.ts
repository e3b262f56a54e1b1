/**
 * How deep JSON of a stranger is nested, before `JSON.parse` is given it: what that takes for each level grows with
 * the number of levels. Pure; one pass over the text.
 */

/** Are lists and objects nested deeper than `max`? Text that is no JSON has an answer, too. */
export function isNestedDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > max) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

/** Offset of the quote that closes the string at `at`; the end of the text when there is none. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i;
  }
  return text.length;
}
