/**
 * A clock for expiry times that never goes back. If the wall clock is set back (because the time was unknown
 * at the start, by mistake, or by an attack on NTP), data kept until then would count as new again, and a
 * client certificate that another interface saw could be used for a later session. If the wall clock is set
 * forward, this clock follows, and kept data is looked up again.
 */

/**
 * Milliseconds since the epoch, whole; `wall` and `monotonic` (its zero does not matter) give milliseconds.
 */
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
 * Returns by how many milliseconds the wall clock was set since the last call, forward or back; 0: it was
 * not. After a suspension, during which the monotonic clock stood still, this is a step forward.
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
