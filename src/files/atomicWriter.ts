/**
 * Writes a file so that a reader sees the old content or the new one, never a part of it: it is written whole
 * and flushed under another name in the same folder, and then given its own.
 */
import { randomBytes } from 'node:crypto';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface WriteOptions {
  /**
   * `replace`: what stood under the name, even a symbolic link, is replaced and not followed (rename(2)).
   * `create`: rejects with EEXIST when something stands there (link(2)).
   */
  readonly how: 'replace' | 'create';
  /** What the other name begins with, so that one left behind by a killed process can be told from files. */
  readonly draft: string;
  /** Whose it is to be; left out: the user's who writes it. Set before it has its name, which others could replace. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Flush the folder too, so that the name survives a power cut. */
  readonly syncFolder: boolean;
}

/** The file gets mode 0600. Rejects with the error of the system call; then nothing is left behind. */
export async function writeAtomically(file: string, content: string, options: WriteOptions): Promise<void> {
  const folder = dirname(file);
  const draft = join(folder, `${options.draft}${process.pid}-${randomBytes(6).toString('hex')}`);
  const handle = await open(draft, 'wx', 0o600);
  try {
    try {
      if (options.owner !== undefined) await handle.chown(options.owner.uid, options.owner.gid);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.how === 'replace') await rename(draft, file);
    else await link(draft, file);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  if (options.how === 'create') await unlink(draft).catch(() => undefined);
  if (options.syncFolder) await syncFolder(folder);
}

/** A file system that cannot do it is no reason to stop. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}
