/**
 * A file that only takes room: deleted at the first ENOSPC, so that the lines which say so find some. It is filled
 * with chance, because a file system may compress zeros, and made again when writing has worked for a while.
 */
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { SECRET_MODE, type System, unlinkIfThere, writeAll } from './system.ts';

const SLICE_BYTES = 1 << 20;
/** Between the loss of the reserve and a new one. */
const PATIENCE_MS = 300_000;

export class Reserve {
  readonly #system: System;
  readonly #path: string;
  readonly #bytes: number;
  #there = false;
  #againAtMs = 0;

  constructor(system: System, folder: string, bytes: number) {
    this.#system = system;
    this.#path = join(folder, 'reserve');
    this.#bytes = bytes;
  }

  /** Makes it if it is not there; where there is no room it is left for later. */
  fill(): void {
    if (this.#there || this.#bytes === 0 || performance.now() < this.#againAtMs) return;
    this.#againAtMs = performance.now() + PATIENCE_MS;
    if (this.#isWhole()) return;
    unlinkIfThere(this.#system, this.#path);
    const fd = this.#system.create(this.#path, SECRET_MODE);
    let written = false;
    try {
      const slice = randomFillSync(Buffer.alloc(Math.min(SLICE_BYTES, this.#bytes)));
      for (let left = this.#bytes; left > 0; left -= slice.length)
        writeAll(this.#system, fd, slice.subarray(0, Math.min(left, slice.length)));
      written = true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    } finally {
      this.#system.close(fd);
    }
    if (written) this.#there = true;
    else unlinkIfThere(this.#system, this.#path);
  }

  #isWhole(): boolean {
    let fd: number;
    try {
      fd = this.#system.openRead(this.#path);
    } catch {
      return false;
    }
    try {
      this.#there = this.#system.size(fd) === this.#bytes;
    } finally {
      this.#system.close(fd);
    }
    return this.#there;
  }

  /** Deletes it. True: there was one, so another attempt may succeed. */
  give(): boolean {
    // at a start nobody has looked yet
    if (!this.#there && (this.#bytes === 0 || !this.#isWhole())) return false;
    this.#there = false;
    this.#againAtMs = performance.now() + PATIENCE_MS;
    try {
      this.#system.unlink(this.#path);
      return true;
    } catch {
      return false;
    }
  }
}
