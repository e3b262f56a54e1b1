/**
 * The file with the keys that sign marks. The only file of this folder that touches the disk.
 *
 * Format: text, one key a line, base64 (or base64url) or hex, 32 bytes or more; blank lines and lines that begin with `#`
 * do not count, and neither does what follows ` #`. The first key signs, all verify.
 *
 * Rotation: put a new key on top (`openssl rand -base64 32`), reload, keep the old ones below for as long as saved mail is
 * to verify; take a key out to disown all it signed. Hosts that should trust each other's marks share the file.
 *
 * The file is made on first start with one key: written whole under another name, mode 0600, and linked to its own name,
 * which fails when there is a file already (link(2)), so two daemons starting at once end with one file and one key. A
 * file that group or others may read, write or run is refused, whoever asks: a key that others know proves nothing. The
 * mode is that of the opened file, so a symbolic link is judged by where it leads.
 *
 * Limits: 64 KiB, 64 keys.
 */
import { randomBytes } from 'node:crypto';
import { constants, type FileHandle, link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type MarkKey, MIN_KEY_BYTES, markKey } from './signMark.ts';

/** The key file cannot be used; the message says which file (and line), what was found and what to do. */
export class KeyFileError extends Error {
  readonly file: string;
  /** From 1; 0 when it is about the file as a whole. */
  readonly line: number;

  constructor(file: string, line: number, found: string, options?: ErrorOptions) {
    super(`${file}${line > 0 ? `:${line}` : ''}: ${found}`, options);
    this.name = 'KeyFileError';
    this.file = file;
    this.line = line;
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
    // the text itself stays out of the message: it may be a key with a slip in it
    if (bytes === null) throw new KeyFileError(file, i + 1, 'not a key: expected base64 or hex digits');
    if (bytes.length < MIN_KEY_BYTES) {
      throw new KeyFileError(
        file,
        i + 1,
        `a key of ${bytes.length} bytes: expected ${MIN_KEY_BYTES} or more`,
      );
    }
    const made = markKey(bytes);
    if (keys.some((known) => known.id === made.id)) throw new KeyFileError(file, i + 1, 'the same key twice');
    keys.push(made);
    if (keys.length > MAX_KEYS) throw new KeyFileError(file, i + 1, `more than ${MAX_KEYS} keys`);
  }
  if (keys.length === 0) throw new KeyFileError(file, 0, 'holds no key');
  return keys;
}

/** Reads the key file; throws KeyFileError when it is not there, too open, or not readable as keys. */
export async function readKeyFile(file: string): Promise<MarkKey[]> {
  let handle: FileHandle;
  try {
    // a FIFO would hold us until somebody writes to it; for a file the flag means nothing
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new KeyFileError(file, 0, `cannot be opened (${codeOf(error)})`, { cause: error });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new KeyFileError(file, 0, 'is not a file');
    if ((stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw new KeyFileError(
        file,
        0,
        `mode is ${mode}: expected 0600, readable by its owner only (chmod 600 ${file})`,
      );
    }
    if (stat.size > MAX_BYTES) throw new KeyFileError(file, 0, `has more than ${MAX_BYTES} bytes`);
    return parseKeys(await handle.readFile('utf8'), file);
  } finally {
    await handle.close();
  }
}

/** Reads the key file, making it with a fresh key when there is none. Its folder must exist. */
export async function ensureKeyFile(
  file: string,
): Promise<{ readonly keys: MarkKey[]; readonly created: boolean }> {
  try {
    return { keys: await readKeyFile(file), created: false };
  } catch (error) {
    if (!(error instanceof KeyFileError) || codeOf(error.cause) !== 'ENOENT') throw error;
  }
  const created = await createKeyFile(file);
  return { keys: await readKeyFile(file), created };
}

/** True when this call made the file, false when another was faster. */
async function createKeyFile(file: string): Promise<boolean> {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const text =
    '# Keys that sign the marks of tlsward: base64 or hex, one a line. The first signs, all verify.\n' +
    `${randomBytes(MIN_KEY_BYTES).toString('base64')}\n`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file);
    await syncFolder(dirname(file));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new KeyFileError(file, 0, `cannot be made (${codeOf(error)})`, { cause: error });
  } finally {
    await unlink(draft).catch(() => undefined); // never made, or made by nobody else
  }
}

/** So that the new name survives a power cut; a file system that cannot do it is no reason to stop. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
