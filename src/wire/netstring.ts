/**
 * Netstrings, the framing of the socketmap protocol: bytes in, payloads out, each copied once.
 *
 *   netstring = length ":" payload ","          length: decimal, no leading zero but "0" itself, at most 6 digits
 *
 * The length is compared with the limit before any part of the payload is kept, so a peer cannot make us wait
 * for, or hold, more than the limit. A client of another protocol (a TLS hello, an HTTP request) is
 * recognised by its first 8 bytes or its first line, however these are split into chunks.
 *
 * Rules are named `socketmap-...` because that is the only protocol here that uses netstrings.
 * Sources: D. J. Bernstein, "Netstrings"; Postfix `src/util/netstring.c` (which accepts leading zeros; we
 * neither send nor accept them), `src/util/dict_sockmap.c`.
 */
import { Buffer } from 'node:buffer';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

export interface NetstringLimit {
  /** Longest payload in bytes. */
  readonly bytes: number;
  /** Name of the rule that a longer one breaks. */
  readonly rule: WireRule;
}

/** Most digits of a length; a longer one is refused before it is read. */
const MAX_DIGITS = 6;
/** Number of bytes by which another protocol is recognised. */
const HEAD = 8;
const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
const EMPTY = Buffer.alloc(0);

/** The error for input that does not begin with a length. `head`: up to 8 bytes, or up to the first LF. */
function strangerRule(head: Uint8Array): WireRule {
  if (head[0] === 0x16 && head[1] === 0x03) return 'socketmap-tls-hello';
  const text = String.fromCharCode(...head);
  if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI)(?: |$)/.test(text))
    return 'socketmap-http-request';
  return 'socketmap-length';
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/**
 * One payload, with one character a byte, as a netstring. Throws RangeError above the limit: that is a bug of the caller.
 */
export function encodeNetstring(payload: string, limitBytes: number): Uint8Array {
  if (payload.length > limitBytes) throw new RangeError(`netstring of ${payload.length} bytes`);
  return Buffer.from(`${payload.length}:${payload},`, 'latin1');
}

/**
 * A `Decoder` of payloads, as text with one character a byte; holds at most one payload and the chunk that has not been
 * read yet.
 */
export class NetstringDecoder {
  readonly #limit: NetstringLimit;
  #chunk: Buffer = EMPTY;
  /** Next byte of the chunk. */
  #at = 0;
  /** Offset in the stream of the chunk's first byte. */
  #offset = 0;
  #error: WireError | null = null;
  // progress within the netstring
  #digits = 0;
  #length = 0;
  /** Is the length complete? `#body` holds the part of the payload from earlier chunks. */
  #counted = false;
  #body: Buffer | null = null;
  #filled = 0;
  /** First bytes of a client that sent no length. */
  #stranger: number[] = [];

  constructor(limit: NetstringLimit) {
    this.#limit = limit;
  }

  /** The caller must not change the chunk until `next` has returned null. */
  push(chunk: Uint8Array): void {
    if (this.#error !== null || chunk.length === 0) return;
    const rest = this.#chunk.length - this.#at;
    this.#offset += this.#at;
    const bytes =
      chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunk = rest === 0 ? bytes : Buffer.concat([this.#chunk.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** Copies the rest of the chunk, so that the caller may reuse its buffer. */
  keep(): void {
    this.#offset += this.#at;
    this.#chunk = this.#at === this.#chunk.length ? EMPTY : Buffer.from(this.#chunk.subarray(this.#at));
    this.#at = 0;
  }

  /** Bytes of the stream that were read. */
  get offset(): number {
    return this.#offset + this.#at;
  }

  /** The next payload, or null. Throws WireError; later calls throw it again. */
  next(): string | null {
    if (this.#error !== null) throw this.#error;
    if (!this.#counted && !this.#count()) return null;
    const payload = this.#take();
    if (payload === null) return null;
    this.#counted = false;
    this.#digits = 0;
    this.#length = 0;
    this.#body = null;
    this.#filled = 0;
    return payload;
  }

  partial(): boolean {
    return this.#at < this.#chunk.length || this.#counted || this.#digits > 0 || this.#stranger.length > 0;
  }

  held(): number {
    return this.#chunk.length - this.#at + (this.#body?.length ?? 0);
  }

  /** Reads the length with its colon; false when more bytes are needed. */
  #count(): boolean {
    while (this.#at < this.#chunk.length) {
      const byte = this.#chunk[this.#at]!;
      if (this.#stranger.length > 0 || (this.#digits === 0 && !isDigit(byte))) {
        this.#stranger.push(byte);
        if (this.#stranger.length === HEAD || byte === 0x0a) {
          const head = Uint8Array.from(this.#stranger);
          this.#fail(strangerRule(head), this.#at + 1 - head.length, 'a length such as 24:', excerpt(head));
        }
        this.#at++;
        continue;
      }
      if (byte === COLON) {
        if (this.#length > this.#limit.bytes)
          this.#fail(this.#limit.rule, this.#at, `at most ${this.#limit.bytes} bytes`, String(this.#length));
        this.#at++;
        this.#counted = true;
        return true;
      }
      const leadingZero = this.#digits === 1 && this.#length === 0;
      if (!isDigit(byte) || leadingZero || this.#digits === MAX_DIGITS) {
        const got = excerpt(this.#chunk, this.#at);
        this.#fail('socketmap-length', this.#at, 'a decimal length without leading zero, then ":"', got);
      }
      this.#length = this.#length * 10 + byte - ZERO;
      this.#digits++;
      this.#at++;
    }
    return false;
  }

  /** The payload, once it is complete and its comma has been received. */
  #take(): string | null {
    const rest = this.#chunk.length - this.#at;
    if (this.#body === null && rest > this.#length) {
      const from = this.#at;
      this.#at += this.#length;
      this.#comma();
      return this.#chunk.toString('latin1', from, from + this.#length);
    }
    this.#body ??= Buffer.allocUnsafe(this.#length);
    const part = this.#chunk.subarray(this.#at, this.#at + Math.min(rest, this.#length - this.#filled));
    this.#body.set(part, this.#filled);
    this.#filled += part.length;
    this.#at += part.length;
    if (this.#at === this.#chunk.length) return null;
    this.#comma();
    return this.#body.toString('latin1');
  }

  #comma(): void {
    if (this.#chunk[this.#at] !== COMMA)
      this.#fail('socketmap-comma', this.#at, '"," behind the payload', excerpt(this.#chunk, this.#at));
    this.#at++;
  }

  #fail(rule: WireRule, at: number, expected: string, got: string): never {
    const error = new WireError(rule, this.#offset + at, expected, got);
    this.#error = error;
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#body = null;
    throw error;
  }
}
