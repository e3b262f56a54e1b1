/**
 * One writer for the files of a folder, a stream or another: the file `lock` names the process that has it,
 * `PID START BOOT TOKEN`.
 *
 * A process that was killed leaves its lock behind. It is taken over when no process has that number, or the one
 * that has it has ended and only its parent does not know yet (/proc/PID/stat, field 3), started at another time
 * (field 22) or in another run of the machine (boot_id). The
 * token tells a writer that a process started anew, after its thread died, from a second one in the same
 * process. The lock is written whole before it gets its name by link(2), which fails if there is one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWhole, type System, unlinkIfThere } from './system.ts';

/** Another process has it. */
class LockTakenError extends Error {
  readonly code = 'ELOCKED';
}

interface Owner {
  readonly pid: number;
  /** Clock ticks since the boot; '' when the system does not tell. */
  readonly start: string;
  readonly boot: string;
  readonly token: string;
}

const TRIES = 5;

/**
 * Takes the lock of a folder; returns what releases it. `does`: what only one process may do, as a verb with its object.
 * Throws LockTakenError, or a system call's error.
 */
export function takeLock(
  system: System,
  folder: string,
  token: string,
  does = 'writes this stream',
): () => void {
  const path = join(folder, 'lock');
  const own: Owner = { pid: process.pid, start: statOf(process.pid)[1] ?? '', boot: bootId(), token };
  const content = `${own.pid} ${own.start || '-'} ${own.boot || '-'} ${token}\n`;
  for (let left = TRIES; ; left--) {
    try {
      createWhole(system, folder, path, content, 0o640);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = system.readSmall(path);
    if (found === null) continue;
    const owner = parseOwner(found);
    if (left === 0 || (owner !== null && isAlive(owner, own)))
      throw new LockTakenError(
        `${path}: process ${owner?.pid ?? '?'} ${does}; only one may (if none does, remove the file)`,
      );
    takeAway(system, path, found);
  }
  return () => {
    if (system.readSmall(path) === content) unlinkIfThere(system, path);
  };
}

/** Removes a lock that nobody has, unless it has become another's since it was read. */
function takeAway(system: System, path: string, stale: string): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    system.rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (system.readSmall(aside) !== stale) {
    // somebody was faster, and this is his
    try {
      system.link(aside, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  unlinkIfThere(system, aside);
}

function parseOwner(text: string): Owner | null {
  const match = /^([1-9][0-9]{0,9}) ([0-9]{1,20}|-) ([0-9a-f-]{1,64}) ([0-9a-f]{1,64})\n$/.exec(text);
  if (match === null) return null;
  const [, pid = '', start = '', boot = '', token = ''] = match;
  return { pid: Number(pid), start: start === '-' ? '' : start, boot: boot === '-' ? '' : boot, token };
}

function isAlive(owner: Owner, own: Owner): boolean {
  if (owner.boot !== '' && own.boot !== '' && owner.boot !== own.boot) return false;
  if (owner.pid === own.pid && owner.start === own.start) return owner.token !== own.token;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const [state = '', start = ''] = statOf(owner.pid);
  if (state === 'Z' || state === 'X') return false;
  return owner.start === '' || start === '' || owner.start === start;
}

/** State of the process, and when it started in clock ticks since the boot; nothing when the system does not tell. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name of the program, in parentheses, may contain anything
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [fields[0] ?? '', fields[19] ?? ''];
  } catch {
    return [];
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
