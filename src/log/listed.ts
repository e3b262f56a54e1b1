/** Limit for all elements of a list together, in characters. */
const MAX_LIST = 4096;

/**
 * The beginning of a list for one log line: at most `most` elements and `longest` characters (4,096), but
 * always the first element. The rest is counted at the end (`and 950 more`). `count`: the number of all
 * elements, if `list` does not have all of them.
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
