/**
 * Runs interruptible work (core/work.ts) in slices of some milliseconds, between which the event loop serves
 * other connections.
 */
import type { Work } from '../core/work.ts';

/** How long one connection is served before the others get their turn, in milliseconds. */
export const SLICE_MS = 10;
/** Enough for a message with a few recipients. */
const OUT_OF_TURN_MS = 1;

/** The work is not finished. */
export const UNFINISHED = Symbol('unfinished');

export function isWork<T>(value: unknown): value is Work<T> {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function';
}

/** What waits for a turn of the event loop, in order: of all connections together one has each turn. */
const waiting: (() => void)[] = [];
let scheduled = false;

/** Runs `act` in a turn of the event loop that no other such work has, after what asked earlier. */
export function inTurn(act: () => void): void {
  waiting.push(act);
  schedule();
}

function schedule(): void {
  if (scheduled || waiting.length === 0) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    const act = waiting.shift()!;
    schedule();
    act();
  });
}

/**
 * Runs the work for one slice: its result, or UNFINISHED. Throws what the work throws. While other work
 * waits for its turn, only what is nearly nothing is done out of turn.
 */
export function runSlice<T>(work: Work<T>): T | typeof UNFINISHED {
  return runFor(work, waiting.length > 0 ? OUT_OF_TURN_MS : SLICE_MS);
}

function runFor<T>(work: Work<T>, ms: number): T | typeof UNFINISHED {
  const end = performance.now() + ms;
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
export function runRest<T>(work: Work<T>, ran: (begun: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      const begun = performance.now();
      try {
        const result = runFor(work, SLICE_MS);
        if (result === UNFINISHED) inTurn(turn);
        else resolve(result);
      } catch (error) {
        reject(error);
      }
      ran(begun);
    };
    inTurn(turn);
  });
}
