/**
 * A clock that never goes back, for how long things are kept. When the wall clock is set back (a start before the time was
 * known, a mistake, somebody who can send time), what was kept until then would count as new for as long again: a client
 * certificate that another interface saw would serve a later session. When it is set forward this one follows, and what is kept is
 * found out anew.
 */

/** Milliseconds since the epoch, whole; `wall` and `monotonic` (its zero does not matter) give milliseconds. */
export function steadyClock(wall: () => number, monotonic: () => number): () => number {
  let at = wall();
  let seen = monotonic();
  return () => {
    const now = monotonic();
    at = Math.max(at + now - seen, wall());
    seen = now;
    return Math.floor(at);
  };
}

/** Differences below this are drift, slewing or the time between two readings. */
const LEAST_STEP_MS = 1000;

/**
 * By how many milliseconds the wall clock was set since the last call, forward or back; 0: it was not. A
 * suspended machine, whose monotonic clock stands still, wakes up with a step forward.
 */
export function clockSteps(wall: () => number, monotonic: () => number): () => number {
  let offset = wall() - monotonic();
  return () => {
    const now = wall() - monotonic();
    const step = now - offset;
    offset = now;
    return Math.abs(step) < LEAST_STEP_MS ? 0 : Math.round(step);
  };
}
