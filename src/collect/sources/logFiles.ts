/**
 * A log file and the files that rotation made of it. A file is known by its first line, which rotation by rename
 * and by copy leave as it is: so a place, `FIRST-LINE:OFFSET`, holds through both.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MAX_LINE } from '../logLine.ts';

const LF = 10;
const ID_BYTES = 12;
const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|Z)$/;

interface Place {
  readonly id: string;
  readonly offset: number;
}

export function formatPlace({ id, offset }: Place): string {
  return `${id}:${offset}`;
}

/** null: no such place. */
export function parsePlace(text: string): Place | null {
  const match = /^([A-Za-z0-9_-]{16}):([0-9]{1,15})$/.exec(text);
  return match === null ? null : { id: match[1]!, offset: Number(match[2]) };
}

/** An open file, and what it is known by. */
export interface OpenLog {
  readonly fd: number;
  readonly id: string;
  readonly path: string;
}

/**
 * Opens a log; null: there is none, or it has no whole line yet. Throws the error of the system for anything
 * else.
 */
export function openLog(path: string): OpenLog | null {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  let id: string | null = null;
  try {
    if (fs.fstatSync(fd).isFile()) id = idOf(fd);
    else throw Object.assign(new Error(`${path}: is not a file`), { code: 'EINVAL' });
  } finally {
    if (id === null) fs.closeSync(fd);
  }
  return id === null ? null : { fd, id, path };
}

/** By the first line, or by as much of it as a line may have. */
function idOf(fd: number): string | null {
  const bytes = Buffer.alloc(MAX_LINE);
  let filled = 0;
  for (let room = 4096; filled < bytes.length; room = bytes.length) {
    const read = fs.readSync(fd, bytes, filled, Math.min(room, bytes.length - filled), filled);
    if (read === 0) return null;
    filled += read;
    const end = bytes.indexOf(LF);
    if (end >= 0 && end < filled) return hashOf(bytes.subarray(0, end));
  }
  return hashOf(bytes);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest().toString('base64url', 0, ID_BYTES);
}

/** One of the files of a log. */
interface LogFile {
  readonly path: string;
  readonly ino: number;
  readonly mtimeMs: number;
  /** It cannot be read any more. */
  readonly compressed: boolean;
}

/** Every file whose name begins with that of the log, oldest first, the log itself last. */
export function filesOf(log: string): LogFile[] {
  const folder = dirname(log);
  const name = basename(log);
  const found: LogFile[] = [];
  for (const entry of fs.readdirSync(folder)) {
    if (!entry.startsWith(name) || (entry !== name && !'.-_'.includes(entry[name.length]!))) continue;
    const path = join(folder, entry);
    const status = fs.lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined || !status.isFile()) continue;
    const { ino, mtimeMs } = status;
    found.push({ path, ino, mtimeMs, compressed: COMPRESSED.test(entry) });
  }
  const rank = (file: LogFile): number => (file.path === log ? Number.POSITIVE_INFINITY : file.mtimeMs);
  return found.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
