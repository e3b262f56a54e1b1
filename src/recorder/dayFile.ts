/**
 * The file of the day that is being written, its tree and its heads.
 *
 * A head is signed over synced lines only. After a failed fdatasync(2) the kernel may have dropped the pages and say
 * nothing at the next one, so all lines since the last success count as gone: the file is opened anew, cut to the
 * last synced byte, and they are written again, with the same numbers. Cutting is safe, because nothing behind that
 * byte was signed.
 */
import { linesFile } from '../archive/layout.ts';
import { formatCheckpoint, originOf } from '../evidence/checkpoint.ts';
import { Frontier } from '../evidence/merkle.ts';
import { type NoteKey, signNote } from '../evidence/note.ts';
import { HeadFile } from './headFile.ts';
import type { LineQueue } from './lineQueue.ts';
import type { RecoveredDay } from './recoverDay.ts';
import { type System, syncFolder } from './system.ts';

export class DayFile {
  readonly day: string;
  /** The number of the next line. */
  next: number;
  /** Lines that are synced. */
  lines: number;
  /** The head that was signed last since it was opened; ''. */
  lastNote = '';
  readonly #system: System;
  readonly #folder: string;
  readonly #tree: Frontier;
  readonly #heads: HeadFile;
  /** null: it must be opened (again). */
  #fd: number | null = null;
  /** Bytes that are synced. */
  #bytes: number;
  /** Lines of the last checkpoint. */
  #signed: number;
  /** The file must be cut to what is synced before anything is written. */
  #rewrite = false;

  /** `recovered`: what is in the file; null: there is none. */
  constructor(system: System, folder: string, day: string, recovered: RecoveredDay | null) {
    this.day = day;
    this.#system = system;
    this.#folder = folder;
    this.#tree = recovered?.tree ?? new Frontier();
    this.#heads = new HeadFile(system, folder, day, recovered?.headsWhole ?? true);
    this.#bytes = recovered?.bytes ?? 0;
    this.lines = this.#tree.size;
    this.next = this.lines;
    this.#signed = this.lines - (recovered?.unsigned ?? 0);
  }

  get isSigned(): boolean {
    return this.#signed === this.lines;
  }

  /** The head of all synced lines, for the day that follows. */
  get head(): { readonly day: string; readonly size: number; readonly root: string } {
    return { day: this.day, size: this.lines, root: this.#tree.root().toString('base64') };
  }

  /** False: somebody has removed the file, or put another in its place, and what is written goes nowhere. */
  get isThere(): boolean {
    return this.#fd === null || this.#system.isSame(this.#fd, linesFile(this.#folder, this.day));
  }

  /** Writes what is due. Throws the error of a system call; what was written until then counts. */
  write(queue: LineQueue): void {
    if (!queue.isDue && !this.#rewrite) return;
    this.#fd ??= this.#system.openAppend(linesFile(this.#folder, this.day));
    const fd = this.#fd;
    if (this.#rewrite) {
      this.#system.truncate(fd, this.#bytes);
      this.#rewrite = false;
    }
    queue.writeDue(this.#tree, (bytes, from) => this.#system.write(fd, bytes, from));
  }

  /** Syncs what was written; `syncs`: or leaves it to the system. False: there was nothing. */
  sync(queue: LineQueue, syncs: boolean): boolean {
    if (!queue.hasWritten || this.#fd === null) return false;
    if (syncs) this.#datasync(this.#fd, queue);
    const { lines, bytes } = queue.synced();
    this.lines += lines;
    this.#bytes += bytes;
    return true;
  }

  #datasync(fd: number, queue: LineQueue): void {
    try {
      this.#system.datasync(fd);
      // its name must survive a power cut as well
      if (this.lines === 0) syncFolder(this.#system, this.#folder);
    } catch (error) {
      this.#fd = null;
      this.#rewrite = true;
      queue.rewind();
      // its error was told; a new descriptor tells of new ones
      this.#system.close(fd);
      throw error;
    }
  }

  /** Signs all synced lines, unless they are. */
  sign(key: NoteKey): void {
    if (!this.isSigned) this.#sign(key);
  }

  #sign(key: NoteKey): void {
    const { lines } = this;
    const tree = this.#tree;
    if (tree.size !== lines) throw new Error(`a tree of ${tree.size} for ${lines} lines`);
    const text = formatCheckpoint({
      origin: originOf(key.name, this.day),
      size: lines,
      root: tree.root(),
      bytes: this.#bytes,
      frontier: tree.hashes(),
    });
    const note = signNote(text, key);
    this.#heads.add(note);
    this.lastNote = note;
    this.#signed = lines;
  }

  /** The day is over: signs its last head, also where there was nothing new to sign since it was opened. */
  finish(key: NoteKey): void {
    if (this.lastNote === '' || !this.isSigned) this.#sign(key);
    this.close();
  }

  /** Syncs the heads and closes both files. */
  close(): void {
    this.#heads.finish();
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) this.#system.close(fd);
  }
}
