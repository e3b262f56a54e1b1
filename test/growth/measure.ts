/**
 * Does the time of a call grow no faster than n log n with its input? CPU time, so that other work on the
 * machine does not count; the least of several runs, because whatever else happens only adds to it; and nothing is said
 * of calls that are done soon at the largest input there is, whatever they do.
 */

import { threadMs } from '../threadTime.ts';

/** No message may hold the process longer, so a call that takes less at its largest input is none to speak of. */
export const FLOOR_MS = 50;
/** From one size to the next. */
const STEP = 4;
/** Two steps. */
const PARTS = STEP ** 2;
/**
 * What one call may take, compared with PARTS calls for as much in parts of it: n log n gives 1 to 1.4, memory that has to
 * be tidied up while more of it is in use up to 5, a square 16.
 */
const MAX_GROWTH = 8;
/** From one size to the next, by which time may grow faster than it without a second look; a square grows STEP times as fast. */
const SURE_GROWTH = 1.5;
/** A shorter time is measured with an error of its own size. */
const MIN_MS = 3;
/** Of the kernel, HZ = 250. */
const TICK_MS = 4;
const RUNS = 2;

function cpuMs(work: () => unknown): number {
  const thread = threadMs();
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  // the time of the thread leaves out the collector, but is exact to a tick only
  return ms < FLOOR_MS / 2 ? ms : Math.min(ms, threadMs() - thread + TICK_MS);
}

/**
 * null when the call grows as it may up to `largest`; otherwise what was measured. `call` gets the size and returns the
 * work for it, so that making the input is not measured.
 */
export function tooSteep(call: (size: number) => () => unknown, largest: number): string | null {
  let found: string | null = null;
  for (let attempt = 0; attempt < 3; attempt++) {
    found = steepAt(call, largest);
    if (found === null) return null;
  }
  return found;
}

/** Grows the input by steps until it is as large as it can be, or what it takes is certain. */
function steepAt(call: (size: number) => () => unknown, largest: number): string | null {
  let before: { readonly size: number; readonly ms: number } | null = null;
  for (let size = Math.ceil(largest / STEP ** 5); ; size = Math.min(size * STEP, largest)) {
    // most calls are through after one run: even a square of it would not come to the floor at the largest
    const certain = (time: number): boolean => Math.max(time, 0.01) * (largest / size) ** 2 < FLOOR_MS;
    const work = call(size);
    let ms = cpuMs(work);
    if (certain(ms)) return null;
    if (ms < FLOOR_MS) ms = Math.min(ms, leastMs(work, FLOOR_MS));
    if (certain(ms)) return null;
    const doubtful = before === null || ms / before.ms > SURE_GROWTH * (size / before.size);
    if (ms >= FLOOR_MS && size >= PARTS && doubtful) {
      const part = call(Math.ceil(size / PARTS));
      const parts = leastMs(
        () => {
          for (let i = 0; i < PARTS; i++) part();
        },
        ms / (MAX_GROWTH / 2),
      );
      if (ms / Math.max(parts, MIN_MS) > MAX_GROWTH)
        return `${parts.toFixed(1)} ms for ${PARTS} parts, ${ms.toFixed(1)} ms for ${size}`;
    }
    if (size >= largest) return null;
    before = { size, ms };
  }
}

/** The least of some runs; of one, if that took at least `enough`. */
function leastMs(work: () => unknown, enough: number): number {
  let ms = cpuMs(work);
  for (let run = 1; run < RUNS && ms < enough; run++) ms = Math.min(ms, cpuMs(work));
  return ms;
}
