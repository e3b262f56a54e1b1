/**
 * "Did you mean": the nearest of some known words to one that is not known.
 *
 * Distance is optimal string alignment (insert, delete, replace, swap of neighbours: one each), without
 * regard to case. A word counts as near up to a third of its length, at least 1 and at most 3 edits; of
 * equally near ones the first wins. Cost is bounded: words longer than MAX_WORD are not compared.
 */

const MAX_WORD = 64;

/** Edits between two words; `limit` + 1 for anything further apart than `limit`. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return Math.min(above[b.length]!, limit + 1);
}

/** The known word nearest to `word`, or null when none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length === 0 || word.length > MAX_WORD) return null;
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    if (candidate.length > MAX_WORD) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance - 1);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A hint for a problem: `did you mean encrypt?`, or ''. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const found = nearest(word, known);
  return found === null ? '' : `did you mean ${found}?`;
}
