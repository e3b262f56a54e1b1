/**
 * The first line at which what was played leaves the transcript, with the line before it; null when there is none. Lines are
 * counted from 1, comments and blank lines left out.
 */
export function firstDifference(found: readonly string[], expected: readonly string[]): string | null {
  const length = Math.max(found.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (found[i] === expected[i]) continue;
    const shown = (lines: readonly string[]): string => lines[i] ?? '(the end)';
    const before = i === 0 ? '' : `\n     after: ${expected[i - 1]}`;
    return `line ${i + 1}${before}\n  expected: ${shown(expected)}\n     found: ${shown(found)}`;
  }
  return null;
}
