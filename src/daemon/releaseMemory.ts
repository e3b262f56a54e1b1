/**
 * Frees memory after a table was replaced.
 *
 * The arrays of a table of a million rows take 35 MiB outside the JavaScript heap. They are freed when the
 * garbage collector next visits the few objects that hold them, and it does not know how much they hold: memory that
 * threads share is not counted. In a quiet daemon this may take hours, and under load several replaced tables would
 * wait for it. So it is told of as much memory, by an array that is never written and so takes none. It then begins
 * to collect in small steps between other work, and the pause at their end is that of any collection.
 *
 * This is done soon after a table was replaced: not at once, because then the thread that read it ends, and `tlsward
 * reload` too, and with the collection they would take both cores of a small machine. It is done again when a second
 * has passed without work, because the old table was perhaps still in use; once more when the last transaction that
 * began under the old table is forgotten (transactionMemory.ts). Memory that the loader's thread allocated stays with
 * glibc unless MALLOC_MMAP_THRESHOLD_ is set; the unit file sets it.
 */

const SOON_MS = 200;
const QUIET_MS = 1000;
const FORGOTTEN_MS = 11 * 60_000;
const LOOKS = 2;
/** V8 begins a collection when it has learned of 64 MiB since the last one. */
const NOTICED_BYTES = 65 * 1024 * 1024;

let waiting: NodeJS.Timeout | undefined;
let later: NodeJS.Timeout | undefined;

function collect(): void {
  try {
    new ArrayBuffer(NOTICED_BYTES);
  } catch {
    // the system promises no such memory: what is free is collected later
  }
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
  setTimeout(collect, SOON_MS).unref();
  collectWhenQuiet(work);
  later = setTimeout(() => collectWhenQuiet(work), FORGOTTEN_MS).unref();
}
