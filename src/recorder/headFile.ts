/**
 * The file of a day's signed heads: DAY.ckpt. Each group commit appends one note; of a file larger than 64 KiB only
 * the last note is kept, in a new file that takes its name, so a reader always finds a whole one. After an error
 * in the midst of a note the file is replaced the same way: nothing is appended to a fragment.
 */
import { checkpointFile } from '../archive/layout.ts';
import { FILE_MODE, type System, syncFolder, unlinkIfThere, writeAll } from './system.ts';

const MAX_BYTES = 65_536;

export class HeadFile {
  readonly #system: System;
  readonly #folder: string;
  readonly #path: string;
  #fd: number | null = null;
  #bytes = 0;
  /** The next note must replace the file. */
  #damaged: boolean;

  /** `whole`: does the file end with a whole note, or is there none? */
  constructor(system: System, folder: string, day: string, whole: boolean) {
    this.#system = system;
    this.#folder = folder;
    this.#path = checkpointFile(folder, day);
    this.#damaged = !whole;
  }

  /** Throws the error of a system call; the next note then replaces the file. */
  add(note: string): void {
    const bytes = Buffer.from(note);
    if (this.#damaged || this.#bytes + bytes.length > MAX_BYTES) {
      this.#damaged = true;
      this.#replace(bytes);
      this.#damaged = false;
      return;
    }
    if (this.#fd === null) {
      this.#fd = this.#system.openAppend(this.#path);
      this.#bytes = this.#system.size(this.#fd);
    }
    this.#damaged = true;
    writeAll(this.#system, this.#fd, bytes);
    this.#bytes += bytes.length;
    this.#damaged = false;
  }

  #replace(bytes: Buffer): void {
    const draft = `${this.#path}.new`;
    this.#closeFile();
    unlinkIfThere(this.#system, draft);
    const fd = this.#system.create(draft, FILE_MODE);
    try {
      writeAll(this.#system, fd, bytes);
      this.#system.sync(fd);
    } finally {
      this.#system.close(fd);
    }
    this.#system.rename(draft, this.#path);
    syncFolder(this.#system, this.#folder);
  }

  #closeFile(): void {
    const fd = this.#fd;
    this.#fd = null;
    this.#bytes = 0;
    if (fd !== null) this.#system.close(fd);
  }

  /** Syncs and closes it: no more notes for this day. */
  finish(): void {
    if (this.#fd !== null) this.#system.datasync(this.#fd);
    this.#closeFile();
  }
}
