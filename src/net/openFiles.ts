/**
 * How many files this process may open, and has open: each connection takes a file descriptor.
 *
 * Node raises the soft limit to the hard limit when it starts (tried with 20 and 22), so the value read here
 * is the maximum. To raise it, set `LimitNOFILE=` in the unit, or use `ulimit -n` before the start.
 * Source: proc(5), /proc/self/limits.
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

/** The minimum for Node, the worker that reads the table, sockets and lookups. */
const MIN_FILES = 256;

/** The error message for a limit that is too low for the daemon to start; '' for a sufficient one. */
export function tooFewFiles(): string {
  const limit = openFileLimit();
  if (limit === null || limit >= MIN_FILES) return '';
  return `this process may have ${limit} files open, and at least ${MIN_FILES} are needed: raise the hard limit (LimitNOFILE= of the unit, ulimit -Hn)`;
}

/** Files open now; null when the system does not provide the number. */
export async function openFileCount(): Promise<number | null> {
  try {
    // one of them is the descriptor of this folder
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

/** '' when one more file can be opened; `EMFILE`: not by this process; `ENFILE`: not by any process. */
export function cannotOpen(): string {
  try {
    closeSync(openSync('/dev/null', 'r'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return code;
  }
  return '';
}
