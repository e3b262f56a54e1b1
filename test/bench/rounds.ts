/**
 * Rounds, medians and ratios: how two servers are compared on a machine that is never quiet.
 *
 * The servers run side by side and are loaded in turn, the order reversed every round; what is compared is the ratio
 * within a round, and the figure given is the median of those ratios (performance.md, "How to read"). A first round
 * warms caches, pools and compilers up and is not counted.
 */

/** Median; of an even number the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/**
 * Measures each contender once a round. Returns the results by name, index N of every list being round N.
 * `measure` gets the round, -1 for the one that warms up.
 */
export async function alternate<T>(
  names: readonly string[],
  rounds: number,
  measure: (name: string, round: number) => Promise<T>,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const result = await measure(name, round);
      if (round >= 0) results.get(name)!.push(result);
    }
  }
  return results;
}

/** Median of the per-round ratios ours/theirs of one figure. */
export function ratio<T>(ours: readonly T[], theirs: readonly T[], figure: (result: T) => number): number {
  return median(ours.map((result, round) => figure(result) / figure(theirs[round]!)));
}
