/**
 * Milter framing, the same in both directions: bytes in, whole packets out.
 *
 *     packet = uint32 length, big-endian; byte command; payload[length - 1]        length >= 1 counts the command byte
 *
 * A packet that is complete in one chunk is a view of it. Only a packet that is split between chunks is
 * copied, into a buffer that grows with the bytes received, so that an announced length alone takes no
 * memory. The length is checked against its limit before anything is kept. A client of another protocol sends
 * an absurd length, because its first four characters are read as a number; the common protocols are
 * recognised.
 *
 * Limit: 1 MiB + 1 bytes, the largest body chunk that Sendmail can be built to send (`SMFIP_MDS_1M`). Packets
 * of both MTAs usually have at most 65,536 bytes.
 * Sources: libmilter `comm.c`, Postfix `src/milter/milter8.c`.
 */
import { Buffer } from 'node:buffer';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

/** Command byte and payload, in bytes. */
export const MAX_MILTER_PACKET = 1_048_577;

const HEADER = 4;
const NOTHING = Buffer.alloc(0);

/** First four characters of clients of other protocols, and the rule for each. */
const FOREIGN: readonly (readonly [RegExp, WireRule, string])[] = [
  [/^(GET |POST|HEAD|PUT |OPTI|HTTP|CONN|PRI )/, 'milter-http-request', 'milter packets, not HTTP'],
  [/^requ/, 'milter-policy-request', 'milter packets; policy delegation has a listener of its own'],
  [/^(EHLO|HELO|LHLO|220[ -]|QUIT)/i, 'milter-smtp-text', 'milter packets, not SMTP'],
  [/^[\t\r\n\x20-\x7e]{4}$/, 'milter-plain-text', 'milter packets, not text'],
];

export class MilterFramer {
  readonly #limit: number;
  /**
   * The packet that `next` found: bytes[start, end) is command byte and payload, `offset` its position in the
   * stream.
   */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  offset = 0;
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** A packet that began in an earlier chunk; `#have` bytes of it have been received. */
  #held: Buffer = NOTHING;
  #have = 0;
  #following = 0;

  /** `limit`: the longest packet, command byte and payload, in bytes. */
  constructor(limit: number = MAX_MILTER_PACKET) {
    this.#limit = limit;
  }

  /** Takes a chunk; the packet that `next` found is no longer valid. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#at === this.#chunk.length) {
      this.#chunk = bytes;
    } else {
      // happens only if the caller pushes before it has read all packets, which the driver never does
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), bytes]);
    }
    this.#at = 0;
  }

  /** Copies the rest of the chunk, so that the caller may reuse its buffer. */
  keep(): void {
    const left = this.#chunk.subarray(this.#at);
    this.#release();
    if (left.length > 0) this.#chunk = Buffer.from(left);
  }

  /** Has part of a packet been received? */
  get partial(): boolean {
    return this.#have > 0 || this.#at < this.#chunk.length;
  }

  /** Bytes that are held: those of an incomplete packet, and the rest of a chunk. */
  get held(): number {
    return this.#held.length + this.#chunk.length - this.#at;
  }

  /** Moves on to the next complete packet; false when more bytes are needed. Throws WireError. */
  next(): boolean {
    if (this.#have > 0) return this.#complete();
    const chunk = this.#chunk;
    const at = this.#at;
    const left = chunk.length - at;
    if (left >= HEADER) {
      const need = HEADER + this.#length(chunk, at);
      if (left >= need) {
        this.#found(chunk, at, need);
        this.#at = at + need;
        return true;
      }
    }
    if (left > 0) {
      this.#held = Buffer.from(chunk.subarray(at));
      this.#have = left;
    }
    this.#release();
    return false;
  }

  /** Continues the packet that is held: first its length, then its bytes. */
  #complete(): boolean {
    if (this.#have < HEADER && !this.#take(HEADER)) return false;
    const need = HEADER + this.#length(this.#held, 0);
    if (!this.#take(need)) return false;
    this.#found(this.#held, 0, need);
    this.#held = NOTHING;
    this.#have = 0;
    return true;
  }

  /** Moves bytes of the chunk to the packet held until it has `need`; false when the chunk ends first. */
  #take(need: number): boolean {
    const count = Math.min(need - this.#have, this.#chunk.length - this.#at);
    if (count > 0) {
      const size = this.#have + count;
      if (size > this.#held.length) {
        const grown = Buffer.allocUnsafe(Math.min(need, Math.max(size, 2 * this.#held.length)));
        this.#held.copy(grown, 0, 0, this.#have);
        this.#held = grown;
      }
      this.#chunk.copy(this.#held, this.#have, this.#at, this.#at + count);
      this.#have = size;
      this.#at += count;
    }
    if (this.#have >= need) return true;
    this.#release();
    return false;
  }

  #found(bytes: Buffer, at: number, size: number): void {
    this.bytes = bytes;
    this.start = at + HEADER;
    this.end = at + size;
    this.offset = this.#following;
    this.#following += size;
  }

  /** Releases a chunk that has been read, because an idle connection must not keep a read buffer alive. */
  #release(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  #length(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at);
    if (length >= 1 && length <= this.#limit) return length;
    const got = excerpt(bytes.subarray(at));
    if (length === 0)
      throw new WireError('milter-packet-empty', this.#following, 'a packet length of 1 or more', got);
    const text = bytes.toString('latin1', at, at + HEADER);
    if (text.startsWith('\x16\x03')) {
      throw new WireError('milter-tls-hello', this.#following, 'milter packets, not a TLS handshake', got);
    }
    for (const [pattern, rule, expected] of FOREIGN) {
      if (pattern.test(text)) throw new WireError(rule, this.#following, expected, got);
    }
    throw new WireError(
      'milter-packet-too-long',
      this.#following,
      `a packet length of ${this.#limit} or less`,
      got,
    );
  }
}
