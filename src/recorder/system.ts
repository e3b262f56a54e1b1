/**
 * The system calls that change a stream, as functions that a test can make fail, cut short or never return from.
 * All are synchronous: the writer has a thread of its own.
 */
import * as fs from 'node:fs';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } =
  fs.constants;

export const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;
export const SECRET_MODE = 0o600;

export interface System {
  /** Opens a file for appending, made if it is not there; never follows a link. */
  openAppend(path: string): number;
  /** Makes a file that must not be there. */
  create(path: string, mode: number): number;
  /** Opens a folder, for `sync`. */
  openFolder(path: string): number;
  openRead(path: string): number;
  /** Bytes written, which may be fewer. */
  write(fd: number, bytes: Uint8Array, from: number): number;
  /** Bytes read. */
  read(fd: number, into: Uint8Array, at: number, length: number, position: number): number;
  size(fd: number): number;
  /** Does the name still lead to this open file? */
  isSame(fd: number, path: string): boolean;
  truncate(fd: number, length: number): void;
  datasync(fd: number): void;
  sync(fd: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes a folder, and those above it; an error if something else is there. */
  mkdir(path: string): void;
  list(folder: string): string[];
  /** null: there is no such file. */
  readSmall(path: string): string | null;
}

/** The largest file that is read as a whole. */
const MAX_SMALL = 1 << 20;

export const SYSTEM: System = {
  openAppend: (path) => regular(path, O_RDWR | O_CREAT | O_APPEND, FILE_MODE),
  create: (path, mode) => regular(path, O_WRONLY | O_CREAT | O_EXCL, mode),
  openFolder: (path) => fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
  openRead: (path) => regular(path, O_RDONLY, 0),
  write: (fd, bytes, from) => fs.writeSync(fd, bytes, from, bytes.length - from),
  read: (fd, into, at, length, position) => fs.readSync(fd, into, at, length, position),
  size: (fd) => fs.fstatSync(fd).size,
  isSame: (fd, path) => {
    const open = fs.fstatSync(fd);
    const named = fs.lstatSync(path, { throwIfNoEntry: false });
    return named !== undefined && named.ino === open.ino && named.dev === open.dev;
  },
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  datasync: (fd) => fs.fdatasyncSync(fd),
  sync: (fd) => fs.fsyncSync(fd),
  close: (fd) => fs.closeSync(fd),
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  mkdir: (path) => {
    fs.mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
    if (!fs.lstatSync(path).isDirectory()) throw systemError('ENOTDIR', `${path} is no folder`);
  },
  list: (folder) => fs.readdirSync(folder),
  readSmall: (path) => {
    let fd: number;
    try {
      fd = regular(path, O_RDONLY, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      if (fs.fstatSync(fd).size > MAX_SMALL) throw systemError('EFBIG', `${path} is too large`);
      return fs.readFileSync(fd, 'utf8');
    } finally {
      fs.closeSync(fd);
    }
  },
};

function regular(path: string, flags: number, mode: number): number {
  const fd = fs.openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, mode);
  if (fs.fstatSync(fd).isFile()) return fd;
  fs.closeSync(fd);
  throw systemError('EINVAL', `${path} is not a regular file`);
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Writes all bytes. Throws the error of write(2). */
export function writeAll(system: System, fd: number, bytes: Uint8Array): void {
  for (let from = 0; from < bytes.length; ) from += system.write(fd, bytes, from);
}

/** Makes the names in a folder survive a power cut; a file system that cannot do it is no reason to stop. */
export function syncFolder(system: System, folder: string): void {
  const fd = system.openFolder(folder);
  try {
    system.sync(fd);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    system.close(fd);
  }
}

/** A whole new file, or EEXIST: it is written under another name, synced, and linked to its own. */
export function createWhole(
  system: System,
  folder: string,
  path: string,
  content: string,
  mode: number,
): void {
  const draft = `${path}.new-${process.pid}`;
  unlinkIfThere(system, draft);
  const fd = system.create(draft, mode);
  try {
    try {
      writeAll(system, fd, Buffer.from(content));
      system.sync(fd);
    } finally {
      system.close(fd);
    }
    system.link(draft, path);
  } finally {
    unlinkIfThere(system, draft);
  }
  syncFolder(system, folder);
}

export function unlinkIfThere(system: System, path: string): void {
  try {
    system.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
