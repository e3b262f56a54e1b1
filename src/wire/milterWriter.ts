/**
 * Writes one milter packet: the length is filled in last, so that it always matches the content.
 *
 * Strings are latin1, one byte a character, with one NUL behind them. A character that does not fit a byte,
 * or a NUL inside a string, would change what the other side reads, so both throw a RangeError: a bug of the
 * caller.
 */
import { Buffer } from 'node:buffer';

/** Enough for nearly every packet; a larger one gets a buffer of its own. */
const ROOM = 1024;
const scratch = Buffer.alloc(ROOM);

export class PacketWriter {
  #bytes: Buffer = scratch;
  #at = 4;

  /** Begins a packet of this command or reply; `room` bytes of payload are to be expected at most. */
  begin(command: number, room: number): this {
    this.#bytes = room + 5 <= ROOM ? scratch : Buffer.allocUnsafe(room + 5);
    this.#bytes[4] = command;
    this.#at = 5;
    return this;
  }

  byte(value: number): this {
    this.#bytes[this.#at++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  uint32(value: number): this {
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at);
    return this;
  }

  string(text: string): this {
    if (!isWireText(text)) throw new RangeError('milter: a string with a NUL or a character beyond one byte');
    return this.raw(text).byte(0);
  }

  /** latin1 text as it is, NULs too. */
  raw(text: string): this {
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
    return this;
  }

  data(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** The packet, in memory of its own. */
  end(): Uint8Array {
    const bytes = this.#bytes;
    bytes.writeUInt32BE(this.#at - 4, 0);
    return bytes === scratch ? Buffer.from(bytes.subarray(0, this.#at)) : bytes.subarray(0, this.#at);
  }
}

/** Does the text fit a milter string: no NUL, one byte a character? */
export function isWireText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code > 0xff) return false;
  }
  return true;
}

/** A packet without payload. */
export function emptyPacket(command: number): Uint8Array {
  return new PacketWriter().begin(command, 0).end();
}
