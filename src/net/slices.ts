/**
 * Work in slices: runs what can be interrupted (core/work.ts) for some milliseconds, lets the event loop serve everything
 * else that came, and goes on.
 */
import { setImmediate } from 'node:timers/promises';
import type { Work } from '../core/work.ts';

/** Work on one connection before the others get their turn, in milliseconds. */
export const SLICE_MS = 10;

/** The work has more to do. */
export const UNFINISHED = Symbol('unfinished');

export function isWork<T>(value: unknown): value is Work<T> {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function';
}

/** Runs the work for one slice: its result, or UNFINISHED. Throws what the work throws. */
export function runSlice<T>(work: Work<T>): T | typeof UNFINISHED {
  const end = performance.now() + SLICE_MS;
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() > end) return UNFINISHED;
  }
}

/** Runs the rest of the work; `ran` is told when each slice began (performance.now), at its end. */
export async function runRest<T>(work: Work<T>, ran: (begun: number) => void): Promise<T> {
  for (;;) {
    await setImmediate();
    const begun = performance.now();
    const result = runSlice(work);
    ran(begun);
    if (result !== UNFINISHED) return result;
  }
}
