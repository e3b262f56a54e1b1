/**
 * Interruptible work. One event loop serves all mail, so a function that takes long for a message with many
 * recipients is a generator: it yields where other connections may be served, and returns its result.
 *
 *   Work<T>              what a pure function returns instead of T
 *   allAtOnce(work)      runs it to its end, where no connection waits
 *   mapped(list, make)   `list.map(make)` as work
 *
 * The functions stay pure: net/slices.ts decides when to resume them.
 */

export type Work<T> = Generator<undefined, T, undefined>;

/** Elements between two yields: each takes some 20 microseconds, and a step of a generator costs far less. */
export const AT_ONCE = 32;

export function allAtOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

export function* mapped<From, To>(list: readonly From[], make: (one: From, index: number) => To): Work<To[]> {
  const made: To[] = [];
  for (let i = 0; i < list.length; i++) {
    made.push(make(list[i]!, i));
    if (made.length % AT_ONCE === 0) yield;
  }
  return made;
}
