/**
 * The common part of the decoders for both directions of the milter protocol. `push` takes chunks of the
 * stream and `next` returns messages, which do not depend on how the stream was split into chunks.
 */
import { MAX_MILTER_PACKET, MilterFramer } from './milterFrame.ts';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

/** Lower-case names of the header fields that are read, where all others can be passed over; null: all are. */
export type ReadFields = readonly string[] | null;

/** Packets to messages, in either direction. */
export class PacketDecoder<Message> {
  readonly #frame: MilterFramer;
  readonly #decode: (frame: MilterFramer, read: ReadFields) => Message;
  readonly #passed: Message | null;
  #dead: unknown = null;

  /** `decode` takes the packet that the framer found; `passed` is its result for a packet that nobody reads. */
  constructor(
    decode: (frame: MilterFramer, read: ReadFields) => Message,
    maxPacketBytes: number = MAX_MILTER_PACKET,
    passed: Message | null = null,
  ) {
    this.#decode = decode;
    this.#passed = passed;
    this.#frame = new MilterFramer(maxPacketBytes);
  }

  push(chunk: Uint8Array): void {
    this.#frame.push(chunk);
  }

  /** Copies the rest of the chunk. */
  keep(): void {
    this.#frame.keep();
  }

  /** Has part of a packet been received? */
  partial(): boolean {
    return this.#frame.partial;
  }

  held(): number {
    return this.#frame.held;
  }

  /** The next complete message, or null. Throws WireError; after that, each call throws the same one. */
  next(): Message | null {
    return this.nextRead(null);
  }

  /**
   * The same without messages that are not read. If the chunk ends with such packets, one `passed` stands for
   * them, so that the caller sees that they came.
   */
  nextRead(read: ReadFields): Message | null {
    if (this.#dead !== null) throw this.#dead;
    try {
      let message: Message | null = null;
      while (this.#frame.next()) {
        message = this.#decode(this.#frame, read);
        if (message !== this.#passed) break;
      }
      return message;
    } catch (error) {
      this.#dead = error;
      throw error;
    }
  }
}

/** The error for the packet that was found. */
export function bad(frame: MilterFramer, rule: WireRule, expected: string): WireError {
  return new WireError(rule, frame.offset, expected, excerpt(frame.bytes.subarray(frame.start, frame.end)));
}

/** One string or more from `at` to the packet's end. Throws WireError. */
export function stringsToEnd(frame: MilterFramer, at: number): readonly string[] {
  const { bytes, end } = frame;
  if (at >= end || bytes[end - 1] !== 0)
    throw bad(frame, 'milter-string-end', 'a NUL at the end of every string');
  const text = bytes.toString('latin1', at, end - 1);
  return text.includes('\0') ? text.split('\0') : [text];
}
