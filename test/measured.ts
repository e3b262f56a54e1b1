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

/** What `sum` took on the machine whose times are in the bounds of tests. */
const SUM_MS = 52;
const SLOWEST = 4;

function sum(): number {
  let found = 1;
  for (let i = 0; i < 40_000_000; i++) found = (Math.imul(found, 1_664_525) + i) | 0;
  return found;
}

/** How many times slower this machine is than the one whose times are in the bounds, 1 to 4. */
export function slowness(): number {
  // compiled from the third call on
  for (let i = 0; i < 3; i++) sum();
  return Math.min(SLOWEST, Math.max(1, leastThreadMs(SUM_MS, sum) / SUM_MS));
}
