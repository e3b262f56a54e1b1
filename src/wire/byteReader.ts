/**
 * Reads a message that is complete in memory. Every read is checked against `end`. Integers are big-endian.
 * The decoders of commands and requests do not use it, because they read every byte of all mail and must be
 * faster.
 */
import { Buffer } from 'node:buffer';
import type { WireError } from './wireError.ts';

export class ByteReader {
  readonly bytes: Buffer;
  at: number;
  /** End of the readable bytes: that of the message, or of a part of it. */
  end: number;
  readonly #cut: (expected: string) => WireError;

  /** `cut` makes the error for a read beyond the end. */
  constructor(bytes: Uint8Array, cut: (expected: string) => WireError, at = 0, end: number = bytes.length) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#cut = cut;
    this.at = at;
    this.end = end;
  }

  uint8(): number {
    return this.bytes[this.#step(1, 'one more byte')]!;
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.#step(2, 'a number of two bytes'));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.#step(4, 'a number of four bytes'));
  }

  /** A copy. */
  take(bytes: number): Uint8Array {
    const at = this.#step(bytes, `${bytes} bytes`);
    return Uint8Array.from(this.bytes.subarray(at, at + bytes));
  }

  rest(): Uint8Array {
    return this.take(this.end - this.at);
  }

  /** Reads up to the next NUL and skips it; one character a byte. */
  string(): string {
    const nul = this.bytes.indexOf(0, this.at);
    if (nul < 0 || nul >= this.end) throw this.#cut('a NUL at the end of the string');
    const text = this.bytes.toString('latin1', this.at, nul);
    this.at = nul + 1;
    return text;
  }

  #step(bytes: number, expected: string): number {
    const at = this.at;
    if (at + bytes > this.end) throw this.#cut(expected);
    this.at = at + bytes;
    return at;
  }
}
