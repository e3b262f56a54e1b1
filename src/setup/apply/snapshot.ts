/**
 * What setup keeps of each change, so that it can be taken back: STATE/setup/TIME/ with main.cf and master.cf
 * as they were, `setup.json` with what was changed, and `undo.sh`, which needs no tlsward.
 *
 *   STATE/setup/current      the name of the newest one that is in force; also the lock (files/lockedDraft.ts)
 *
 * The folders are those of the user who runs setup, root, and closed to all others. The owner of the state
 * folder, the user tlsward, could put other files in their place: so a file that another user owns or may
 * write to is not read.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../files/atomicWriter.ts';
import { readGuardedSync } from '../../files/guardedReader.ts';
import { fileError } from '../../files/systemError.ts';
import type { Change } from '../plan.ts';
import { type CopiedFile, FILES, type SetupRecord } from './setupRecord.ts';
import { undoScript } from './undoScript.ts';

/** The folder or a file in it cannot be used; the message says why. */
export class SnapshotError extends Error {}

const MAX_FILE = 16 * 1024 * 1024;

/**
 * Makes the folder of this moment with everything in it. Rejects with SnapshotError; then nothing was changed in
 * Postfix.
 */
export async function takeSnapshot(
  root: string,
  directory: string,
  changes: readonly Change[],
  now: Date,
): Promise<string> {
  for (const name of FILES) refuseLink(join(directory, name));
  const folder = join(
    root,
    now
      .toISOString()
      .replace(/\.[0-9]+Z$/, 'Z')
      .replaceAll(':', '-'),
  );
  attempt(`make ${folder}`, () => fs.mkdirSync(folder, { mode: 0o700 }));
  const hashes: Partial<Record<CopiedFile, string>> = {};
  for (const name of FILES) {
    const source = join(directory, name);
    attempt(`copy ${source}`, () => {
      const bytes = fs.readFileSync(source);
      const { mode, uid, gid } = fs.statSync(source);
      const fd = fs.openSync(join(folder, name), 'wx', 0o600);
      fs.writeFileSync(fd, bytes);
      fs.fchownSync(fd, uid, gid);
      fs.fchmodSync(fd, mode & 0o777);
      fs.fsyncSync(fd);
      fs.closeSync(fd);
      hashes[name] = sha256(bytes);
    });
  }
  const before = hashes as Record<CopiedFile, string>;
  const record: SetupRecord = {
    version: 1,
    time: now.toISOString(),
    directory,
    changes,
    before,
    after: null,
  };
  await writeRecord(folder, record);
  writeScript(folder, record);
  return folder;
}

/**
 * postconf(1) renames a new file into place: a link would become a file, and what it leads to would stay as
 * it was.
 */
function refuseLink(path: string): void {
  const status = attempt(`look at ${path}`, () => fs.lstatSync(path));
  if (status.isSymbolicLink())
    throw new SnapshotError(
      `${path} is a symbolic link, and postconf would put a file in its place: change what it leads to by the plan, or put the file there yourself`,
    );
}

/** Notes how setup left the files, and writes the script that takes it back. */
export async function closeSnapshot(folder: string): Promise<void> {
  const record = readRecord(folder);
  const after = hashesOf(record.directory);
  await writeRecord(folder, { ...record, after });
  writeScript(folder, { ...record, after });
}

function writeScript(folder: string, record: SetupRecord): void {
  const path = join(folder, 'undo.sh');
  attempt(`write ${path}`, () => fs.writeFileSync(path, undoScript(record), { mode: 0o700 }));
}

/** The folder of a setup that was killed before it was done; null: there is none. */
export function interruptedIn(root: string): string | null {
  const folders = attempt(`read ${root}`, () => fs.readdirSync(root, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && fs.existsSync(join(root, entry.name, 'setup.json')))
    .map((entry) => join(root, entry.name));
  return folders.sort().find((folder) => readRecord(folder).after === null) ?? null;
}

/** Throws SnapshotError for a file that is not there, not ours or not what we write. */
export function readRecord(folder: string): SetupRecord {
  const text = readOwn(join(folder, 'setup.json')).toString('utf8');
  try {
    const record = JSON.parse(text) as SetupRecord;
    if (record.version === 1 && Array.isArray(record.changes)) return record;
  } catch {
    // said below
  }
  throw new SnapshotError(`${join(folder, 'setup.json')} is not a record of setup`);
}

/** A file as it was before; throws SnapshotError unless it is what was copied. */
export function readCopy(folder: string, name: CopiedFile, record: SetupRecord): Buffer {
  const path = join(folder, name);
  const bytes = readOwn(path);
  if (sha256(bytes) !== record.before[name])
    throw new SnapshotError(`${path} is not the copy that setup made: its content has changed`);
  return bytes;
}

/** The files as they are now. */
export function hashesOf(directory: string): Record<CopiedFile, string> {
  const hash = (name: CopiedFile): string => {
    const path = join(directory, name);
    return attempt(`read ${path}`, () => sha256(fs.readFileSync(path)));
  };
  return { 'main.cf': hash('main.cf'), 'master.cf': hash('master.cf') };
}

/**
 * Makes STATE/setup where it is not there; throws SnapshotError where another user could change what is in
 * it.
 */
export function openRoot(state: string): string {
  const root = join(state, 'setup');
  attempt(`make ${root}`, () => fs.mkdirSync(root, { recursive: true, mode: 0o700 }));
  const status = attempt(`look at ${root}`, () => fs.lstatSync(root));
  if (!status.isDirectory()) throw new SnapshotError(`${root} is not a folder`);
  refuseForeign(root, status);
  return root;
}

function readOwn(path: string): Buffer {
  const read = attempt(`read ${path}`, () =>
    readGuardedSync<string>(path, {
      maxBytes: MAX_FILE,
      followLinks: false,
      refuse: (status) => {
        // a copy has the owner of its original, which is root's as well
        refuseForeign(path, status);
        return null;
      },
    }),
  );
  if (read.kind !== 'read') throw new SnapshotError(`${path} is no file that setup wrote`);
  return read.bytes;
}

function refuseForeign(path: string, { uid, mode }: fs.Stats): void {
  const own = process.getuid?.() ?? 0;
  if (uid !== own && uid !== 0) throw new SnapshotError(`${path} belongs to user ${uid}, expected ${own}`);
  if ((mode & 0o022) !== 0) throw new SnapshotError(`${path} may be written by others (chmod go-w)`);
}

async function writeRecord(folder: string, record: SetupRecord): Promise<void> {
  const path = join(folder, 'setup.json');
  const text = `${JSON.stringify(record, null, 2)}\n`;
  try {
    await writeAtomically(path, text, { how: 'replace', draft: '.setup.json.', syncFolder: true });
  } catch (error) {
    throw new SnapshotError(`cannot write ${path}: ${fileError(error)}`);
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw new SnapshotError(`cannot ${what}: ${fileError(error)}`);
  }
}
