/**
 * What a stopped writer left of a day, made whole again.
 *
 * The tree goes on from the last checkpoint that the stream's own key signed: only the lines behind it are read.
 * They were written and not signed; each that is whole and has the right number is taken into the tree. From the
 * first that does not on, the rest of the file is torn: a write that a kill cut, or pages that a power cut left
 * empty. It is copied to DAY.torn-N and cut off.
 *
 * Nothing that was signed is ever cut off. If the file is shorter than its last checkpoint, or its lines do not end
 * where the checkpoint says, the file was changed or its disk lost what it had synced: then all its lines count
 * as they are, and a `gap` record says so; `tlsward evidence verify` finds what differs.
 *
 * The copy is called DAY.torn-N.new until its `torn` record is synced (`recorded`), so that a kill between any two
 * steps loses neither the fragment nor its record: what is found under that name at a start was cut off and may
 * not have been recorded, unless it is still the end of the file, in which case it is made again.
 */
import { basename, join } from 'node:path';
import { readCheckpoints } from '../archive/checkpoints.ts';
import { linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import { Frontier } from '../evidence/merkle.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { FILE_MODE, type System, syncFolder, unlinkIfThere, writeAll } from './system.ts';

const LF = 0x0a;
const CLOSE = 0x7d;
const COPY_BYTES = 1 << 20;

/** A fragment that was set aside. */
export interface TornFile {
  /** As it is named once it is recorded. */
  readonly file: string;
  readonly bytes: number;
}

export interface RecoveredDay {
  readonly day: string;
  /** The tree over all lines. */
  readonly tree: Frontier;
  /** Bytes of all lines: the length of the file. */
  readonly bytes: number;
  /** Lines behind the last checkpoint. */
  readonly unsigned: number;
  readonly torn: readonly TornFile[];
  /** The last line, '' when there is none. */
  readonly lastLine: string;
  /** Does DAY.ckpt end with a whole note, or is there none? */
  readonly headsWhole: boolean;
  /** What is wrong with the file as a whole; '' if nothing. */
  readonly damage: string;
}

/** Recovers a day that has a file. Throws the error of a system call. */
export function recoverDay(
  system: System,
  folder: string,
  day: string,
  verifier: NoteVerifier,
): RecoveredDay {
  const path = linesFile(folder, day);
  const heads = readCheckpoints(folder, day, verifier);
  const head = heads?.signed.at(-1);
  const fd = system.openAppend(path);
  try {
    const size = system.size(fd);
    const signed = { size: head?.size ?? 0, bytes: head?.bytes ?? 0 };
    let damage = '';
    if (size < signed.bytes)
      damage = `the file has ${size} bytes, and ${signed.bytes} were signed: signed lines are missing`;
    else if (signed.bytes > 0 && byteAt(system, fd, signed.bytes - 1) !== LF)
      damage = 'the lines do not end where the last checkpoint says: signed lines were changed';
    const tree =
      damage === '' && head !== undefined ? new Frontier(head.size, head.frontier) : new Frontier();
    const from = damage === '' ? signed.bytes : 0;
    const before = tree.size;
    const bytes = takeLines(path, from, tree, damage === '');
    // synced before anything is signed or cut
    if (size > signed.bytes) system.datasync(fd);
    const torn = setAside(system, folder, day, fd, bytes, size);
    return {
      day,
      tree,
      bytes,
      unsigned: tree.size - before,
      torn,
      lastLine: lastLineOf(system, fd, bytes),
      headsWhole: heads === null || (heads.rest === 0 && heads.unsigned === 0),
      damage,
    };
  } finally {
    system.close(fd);
  }
}

function byteAt(system: System, fd: number, position: number): number {
  const byte = Buffer.alloc(1);
  return system.read(fd, byte, 0, 1, position) === 1 ? byte[0]! : -1;
}

/** Adds the whole lines behind `from` to the tree; returns where they end. `strict`: only ours, in order. */
function takeLines(path: string, from: number, tree: Frontier, strict: boolean): number {
  let end = from;
  try {
    for (const { bytes, start, end: stop } of chunksOf(path, from)) {
      for (let at = start; at < stop; ) {
        const lf = bytes.indexOf(LF, at);
        if (strict && !isOurs(bytes, at, lf, tree.size)) return end;
        bytes[at - 1] = 0;
        tree.addHashOf(bytes.subarray(at - 1, lf));
        bytes[at - 1] = LF;
        end += lf + 1 - at;
        at = lf + 1;
      }
    }
  } catch (error) {
    if (!(error instanceof EndlessLineError)) throw error;
  }
  return end;
}

/** Does the writer write such a line with this number? */
function isOurs(bytes: Buffer, at: number, lf: number, n: number): boolean {
  if (lf - at > MAX_LINE_BYTES || bytes[lf - 1] !== CLOSE) return false;
  const head = `{"v":1,"n":${n},`;
  if (bytes.toString('latin1', at, at + head.length) !== head) return false;
  const zero = bytes.indexOf(0, at);
  return zero < 0 || zero > lf;
}

function lastLineOf(system: System, fd: number, end: number): string {
  const length = Math.min(end, MAX_LINE_BYTES + 2);
  const tail = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const more = system.read(fd, tail, read, length - read, end - length + read);
    if (more === 0) break;
    read += more;
  }
  const text = tail.subarray(0, read);
  const from = text.lastIndexOf(LF, text.length - 2) + 1;
  return text.toString('utf8', from, Math.max(from, text.length - 1));
}

function setAside(
  system: System,
  folder: string,
  day: string,
  fd: number,
  end: number,
  size: number,
): TornFile[] {
  const torn: TornFile[] = [];
  for (const name of draftsOf(system, folder, day)) {
    const path = join(folder, name);
    const copy = system.openRead(path);
    let bytes: number;
    let remains: boolean;
    try {
      bytes = system.size(copy);
      // the copy was begun, and nothing was cut off yet
      remains = end + bytes <= size && sameBytes(system, copy, fd, bytes, end) && end < size;
    } finally {
      system.close(copy);
    }
    if (remains) unlinkIfThere(system, path);
    else torn.push({ file: name.slice(0, -'.new'.length), bytes });
  }
  if (end >= size) return torn;
  const file = `${day}.torn-${nextNumber(system, folder, day)}`;
  const to = system.create(join(folder, `${file}.new`), FILE_MODE);
  try {
    copyBytes(system, fd, to, end, size);
    system.sync(to);
  } finally {
    system.close(to);
  }
  syncFolder(system, folder);
  system.truncate(fd, end);
  system.sync(fd);
  return [...torn, { file, bytes: size - end }];
}

/** Call it when the `torn` records are synced. */
export function recorded(system: System, folder: string, torn: readonly TornFile[]): void {
  if (torn.length === 0) return;
  for (const { file } of torn) system.rename(join(folder, `${file}.new`), join(folder, file));
  syncFolder(system, folder);
}

const DRAFT = /^([0-9]{4}-[0-9]{2}-[0-9]{2})\.torn-[0-9]{1,9}\.new$/;

function draftsOf(system: System, folder: string, day: string): string[] {
  const drafts = system.list(folder).filter((name) => DRAFT.exec(name)?.[1] === day);
  return drafts.sort();
}

/** Fragments of days before these, cut off when the next day had no line yet, and perhaps not recorded. */
export function earlierTorn(system: System, folder: string, days: readonly string[]): TornFile[] {
  const found: TornFile[] = [];
  for (const name of system.list(folder).sort()) {
    const day = DRAFT.exec(name)?.[1];
    if (day === undefined || days.includes(day)) continue;
    const fd = system.openRead(join(folder, name));
    try {
      found.push({ file: name.slice(0, -'.new'.length), bytes: system.size(fd) });
    } finally {
      system.close(fd);
    }
  }
  return found;
}

function nextNumber(system: System, folder: string, day: string): number {
  const numbers = system
    .list(folder)
    .filter((name) => name.startsWith(`${day}.torn-`))
    .map((name) => Number(/\.torn-([0-9]{1,9})(?:\.new)?$/.exec(basename(name))?.[1] ?? 0));
  return Math.max(0, ...numbers) + 1;
}

function sameBytes(system: System, copy: number, fd: number, length: number, at: number): boolean {
  const a = Buffer.alloc(Math.min(length, COPY_BYTES));
  const b = Buffer.alloc(a.length);
  for (let done = 0; done < length; ) {
    const read = system.read(copy, a, 0, Math.min(a.length, length - done), done);
    if (read === 0 || system.read(fd, b, 0, read, at + done) !== read) return false;
    if (Buffer.compare(a.subarray(0, read), b.subarray(0, read)) !== 0) return false;
    done += read;
  }
  return true;
}

function copyBytes(system: System, from: number, to: number, start: number, end: number): void {
  const buffer = Buffer.alloc(Math.min(COPY_BYTES, end - start));
  for (let at = start; at < end; ) {
    const read = system.read(from, buffer, 0, Math.min(buffer.length, end - at), at);
    if (read === 0) return;
    writeAll(system, to, buffer.subarray(0, read));
    at += read;
  }
}
