/**
 * Runs interruptible work (core/work.ts) in slices of some milliseconds, between which the event loop serves
 * other connections.
 */
import { setImmediate } from 'node:timers/promises';
import type { Work } from '../core/work.ts';

/** How long one connection is served before the others get their turn, in milliseconds. */
export const SLICE_MS = 10;

/** The work is not finished. */
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

/**
 * Runs the rest of the work; `ran` is called at the end of each slice with the time it began
 * (performance.now).
 */
export async function runRest<T>(work: Work<T>, ran: (begun: number) => void): Promise<T> {
  for (;;) {
    await setImmediate();
    const begun = performance.now();
    const result = runSlice(work);
    ran(begun);
    if (result !== UNFINISHED) return result;
  }
}
