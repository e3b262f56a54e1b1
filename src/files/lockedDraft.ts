/**
 * Replaces a file that people edit, under a lock: a reader sees the old content or the new one, never a part
 * of it.
 *
 * The new content is written beside it under one fixed name, created with O_EXCL, so that it is also the
 * lock. A second writer waits for the first, and what it then reads is what the first one wrote. A writer
 * that was killed leaves the lock behind; the next one names it in its error. The new file has mode, owner
 * and group of the old one, or of `like` where there was none.
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileError } from './systemError.ts';

/** The file cannot be written; the message says why. */
export class WriteError extends Error {}

/** Another process is writing it, or was killed while doing so. */
export class LockedError extends Error {}

const WAIT_MS = 10_000;
const TRY_MS = 50;

/** A file under its lock. */
interface Draft {
  /** Of the new content, while it is tried; in the folder of the file. */
  readonly path: string;
  /** The file as it is now; null when there is none. */
  readonly before: Buffer | null;
  /** Writes the new content to `path`. Throws WriteError. */
  write(content: string | Uint8Array): void;
  /** Puts it in the place of the file. Throws WriteError. */
  commit(): void;
  /** Releases the lock, and the new content with it unless it was committed. */
  close(): void;
}

/**
 * Waits for the lock and reads the file. `file` may be a link: what it points to is replaced. `like`: whose
 * mode, owner and group a new file gets, writable by its owner only; null: mode 0644 of the process itself.
 * Rejects with WriteError or LockedError.
 */
export async function openDraft(file: string, like: string | null): Promise<Draft> {
  const target = attempt(file, () => (fs.existsSync(file) ? fs.realpathSync(file) : file));
  const path = join(dirname(target), `.${basename(target)}.new`);
  const fd = await lock(path);
  let open = true;
  let committed = false;
  const stop = (signal: NodeJS.Signals): void => {
    close();
    process.kill(process.pid, signal);
  };
  const close = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, stop);
    if (open) fs.closeSync(fd);
    open = false;
    if (!committed) fs.rmSync(path, { force: true });
    committed = true;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  try {
    const before = attempt(file, () => (fs.existsSync(target) ? fs.readFileSync(target) : null));
    attempt(file, () => dress(fd, target, like));
    return {
      path,
      before,
      write: (content) =>
        attempt(file, () => {
          fs.ftruncateSync(fd, 0);
          const bytes = Buffer.from(content);
          for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at, at);
          fs.fsyncSync(fd);
        }),
      commit: () =>
        attempt(file, () => {
          fs.renameSync(path, target);
          committed = true;
          const folder = fs.openSync(dirname(target), fs.constants.O_RDONLY);
          fs.fsyncSync(folder);
          fs.closeSync(folder);
        }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Mode, owner and group, before there is any content to read. */
function dress(fd: number, target: string, like: string | null): void {
  const old = fs.statSync(target, { throwIfNoEntry: false });
  const model = old ?? (like === null ? null : fs.statSync(like));
  if (model === null) {
    fs.fchmodSync(fd, 0o644);
    return;
  }
  const made = fs.fstatSync(fd);
  if (made.uid !== model.uid || made.gid !== model.gid) fs.fchownSync(fd, model.uid, model.gid);
  fs.fchmodSync(fd, old === undefined ? model.mode & 0o644 : model.mode & 0o777);
}

async function lock(path: string): Promise<number> {
  for (let waited = 0; ; waited += TRY_MS) {
    try {
      return fs.openSync(path, 'wx', 0o600);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new WriteError(`cannot write ${path}: ${fileError(error)}`);
      if (waited >= WAIT_MS)
        throw new LockedError(
          `${path} exists: another process is writing, or was killed while writing (then remove it)`,
        );
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
}

function attempt<T>(file: string, what: () => T): T {
  try {
    return what();
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    throw new WriteError(
      `cannot write ${file}: ${fileError(error)}${syscall === undefined ? '' : ` (${syscall})`}`,
    );
  }
}
