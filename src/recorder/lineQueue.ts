/**
 * Lines on their way to the disk, in batches: numbered, not yet written, or written and not yet synced.
 *
 * A batch is dropped only when it is synced, because a failed fsync may mean that what was written is gone even if
 * the next fsync succeeds (the kernel marks the pages clean): `rewind` makes all of it due again. The leaves of a
 * batch enter the tree when it has been written for the first time.
 */
import type { Frontier } from '../evidence/merkle.ts';

const LF = 0x0a;

/** Whole lines. */
interface Batch {
  /** A byte that is free, then the lines, each with its LF. */
  readonly bytes: Buffer;
  readonly lines: number;
}

export class LineQueue {
  #batches: Batch[] = [];
  /** The first batch that is not wholly written, and how many bytes of it are. */
  #next = 0;
  #written = 0;
  /** Batches whose leaves are in the tree. */
  #hashed = 0;
  /** Bytes of all batches. */
  bytes = 0;

  /** A batch of `lines` lines, each with its LF. */
  add(text: string, lines: number): void {
    if (lines === 0) return;
    const length = Buffer.byteLength(text);
    const bytes = Buffer.allocUnsafeSlow(1 + length);
    bytes[0] = LF;
    // nearly all lines are ASCII, which is copied as a whole
    bytes.write(text, 1, length === text.length ? 'latin1' : 'utf8');
    this.#batches.push({ bytes, lines });
    this.bytes += length;
  }

  /** Is there anything that is not written? */
  get isDue(): boolean {
    return this.#next < this.#batches.length;
  }

  /** Are there batches that are written and not synced? */
  get hasWritten(): boolean {
    return this.#next > 0;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /**
   * Writes what is due, one write a batch where the system takes it; `write` gets bytes and where to begin, and
   * returns how many it took. Throws what it throws; what was written until then counts.
   */
  writeDue(tree: Frontier, write: (bytes: Uint8Array, from: number) => number): void {
    for (;;) {
      const batch = this.#batches[this.#next];
      if (batch === undefined) return;
      while (1 + this.#written < batch.bytes.length) this.#written += write(batch.bytes, 1 + this.#written);
      if (this.#hashed === this.#next) {
        addLeaves(tree, batch.bytes);
        this.#hashed++;
      }
      this.#next++;
      this.#written = 0;
    }
  }

  /** All that was written is synced. Returns how many lines and bytes that were. */
  synced(): { readonly lines: number; readonly bytes: number } {
    let lines = 0;
    let bytes = 0;
    for (const batch of this.#batches.slice(0, this.#next)) {
      lines += batch.lines;
      bytes += batch.bytes.length - 1;
    }
    this.#batches = this.#batches.slice(this.#next);
    this.#hashed -= this.#next;
    this.#next = 0;
    this.bytes -= bytes;
    return { lines, bytes };
  }

  /** Nothing of it counts as written any more. */
  rewind(): void {
    this.#next = 0;
    this.#written = 0;
  }
}

/** Appends the leaves of a batch's lines. The byte before each line becomes 0x00 for as long as it is hashed. */
function addLeaves(tree: Frontier, bytes: Buffer): void {
  for (let before = 0; before < bytes.length - 1; ) {
    const end = bytes.indexOf(LF, before + 1);
    bytes[before] = 0;
    tree.addHashOf(bytes.subarray(before, end));
    bytes[before] = LF;
    before = end;
  }
}
