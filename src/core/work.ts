/**
 * Work that may be interrupted: one event loop serves all mail, so what takes long for a message with many recipients is
 * a generator that yields wherever other connections may have their turn, and returns its result.
 *
 *   Work<T>              what a pure function returns instead of T
 *   allAtOnce(work)      runs it to its end, where there is nobody to wait
 *   mapped(list, make)   `list.map(make)` as work
 *
 * The functions stay pure: they do not know when they are resumed, nor by whom. net/slices.ts does that.
 */

export type Work<T> = Generator<undefined, T, undefined>;

/** Elements between two interruptions: some 20 microseconds of work each, and a generator's step costs far less than one. */
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
