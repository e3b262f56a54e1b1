/**
 * Frees memory after a table was replaced.
 *
 * The arrays of a table of a million rows take 50 MiB outside the JavaScript heap. They are freed when the
 * garbage collector next visits the few objects that hold them. In a busy daemon this happens soon; a quiet
 * one allocates so little that it may take hours. So a collection is started as soon as a second has passed
 * without work, when its 3 to 20 ms delay no client. It is run twice, because a collection that was in
 * progress may have seen the old table in use, and once more when the last transaction that began under the
 * old table is forgotten (transactionMemory.ts). Memory that the loader's thread allocated stays with glibc
 * unless MALLOC_MMAP_THRESHOLD_ is set; the unit file sets it.
 *
 * `gc` exists only in a context created after the flag was set (node:v8, node:vm).
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

/** Collects garbage when `work`, a counter of everything that is done, has not changed for a second. */
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

/** Call it when an old table is used only by transactions in progress. */
export function releaseMemory(work: () => number): void {
  clearTimeout(later);
  collectWhenQuiet(work);
  later = setTimeout(() => collectWhenQuiet(work), FORGOTTEN_MS).unref();
}
