/**
 * Reads whole files whose name, mode or content another user may control.
 *
 * A file must be regular and no larger than its limit; what else makes it unfit is up to the caller, who is
 * shown the status of the opened file. So the file that was checked is the one that is read, even if the name
 * now leads to another file.
 */
import type { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

// opening a FIFO would block until another process writes to it; for a regular file O_NONBLOCK has no effect
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

interface Guards<R> {
  readonly maxBytes: number;
  /** False: a symbolic link is an error (ELOOP). */
  readonly followLinks: boolean;
  /** Why a file with this status is not read, in the words of the caller; null: it is. */
  readonly refuse: (status: fs.Stats) => R | null;
}

export type Guarded<R> =
  | { readonly kind: 'read'; readonly bytes: Buffer; readonly status: fs.Stats }
  | { readonly kind: 'not-regular' }
  | { readonly kind: 'refused'; readonly why: R }
  | { readonly kind: 'too-large'; readonly bytes: number };

/** Rejects with the error of open(2) or read(2). */
export async function readGuarded<R>(path: string, guards: Guards<R>): Promise<Guarded<R>> {
  const handle = await open(path, flagsOf(guards));
  try {
    const status = await handle.stat();
    return judge(status, guards) ?? { kind: 'read', bytes: await handle.readFile(), status };
  } finally {
    await handle.close();
  }
}

/** The same for a thread that may wait. Throws the error of open(2) or read(2). */
export function readGuardedSync<R>(path: string, guards: Guards<R>): Guarded<R> {
  const fd = fs.openSync(path, flagsOf(guards));
  try {
    const status = fs.fstatSync(fd);
    return judge(status, guards) ?? { kind: 'read', bytes: fs.readFileSync(fd), status };
  } finally {
    fs.closeSync(fd);
  }
}

function flagsOf({ followLinks }: Pick<Guards<unknown>, 'followLinks'>): number {
  return followLinks ? FLAGS : FLAGS | fs.constants.O_NOFOLLOW;
}

function judge<R>(
  status: fs.Stats,
  { maxBytes, refuse }: Guards<R>,
): Exclude<Guarded<R>, { kind: 'read' }> | null {
  if (!status.isFile()) return { kind: 'not-regular' };
  const why = refuse(status);
  if (why !== null) return { kind: 'refused', why };
  return status.size > maxBytes ? { kind: 'too-large', bytes: status.size } : null;
}

/** The folder of a file as it is named, and as it is after symbolic links. */
export function foldersOf(path: string): readonly string[] {
  return [...new Set([dirname(path), dirname(realPathOf(path))])];
}

function realPathOf(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path; // taken away since: what was opened still counts
  }
}

/** Can everyone replace files in a folder of this mode? With the sticky bit only their owners can. */
export function everyoneCanReplace(mode: number): boolean {
  return (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
}
