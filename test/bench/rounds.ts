/**
 * Rounds, medians and ratios: how servers are compared on a machine that is never quiet.
 *
 * The servers run side by side and are loaded in turn, the order reversed every round; what is compared is the ratio
 * within a round, and the figure given is the median of those ratios. A first round
 * warms caches, pools and compilers up and is not counted.
 *
 * A round counts as disturbed when, during one of its runs, other processes kept more than a tenth of a core busy: then
 * the two sides did not have the same machine. Disturbed rounds are measured again, at most as many as were asked for
 * (`repeats`; the short form measures none again); of all rounds the least disturbed are kept. What is kept never depends on what was measured.
 */

/** Cores that others may keep busy during a run that counts as undisturbed. */
export const DISTURBED_CORES = 0.1;

/** What every run says about the rest of the machine: cores kept busy by neither server nor load. */
export interface Run {
  readonly foreignCores: number;
}

export interface Rounds<T> {
  /** By contender: index N of every list is the same round. */
  readonly results: ReadonlyMap<string, readonly T[]>;
  /** One line about how many rounds were measured and how quiet those kept were. */
  readonly note: string;
  /** Cores that others used in the most disturbed of the rounds kept. */
  readonly worst: number;
}

/** Median; of an even number the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/**
 * Measures each contender once a round until `rounds` are undisturbed, at most twice as many, or just `rounds` without
 * `repeats`. `measure` gets the round, -1
 * for the one that warms up.
 */
export async function alternate<T extends Run>(
  names: readonly string[],
  rounds: number,
  repeats: boolean,
  measure: (name: string, round: number) => Promise<T>,
): Promise<Rounds<T>> {
  const measured: { readonly byName: ReadonlyMap<string, T>; readonly foreign: number }[] = [];
  const quiet = (): number => measured.filter(({ foreign }) => foreign <= DISTURBED_CORES).length;
  for (let round = -1; round < rounds || (repeats && quiet() < rounds && round < 2 * rounds); round++) {
    const byName = new Map<string, T>();
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) byName.set(name, await measure(name, round));
    const foreign = Math.max(...[...byName.values()].map((run) => run.foreignCores));
    if (round >= 0) measured.push({ byName, foreign });
  }
  const quietRounds = quiet();
  const kept = [...measured].sort((a, b) => a.foreign - b.foreign).slice(0, rounds);
  const results = new Map(names.map((name) => [name, kept.map(({ byName }) => byName.get(name)!)]));
  const worst = Math.max(...kept.map(({ foreign }) => foreign));
  const note =
    `${measured.length} rounds, ${quietRounds} undisturbed; of the ${kept.length} kept, ` +
    `others used up to ${worst.toFixed(2)} cores`;
  return { results, note, worst };
}

/** Median of the per-round ratios ours/theirs of one figure. */
export function ratio<T>(ours: readonly T[], theirs: readonly T[], figure: (result: T) => number): number {
  return median(ours.map((result, round) => figure(result) / figure(theirs[round]!)));
}
