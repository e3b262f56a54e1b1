/**
 * Waiting with an end: every wait of the end-to-end tests goes through one of these two functions, so that a broken
 * daemon or MTA gives a failed test that says what was awaited, never a test run that hangs.
 *
 * What a caller gives is how long it takes on a busy machine; where that is seconds, several times as much is waited (`patient`),
 * because a machine that is slower still has done nothing wrong, and who waits longer asserts nothing less.
 *
 * `within` bounds a promise. `until` asks a question again and again (default every 20 ms) until it has an answer; it is
 * for facts that live outside this process (a log file, a queue, a process table) and cannot call back.
 */

/** A wait that ran out. `message` names what was awaited and for how long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** Shorter bounds are those of tests that want them to run out. */
const SHORTEST_MS = 5000;
const PATIENCE = 5;

/** How long is waited for what takes `ms` on a busy machine. */
export function patient(ms: number): number {
  return ms < SHORTEST_MS ? ms : ms * PATIENCE;
}

/** The promise's own outcome, or a DeadlineError after `patient(ms)` milliseconds. The promise itself is not cancelled. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const bound = patient(ms);
    timer = setTimeout(() => reject(new DeadlineError(`no ${what} within ${bound} ms`)), bound);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolve after `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const DAY_MS = 86_400_000;

/** Resolves when the day (UTC) lasts for so many milliseconds more: for a test during which it must not end. */
export async function dayLasts(ms: number): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < ms) await pause(left + 1000);
}

/**
 * The first answer of `probe` that is not false, null or undefined. Throws DeadlineError after `patient(ms)` milliseconds,
 * with what `explain` says about the state at that moment, and whatever `probe` throws at once.
 */
export async function until<T>(
  ms: number,
  what: string,
  probe: () => T | false | null | undefined | Promise<T | false | null | undefined>,
  explain: () => string = () => '',
  everyMs = 20,
): Promise<T> {
  const bound = patient(ms);
  const end = performance.now() + bound;
  for (;;) {
    const answer = await probe();
    if (answer !== false && answer !== null && answer !== undefined) return answer;
    if (performance.now() >= end) {
      const state = explain();
      throw new DeadlineError(`no ${what} within ${bound} ms${state === '' ? '' : `; state:\n${state}`}`);
    }
    await pause(everyMs);
  }
}
