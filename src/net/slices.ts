/**
 * Runs interruptible work (core/work.ts) in slices of some milliseconds, between which the event loop serves
 * other connections.
 */
import type { Work } from '../core/work.ts';

/** How long one connection is served before the others get their turn, in milliseconds. */
export const SLICE_MS = 10;
/** Enough for a message with a few recipients. */
const OUT_OF_TURN_MS = 1;

/** The work has more to do. */
const UNFINISHED = Symbol('unfinished');

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
 * Runs the work: its result if it ends in its first slice, otherwise a promise of it. Throws, or rejects with,
 * what the work throws. `ran` is called at the end of each later slice with the time it began
 * (performance.now). While other work waits for its turn, only what is nearly nothing is done out of turn.
 */
export function inSlices<T>(work: Work<T>, ran: (begun: number) => void): T | Promise<T> {
  const first = runFor(work, waiting.length > 0 ? OUT_OF_TURN_MS : SLICE_MS);
  if (first !== UNFINISHED) return first;
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

function runFor<T>(work: Work<T>, ms: number): T | typeof UNFINISHED {
  const end = performance.now() + ms;
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() > end) return UNFINISHED;
  }
}
