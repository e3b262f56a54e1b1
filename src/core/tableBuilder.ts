/**
 * Builds a packed table row by row; the only place that writes its layout (read side: `table.ts`).
 *
 * Rows are added while files are still being read, when the policies that they name may not be known yet. So
 * a row is added with a `tag`, a number chosen by the caller, and `finish` turns tags into indexes of
 * settings. Cost: no object and no string per row; 14 bytes of arrays, the pattern itself, and about 10 bytes
 * of slots.
 *
 * The arrays are in shared memory from the beginning and become those of the table: a copy at the end would take as much
 * memory again. They may be too long by far, because the system gives memory only to the part that is written.
 */

import type { Settings } from './settings.ts';
import { firstSlot, hashBytes, type PackedTable } from './table.ts';

export class TableBuilder {
  #rows = 0;
  #used = 0;
  #names: Uint8Array;
  #starts: Uint32Array;
  #tags: Uint32Array;
  #fileOf: Uint16Array;
  #lineOf: Uint32Array;
  #slots: Uint32Array;
  /** Hash of each row's pattern: most rows in the way of another are told apart without a look at their bytes. */
  #hashes: Int32Array;
  #hasAddresses = false;
  #hasSuffixes = false;

  /** `expectedRows` and `expectedBytes` only avoid reallocation; both may be wrong. */
  constructor(expectedRows = 64, expectedBytes = 1024) {
    const rows = Math.max(16, expectedRows);
    this.#names = shared(Uint8Array, Math.max(64, expectedBytes));
    this.#starts = shared(Uint32Array, rows + 1);
    this.#tags = shared(Uint32Array, rows);
    this.#fileOf = shared(Uint16Array, rows);
    this.#lineOf = shared(Uint32Array, rows);
    this.#slots = shared(Uint32Array, 2 ** Math.ceil(Math.log2(rows * 1.6)));
    this.#hashes = new Int32Array(rows);
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * Adds the canonical pattern bytes[start, end). Returns -1, or the number of the row that already has this
   * pattern, in which case nothing was added.
   */
  add(bytes: Uint8Array, start: number, end: number, tag: number, file: number, line: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = firstSlot(hash, mask);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (this.#hashes[row] === hash && this.#same(row, bytes, start, end)) return row;
    }
    const row = this.#rows;
    const length = end - start;
    this.#reserve(row + 1, this.#used + length);
    if (length < 32) for (let i = 0; i < length; i++) this.#names[this.#used + i] = bytes[start + i]!;
    else this.#names.set(bytes.subarray(start, end), this.#used);
    this.#used += length;
    this.#starts[row + 1] = this.#used;
    this.#tags[row] = tag;
    // what is 0 already is not written, so that a table from one file takes no memory for this
    if (file !== 0) this.#fileOf[row] = file;
    this.#lineOf[row] = line;
    this.#slots[slot] = row + 1;
    this.#hashes[row] = hash;
    this.#rows = row + 1;
    if (bytes[start] === 0x2e) this.#hasSuffixes = true;
    else if (!this.#hasAddresses) this.#hasAddresses = holds(bytes, start, end, 0x40);
    if (this.#rows * 1.5 > this.#slots.length) this.#rehash();
    return -1;
  }

  /** Number of the row with exactly this canonical pattern (ASCII), or -1. */
  find(pattern: string): number {
    const bytes = Uint8Array.from(pattern, (char) => char.charCodeAt(0));
    const mask = this.#slots.length - 1;
    let slot = firstSlot(hashBytes(bytes, 0, bytes.length), mask);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (this.#same(row, bytes, 0, bytes.length)) return row;
    }
    return -1;
  }

  tagOf(number: number): number {
    return this.#tags[number]!;
  }

  /** Changes the tag and position of row `number`; its pattern stays. */
  replace(number: number, tag: number, file: number, line: number): void {
    this.#tags[number] = tag;
    this.#fileOf[number] = file;
    this.#lineOf[number] = line;
  }

  /** Where row `number` was written. */
  position(number: number): { readonly file: number; readonly line: number } {
    return { file: this.#fileOf[number]!, line: this.#lineOf[number]! };
  }

  /**
   * The table; `settingsIndex` maps a row's tag to its place in `settings`. The builder cannot be used
   * afterwards.
   */
  finish(
    settings: readonly Settings[],
    files: readonly string[],
    settingsIndex: (tag: number) => number,
  ): PackedTable {
    const rows = this.#rows;
    const settingsOf = this.#tags.subarray(0, rows);
    for (let i = 0; i < rows; i++) settingsOf[i] = settingsIndex(settingsOf[i]!);
    return {
      rows,
      names: this.#names.subarray(0, this.#used),
      starts: this.#starts.subarray(0, rows + 1),
      slots: this.#slots,
      settingsOf,
      fileOf: this.#fileOf.subarray(0, rows),
      lineOf: this.#lineOf.subarray(0, rows),
      settings,
      files,
      hasAddresses: this.#hasAddresses,
      hasSuffixes: this.#hasSuffixes,
    };
  }

  #same(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = this.#starts[row]!;
    if (this.#starts[row + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++, at++) if (this.#names[at] !== bytes[i]) return false;
    return true;
  }

  #reserve(rows: number, bytes: number): void {
    if (bytes > this.#names.length)
      this.#names = grown(Uint8Array, this.#names, Math.max(bytes, this.#names.length * 2));
    if (rows < this.#tags.length) return;
    const size = Math.max(rows, this.#tags.length * 2);
    const hashes = new Int32Array(size);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#starts = grown(Uint32Array, this.#starts, size + 1);
    this.#tags = grown(Uint32Array, this.#tags, size);
    this.#fileOf = grown(Uint16Array, this.#fileOf, size);
    this.#lineOf = grown(Uint32Array, this.#lineOf, size);
  }

  #rehash(): void {
    this.#slots = shared(Uint32Array, this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.#rows; row++) {
      let slot = firstSlot(this.#hashes[row]!, mask);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }
}

/** `includes` on a part of the array, without a view for every row. */
function holds(bytes: Uint8Array, start: number, end: number, wanted: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === wanted) return true;
  return false;
}

type Numbers = Uint8Array | Uint16Array | Uint32Array;
type NumbersOf<T extends Numbers> = {
  new (buffer: SharedArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** Shared memory of zeros. */
function shared<T extends Numbers>(kind: NumbersOf<T>, length: number): T {
  return new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT));
}

function grown<T extends Numbers>(kind: NumbersOf<T>, old: T, size: number): T {
  const next = shared(kind, size);
  next.set(old);
  return next;
}
