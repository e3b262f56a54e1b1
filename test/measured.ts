/**
 * Measurements with a bound: another process, the collector or the kernel can only make one larger, so it is repeated before it
 * counts as too large.
 */
import { threadMs } from './threadTime.ts';

const ATTEMPTS = 3;

/** The least of some measurements; of fewer, if one is at most `enough`. */
export async function least(enough: number, measure: () => number | Promise<number>): Promise<number> {
  let found = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && found > enough; attempt++)
    found = Math.min(found, await measure());
  return found;
}

/** Milliseconds of this thread for one call, the least of some. */
export function leastThreadMs(enough: number, work: () => unknown): number {
  let found = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && found > enough; attempt++) {
    const begun = threadMs();
    work();
    found = Math.min(found, threadMs() - begun);
  }
  return found;
}
