/**
 * The request before on a connection, to compare the next one with. A mail server sends the same names in the same order
 * each time, and most values again, too. So the next request is not read: only what is different is.
 *
 * What is equal to bytes that were read before needs no second look: the same lines end in it, and nothing that is
 * refused is in it. Whatever is unusual (another name, a forbidden byte, the end of the chunk) is left to the decoder,
 * which then reads the request from its start. Bytes are compared eight at a time.
 */
import { Buffer } from 'node:buffer';

/** A longer request, or one of more lines, is not kept; Postfix sends some 30 lines of 700 bytes. */
const MOST_BYTES = 2048;
const MOST_LINES = 64;
const LF = 0x0a;
const CR = 0x0d;

const NO_BYTES = Buffer.alloc(0);

export class RequestBefore {
  /** Lines that can be compared; 0: none, or a request is being read. */
  #lines = 0;
  #bytes: Buffer = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer);
  /** The buffer that the last chunk was part of. */
  #other: DataView = this.#view;
  /** By line: its bytes with the LF, those of its name with the `=`, and the number of the attribute that it gives. */
  readonly #lengths = new Uint16Array(MOST_LINES);
  readonly #names = new Uint16Array(MOST_LINES);
  readonly #numbers = new Int8Array(MOST_LINES);

  /** Is there a request to compare with? */
  get kept(): boolean {
    return this.#lines > 0;
  }

  /** Bytes that are kept. */
  get held(): number {
    return this.#bytes.length;
  }

  /**
   * Length of the request that begins at `start` if it has the same names, and is complete before `end`; 0: read it.
   * Notes where the values are that differ, by number, counted from the start of the request; -1 stays for the others.
   */
  compare(bytes: Buffer, start: number, end: number, from: Int32Array, to: Int32Array): number {
    const lines = this.#lines;
    this.#lines = 0;
    if (this.#other.buffer !== bytes.buffer) this.#other = new DataView(bytes.buffer);
    let i = start;
    let before = 0;
    for (let line = 0; line < lines; line++) {
      const length = this.#lengths[line]!;
      const same = this.#same(before, bytes.byteOffset + i, Math.min(length, end - i));
      before += length;
      if (same < length) {
        const name = this.#names[line]!;
        if (same < name || line === 0) return 0;
        const lf = lineEnd(bytes, i + same, end);
        if (lf < 0) return 0;
        const number = this.#numbers[line]!;
        if (number >= 0) {
          from[number] = i + name - start;
          to[number] = lf - start;
        }
        this.#lengths[line] = lf + 1 - i;
        i = lf + 1;
      } else i += length;
    }
    if (lines === 0 || i >= end || bytes[i] !== LF) return 0;
    this.keep(bytes, start, i, lines);
    return i + 1 - start;
  }

  /** A line that was read; `number` -1: its value is not used. */
  note(line: number, length: number, name: number, number: number): void {
    if (line >= MOST_LINES || length > MOST_BYTES) return;
    this.#lengths[line] = length;
    this.#names[line] = name;
    this.#numbers[line] = number;
  }

  /** Keeps a request of which all lines were noted, if it is small. `end`: where its empty line begins. */
  keep(bytes: Buffer, start: number, end: number, lines: number): void {
    if (lines > MOST_LINES || end - start > MOST_BYTES) return;
    if (this.#bytes.length === 0) {
      this.#bytes = Buffer.allocUnsafeSlow(MOST_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
    // most chunks are one request, and need no view of their own
    this.#bytes.set(start === 0 && bytes.length <= MOST_BYTES ? bytes : bytes.subarray(start, end));
    this.#lines = lines;
  }

  /** How many of the next `most` bytes are the same, from these places on? */
  #same(before: number, now: number, most: number): number {
    const view = this.#view;
    const other = this.#other;
    let i = 0;
    while (
      i + 8 <= most &&
      view.getInt32(before + i, true) === other.getInt32(now + i, true) &&
      view.getInt32(before + i + 4, true) === other.getInt32(now + i + 4, true)
    )
      i += 8;
    while (i < most && view.getUint8(before + i) === other.getUint8(now + i)) i++;
    return i;
  }
}

/** Where the line ends; -1: not before `end`, or with a byte in it that is refused. */
function lineEnd(bytes: Buffer, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > CR) continue;
    if (byte === LF) return i;
    if (byte === CR || byte === 0) return -1;
  }
  return -1;
}
