/**
 * How many files this process may have open, and has: connections are files to the kernel.
 *
 * Node raises the soft limit to the hard one when it starts (tried with 20 and 22), so what is read here is all there is:
 * more comes from `LimitNOFILE=` of the unit, or `ulimit -n` before the start. Source: proc(5), /proc/self/limits.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

/** The limit; null when the system does not provide it. */
export function openFileLimit(): number | null {
  try {
    const found = /^Max open files +([0-9]+) /m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? null : Number(found);
  } catch {
    return null;
  }
}

/** Fewer are not enough: Node, the worker that reads the table, sockets, lookups. */
const MIN_FILES = 256;

/** The sentence about a limit with which the daemon does not start; '' for one that will do. */
export function tooFewFiles(): string {
  const limit = openFileLimit();
  if (limit === null || limit >= MIN_FILES) return '';
  return `this process may have ${limit} files open, and at least ${MIN_FILES} are needed: raise the hard limit (LimitNOFILE= of the unit, ulimit -Hn)`;
}

/** Files open now; null when the system does not provide the number. */
export async function openFileCount(): Promise<number | null> {
  try {
    // one of them is the folder itself
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

/** Can one more file be opened? `EMFILE`: not by this process; `ENFILE`: by none of the system; '' when it can. */
export function cannotOpen(): string {
  try {
    closeSync(openSync('/dev/null', 'r'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return code;
  }
  return '';
}
