/**
 * DAY.KIND: a file of convenience beside the lines of a day (an index, a count), which can always be made of them again.
 * It is written under another name, and takes its own when it is whole.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';

/** It takes seconds: a draft that is older belongs to nobody. */
const DRAFT_MS = 3_600_000;

export function besideFile(folder: string, day: string, kind: string): string {
  return join(folder, `${day}.${kind}`);
}

/**
 * Puts the file in place of an older one; `lines`: the file of the day's lines, whose owner it gets from root. Throws the
 * error of the system, or of `write`; then nothing is left behind.
 */
export function writeBeside(
  folder: string,
  day: string,
  kind: string,
  lines: string,
  write: (fd: number) => void,
): void {
  removeDrafts(folder, `.${day}.${kind}-`);
  const draft = join(folder, `.${day}.${kind}-${process.pid}-${randomBytes(6).toString('hex')}`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640);
  try {
    try {
      write(fd);
      // made by root, it belongs to whoever the lines belong to
      const { uid, gid } = statSync(lines);
      if (process.getuid?.() === 0) fchownSync(fd, uid, gid);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, besideFile(folder, day, kind));
  } catch (error) {
    unlinkSync(draft);
    throw error;
  }
}

/** What a process that was killed left behind. */
function removeDrafts(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const file = join(folder, name);
    if (Date.now() - (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > DRAFT_MS)
      rmSync(file, { force: true });
  }
}
