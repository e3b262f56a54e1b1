/**
 * Gives memory back after a table was replaced.
 *
 * The arrays of a table of a million rows are 50 MiB outside the JavaScript heap. They go when the collector next looks at
 * the few objects that hold them, and a quiet daemon allocates so little that this may be hours away. So the collector is
 * asked to look: once when the worker that compared the tables has ended, and once more when the last transaction that was
 * begun under the old table is forgotten (see memory.ts). A look takes 2 to 3 ms, measured with a heap of 14 MiB.
 *
 * What the loader's thread had allocated stays with glibc unless MALLOC_MMAP_THRESHOLD_ is set; the unit file sets it.
 *
 * `gc` is there only in a context made after the flag was set (node:v8, node:vm).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const DELAYS_MS = [1000, 11 * 60_000];

let gc: (() => void) | null = null;
let timers: NodeJS.Timeout[] = [];

function collect(): void {
  if (gc === null) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}

/** Call it when an old table is no longer used by anything but transactions under way. */
export function collectSoon(): void {
  for (const timer of timers) clearTimeout(timer);
  timers = DELAYS_MS.map((delay) => setTimeout(collect, delay).unref());
}
