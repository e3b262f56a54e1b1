/**
 * Gives memory back after a table was replaced.
 *
 * The arrays of a table of a million rows are 50 MiB outside the JavaScript heap. They go when the collector next looks at
 * the few objects that hold them. A busy daemon gets there by itself; a quiet one allocates so little that it may take
 * hours. So the collector is asked to look as soon as a second has passed without work, when nobody waits for the 3 to 20
 * ms it takes: twice, because a look that was under way before still saw the old table alive, and once more when the last
 * transaction that was begun under the old table is forgotten (see memory.ts).
 * What the loader's thread had allocated stays with glibc unless MALLOC_MMAP_THRESHOLD_ is set; the unit file sets it.
 *
 * `gc` is there only in a context made after the flag was set (node:v8, node:vm).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const QUIET_MS = 1000;
const FORGOTTEN_MS = 11 * 60_000;
const LOOKS = 2;

let gc: (() => void) | null = null;
let waiting: NodeJS.Timeout | undefined;
let later: NodeJS.Timeout | undefined;

function collect(): void {
  if (gc === null) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}

/** Looks when `work`, a count that grows with everything that is done, stood still for a second. */
function collectWhenQuiet(work: () => number): void {
  clearInterval(waiting);
  let before = work();
  let looks = 0;
  waiting = setInterval(() => {
    const now = work();
    if (now === before) {
      collect();
      if (++looks === LOOKS) clearInterval(waiting);
    }
    before = now;
  }, QUIET_MS).unref();
}

/** Call it when an old table is no longer used by anything but transactions under way. */
export function releaseMemory(work: () => number): void {
  clearTimeout(later);
  collectWhenQuiet(work);
  later = setTimeout(() => collectWhenQuiet(work), FORGOTTEN_MS).unref();
}
