/**
 * The file with the keys that sign marks. The only module of this folder that accesses the disk.
 *
 * Format: text, one key a line, base64 (or base64url) or hex, 32 bytes or more; blank lines, lines that begin
 * with `#` and text after ` #` are ignored. The first key signs, all verify.
 *
 * Rotation: put a new key on top (`openssl rand -base64 32`), reload, keep the old ones below for as long as
 * saved mail must verify; remove a key to revoke everything it signed. Hosts that should trust each other's
 * marks share the file.
 *
 * The file is made at the first start with one key: written whole under another name, mode 0600, and linked
 * to its own name, which fails when there is a file already (link(2)), so two daemons starting at once end
 * with one file and one key. `FILE.made` beside it remembers that there was a key: from then on a missing key
 * file is an error, because with a new key all earlier marks would silently stop verifying, and hosts that
 * share the file would differ. A reload makes no key. Where the folder is not writable, no key can be made
 * either, and the note is not needed.
 *
 * As in OpenSSH (sshkey_perm_ok, safe_path), a file that group or others may read, write or execute is always
 * refused: a key that others know proves nothing. The daemon also refuses a file or folder owned by any user
 * but itself and root, and a folder in which everyone may replace the file. Mode and owner are those of the
 * opened file, so a symbolic link is judged by its target; the folder is checked both as named and as
 * resolved.
 *
 * Limits: 64 KiB, 64 keys.
 */

import { randomBytes } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { everyoneCanReplace, foldersOf, type Guarded, readGuarded } from '../files/guardedReader.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { type MarkKey, MIN_KEY_BYTES, markKey } from './signMark.ts';

/** The key file cannot be used; the message says which file (and line), what was found and what to do. */
export class KeyFileError extends Error {
  readonly file: string;
  /** From 1; 0 for an error of the file as a whole. */
  readonly line: number;
  /** What is wrong, without saying where. */
  readonly found: string;

  constructor(file: string, line: number, found: string, options?: ErrorOptions) {
    super(`${formatPosition({ file, line })}: ${found}`, options);
    this.name = 'KeyFileError';
    this.file = file;
    this.line = line;
    this.found = found;
  }
}

const MAX_BYTES = 65536;
const MAX_KEYS = 64;

/** One key as text to bytes, or null. Hex is tried first: 64 hex digits would also be base64 of 48 bytes. */
export function parseKey(text: string): Uint8Array | null {
  if (/^[0-9a-fA-F]+$/.test(text) && text.length % 2 === 0) return Buffer.from(text, 'hex');
  const match = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(text);
  if (match === null || match[1]!.length % 4 === 1) return null;
  return Buffer.from(match[1]!.replace(/-/g, '+').replace(/_/g, '/'), 'base64');
}

/** The keys in the text of a key file, at least one; throws KeyFileError. `file` is only named in errors. */
export function parseKeys(text: string, file: string): MarkKey[] {
  const keys: MarkKey[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const key = line.replace(/^\s*#.*$|\s#.*$/, '').trim();
    if (key === '') continue;
    const bytes = parseKey(key);
    // the text itself stays out of the message: it may be a key with a typo
    if (bytes === null) throw new KeyFileError(file, i + 1, 'not a key: expected base64 or hex digits');
    if (bytes.length < MIN_KEY_BYTES) {
      throw new KeyFileError(
        file,
        i + 1,
        `a key of ${count(bytes.length, 'byte')}: expected ${MIN_KEY_BYTES} or more`,
      );
    }
    const made = markKey(bytes);
    if (keys.some((known) => known.id === made.id)) throw new KeyFileError(file, i + 1, 'duplicate key');
    keys.push(made);
    if (keys.length > MAX_KEYS) throw new KeyFileError(file, i + 1, `more than ${MAX_KEYS} keys`);
  }
  if (keys.length === 0) throw new KeyFileError(file, 0, 'holds no key');
  return keys;
}

/**
 * `daemon`: the file must belong to this process or root; a tool run by root may read a file owned by the
 * daemon's user.
 */
type KeyReader = 'daemon' | 'tool';

/**
 * Reads the key file; throws KeyFileError when it is missing, its permissions are too open, or it does not
 * contain valid keys.
 */
export async function readKeyFile(file: string, reader: KeyReader = 'tool'): Promise<MarkKey[]> {
  let found: Guarded<string>;
  try {
    found = await readGuarded(file, {
      maxBytes: MAX_BYTES,
      followLinks: true,
      refuse: (status) => keyFault(status, file, reader),
    });
  } catch (error) {
    throw new KeyFileError(file, 0, `cannot be opened (${shownCode(error)})`, { cause: error });
  }
  switch (found.kind) {
    case 'read':
      return parseKeys(found.bytes.toString('utf8'), file);
    case 'not-regular':
      throw new KeyFileError(file, 0, 'is not a file');
    case 'refused':
      throw new KeyFileError(file, 0, found.why);
    case 'too-large':
      throw new KeyFileError(file, 0, `has more than ${MAX_BYTES} bytes`);
  }
}

/** Who else could read the key, or put another in its place. */
function keyFault({ uid, mode }: Stats, file: string, reader: KeyReader): string | null {
  if (isStranger(uid, reader)) return ofStranger(uid, 'chown');
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    return `mode is ${shown}: expected 0600, accessible to its owner only (chmod 600 ${file})`;
  }
  return reader === 'daemon' ? folderFault(file) : null;
}

function isStranger(uid: number, reader: KeyReader): boolean {
  const own = process.geteuid?.() ?? 0;
  return uid !== 0 && uid !== own && !(reader === 'tool' && own === 0);
}

function ofStranger(uid: number, cure: string): string {
  return `belongs to user ${uid}: expected root or user ${process.geteuid?.()}, as which this process runs (${cure})`;
}

/** Anyone who may change the folder can put another file in the place of this one. */
function folderFault(file: string): string | null {
  for (const folder of foldersOf(file)) {
    const { uid, mode } = statSync(folder);
    if (isStranger(uid, 'daemon')) return `is in a folder that ${ofStranger(uid, `chown ${folder}`)}`;
    if (everyoneCanReplace(mode)) return `is in a folder that everyone can write (chmod o-w ${folder})`;
  }
  return null;
}

export interface UsableKeys {
  readonly keys: readonly MarkKey[];
  /** Notices for the administrator, one line each. */
  readonly notices: readonly string[];
}

/**
 * The keys for a starting daemon; the first start makes a key. The folder must exist. Rejects with
 * KeyFileError.
 */
export async function keysAtStart(file: string): Promise<UsableKeys> {
  const keys = await readIfThere(file);
  if (keys !== null) return { keys, notices: await remember(file) };
  const missing = await missingKeyFile(file);
  if (missing !== null) {
    // another daemon may have made both since we looked
    const made = await readIfThere(file);
    if (made !== null) return { keys: made, notices: [] };
    throw missing;
  }
  const created = await createKeyFile(file);
  const notices = await remember(file);
  const fresh = await readKeyFile(file, 'daemon');
  if (created) notices.unshift(`${file}: there was no key file; created with key ${fresh[0]?.id}`);
  return { keys: fresh, notices };
}

/** The keys for a running daemon; never makes a key. Rejects with KeyFileError. */
export async function keysAtReload(file: string): Promise<UsableKeys> {
  const keys = await readIfThere(file);
  if (keys !== null) return { keys, notices: await remember(file) };
  const missing = await missingKeyFile(file);
  if (missing !== null) throw missing;
  const cure = `restart the daemon, or create one: (umask 077; openssl rand -base64 32 > ${file})`;
  throw new KeyFileError(file, 0, `does not exist, and a reload creates no key: ${cure}`);
}

/** What is wrong if the key file is missing although there was one; otherwise null. */
export async function missingKeyFile(file: string): Promise<KeyFileError | null> {
  return (await hadKey(file)) ? new KeyFileError(file, 0, gone(file)) : null;
}

function memoryOf(file: string): string {
  return `${file}.made`;
}

function gone(file: string): string {
  return (
    `is missing, and ${memoryOf(file)} says that it existed: restore it from a backup or from a host that shares it; ` +
    `a new key, with which no earlier mark verifies, is created at the next start once ${memoryOf(file)} is removed`
  );
}

async function readIfThere(file: string): Promise<MarkKey[] | null> {
  try {
    return await readKeyFile(file, 'daemon');
  } catch (error) {
    if (!(error instanceof KeyFileError) || codeOf(error.cause) !== 'ENOENT') throw error;
    return null;
  }
}

async function hadKey(file: string): Promise<boolean> {
  try {
    await lstat(memoryOf(file));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new KeyFileError(file, 0, `cannot be looked for (${shownCode(error)})`, { cause: error });
  }
}

/**
 * Writes the note that there is a key, unless it exists. Returns what prevented it, except where no key could
 * be made either.
 */
async function remember(file: string): Promise<string[]> {
  const memory = memoryOf(file);
  const text =
    `# tlsward: the key file ${basename(file)} was here. As long as this note exists, a missing key file is an\n` +
    '# error, and no new key is made in its place.\n';
  try {
    await writeAtomically(memory, text, { how: 'create', draft: `${basename(memory)}.`, syncFolder: true });
  } catch (error) {
    const code = shownCode(error);
    if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(code))
      return [`${memory}: cannot be created (${code}), so a missing key file will not be noticed`];
  }
  return [];
}

/** True when this call made the file, false when another process was faster. */
async function createKeyFile(file: string): Promise<boolean> {
  const text =
    '# Keys that sign the marks of tlsward: base64 or hex, one per line. The first signs, all verify.\n' +
    `${randomBytes(MIN_KEY_BYTES).toString('base64')}\n`;
  try {
    await writeAtomically(file, text, { how: 'create', draft: `${basename(file)}.`, syncFolder: true });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new KeyFileError(file, 0, `cannot be created: ${whyNotMade(dirname(file), error)}`, {
      cause: error,
    });
  }
}

/** In words that say what to mend. */
function whyNotMade(folder: string, error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return `the folder ${folder} does not exist`;
    case 'EACCES':
    case 'EPERM':
      return `this user may not write to the folder ${folder}`;
    case 'EROFS':
      return `the folder ${folder} is read-only (in the unit: ReadWritePaths=)`;
    default:
      return fileError(error);
  }
}

function shownCode(error: unknown): string {
  return codeOf(error) || 'unknown error';
}
