/**
 * Where a long result goes: standard output, or a new file that gets its name when it is whole, so that a reader never
 * sees a part of it. What stands there already is not overwritten.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Io } from './command.ts';

export class OutputFile {
  readonly #io: Io;
  readonly #file: string | null;
  readonly #draft: string = '';
  readonly #fd: number = -1;

  /** `file`: undefined or `-` for standard output. Throws the error of open(2), EEXIST if there is one. Mode 0600. */
  constructor(io: Io, file: string | undefined) {
    this.#io = io;
    this.#file = file === undefined || file === '-' ? null : file;
    if (this.#file === null) return;
    // long work would be for nothing
    if (existsSync(this.#file)) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
    const name = `.${basename(this.#file)}.${process.pid}-${randomBytes(6).toString('hex')}`;
    this.#draft = join(dirname(this.#file), name);
    this.#fd = openSync(this.#draft, 'wx', 0o600);
  }

  /** Throws the error of write(2). */
  write(text: string): void {
    if (this.#file === null) this.#io.out(text);
    else {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    }
  }

  /** Everything is written. Throws the error of the system call. */
  finish(): void {
    if (this.#file === null) return;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    linkSync(this.#draft, this.#file);
    unlinkSync(this.#draft);
  }

  /** Leaves nothing behind. */
  abandon(): void {
    if (this.#file === null) return;
    try {
      unlinkSync(this.#draft);
      closeSync(this.#fd);
    } catch {
      // it was closed before
    }
  }
}
