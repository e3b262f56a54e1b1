/**
 * What JSON of a stranger can come to, before `JSON.parse` is given it: what that takes for each level grows with the
 * number of levels, and each value takes more memory than its text. Pure; one pass over the text.
 */

interface JsonSize {
  /** Deepest nesting of lists and objects; counting ends one level beyond the limit. */
  readonly depth: number;
  /** Lists and objects; commas, of which there is one fewer than there are values. */
  readonly containers: number;
  readonly commas: number;
}

/** Strings do not count. Text that is no JSON has a size, too. */
export function jsonSize(text: string, maxDepth: number): JsonSize {
  let open = 0;
  let depth = 0;
  let containers = 0;
  let commas = 0;
  for (let at = 0; at < text.length && depth <= maxDepth; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        containers++;
        open++;
        if (open > depth) depth = open;
        break;
      case 0x7d:
      case 0x5d:
        open--;
        break;
      case 0x2c:
        commas++;
        break;
    }
  }
  return { depth, containers, commas };
}

/** Are lists and objects nested deeper than `max`? */
export function isNestedDeeper(text: string, max: number): boolean {
  return jsonSize(text, max).depth > max;
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
