/**
 * Policy delegation, Postfix to us: bytes to requests.
 *
 *   request   = "request=smtpd_access_policy" LF *( name "=" value LF ) LF
 *
 * One pass looks at each byte once, in any chunking, and notes where the wanted values are; a whole request
 * is then made a string once and the values are cut out of it. There is no object of all attributes: Postfix
 * sends some thirty, half of them are of no use here, and this runs for every recipient of every message.
 *
 * Kept rules: a value may hold any byte but LF, CR and NUL (Postfix shows a CR in an address as a space, LF
 * and NUL never get that far), so it is split at the first `=`. The first of two equal names counts. Unknown
 * names are passed over: each Postfix version brings new ones. A name that is absent is not the same as one
 * with an empty value: the TLS attributes are absent when Postfix was built without TLS, and empty in a
 * session without it.
 *
 * Limits: 64 KiB and 200 attributes a request. Postfix has no limit of its own; its addresses are bounded by
 * `line_length_limit` (2,048), so a real request stays under 8 KiB.
 * Source: Postfix SMTPD_POLICY_README; `src/smtpd/smtpd_check.c`, check_policy_service().
 */
import { Buffer } from 'node:buffer';
import {
  ATTRIBUTE_NAMES,
  attributeNumber,
  type PolicyRequest,
  PROTOCOL_STATES,
  type ProtocolState,
  sameBytes,
} from './policyAttributes.ts';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

export interface PolicyLimits {
  /** Longest request, its empty line included. */
  readonly requestBytes: number;
  /** Most attributes in a request, known or not. */
  readonly attributes: number;
}

export const POLICY_LIMITS: PolicyLimits = { requestBytes: 65_536, attributes: 200 };

const FIRST_LINE = Buffer.from('request=smtpd_access_policy', 'latin1');
/** The number of bytes that distinguishes Postfix from a client of another service. */
const HEAD = FIRST_LINE.subarray(0, 8);
const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;

const EMPTY = Buffer.alloc(0);

/** Who is it, if it is not Postfix? `head` is the start of the request, 8 bytes or up to the first LF. */
function strangerRule(head: Uint8Array): WireRule {
  if (head[0] === 0x16 && head[1] === 0x03) return 'policy-tls-hello';
  const text = String.fromCharCode(...head);
  if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI)(?: |$)/.test(text))
    return 'policy-http-request';
  return 'policy-first-line';
}

/** The `Decoder` of `session/protocol.ts`; holds no bytes between requests. */
export class PolicyDecoder {
  readonly #limits: PolicyLimits;
  /** Bytes [start, end) are those not yet handed out; the request begins at start. */
  #bytes: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** Do the bytes belong to the decoder, or to the caller that pushed the last chunk? */
  #owned = false;
  /** Offset of `start` in the stream of the connection. */
  #offset = 0;
  #error: WireError | null = null;
  // progress in the request, all counted from its start
  #scanned = 0;
  #lineStart = 0;
  /** 0 while still in the name. */
  #valueStart = 0;
  #attributes = 0;
  readonly #from = new Int32Array(ATTRIBUTE_NAMES.length).fill(-1);
  readonly #to = new Int32Array(ATTRIBUTE_NAMES.length);

  constructor(limits: PolicyLimits = POLICY_LIMITS) {
    this.#limits = limits;
  }

  /** The chunk must stay as it is until `next` was called; what is left of it then has been copied. */
  push(chunk: Uint8Array): void {
    if (this.#error !== null || chunk.length === 0) return;
    if (this.#start < this.#end) {
      this.#append(chunk);
      return;
    }
    this.#bytes =
      chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#start = 0;
    this.#end = chunk.length;
    this.#owned = false;
  }

  /** Copies the rest of the chunk. */
  keep(): void {
    this.#own();
  }

  /** The next request, or null. Throws WireError, and the same one again from then on. */
  next(): PolicyRequest | null {
    if (this.#error !== null) throw this.#error;
    const length = this.#start < this.#end ? this.#scan() : 0;
    if (length === 0) {
      this.#own();
      return null;
    }
    const request = this.#build(this.#bytes.toString('latin1', this.#start, this.#start + length));
    this.#offset += length;
    this.#start += length;
    this.#scanned = 0;
    this.#lineStart = 0;
    this.#valueStart = 0;
    this.#attributes = 0;
    this.#from.fill(-1);
    this.#own();
    return request;
  }

  partial(): boolean {
    return this.#start < this.#end;
  }

  held(): number {
    return this.#owned ? this.#bytes.length : this.#end - this.#start;
  }

  /** Length of the request at start with its empty line; 0 when more bytes are needed. */
  #scan(): number {
    const bytes = this.#bytes;
    const start = this.#start;
    if (this.#scanned === 0 && !this.#headComplete()) return 0;
    const end = Math.min(this.#end, start + this.#limits.requestBytes);
    let lineStart = start + this.#lineStart;
    let valueStart = this.#valueStart === 0 ? 0 : start + this.#valueStart;
    for (let i = start + this.#scanned; i < end; i++) {
      const byte = bytes[i]!;
      // letters and what lies beyond them: most of a request
      if (byte > EQUALS) continue;
      if (byte === EQUALS) {
        if (valueStart === 0) valueStart = i + 1;
      } else if (byte === LF) {
        if (i === lineStart) return i + 1 - start;
        if (valueStart === 0) this.#fail('policy-attribute-without-equals', lineStart, 'name=value');
        if (++this.#attributes > this.#limits.attributes) {
          this.#fail(
            'policy-too-many-attributes',
            lineStart,
            `at most ${this.#limits.attributes} attributes`,
          );
        }
        if (this.#attributes === 1) this.#checkFirstLine(lineStart, i);
        const number = attributeNumber(bytes, lineStart, valueStart - 1 - lineStart);
        if (number >= 0 && this.#from[number]! < 0) {
          this.#from[number] = valueStart - start;
          this.#to[number] = i - start;
        }
        lineStart = i + 1;
        valueStart = 0;
      } else if (byte === CR) {
        this.#fail('policy-carriage-return', i, 'lines that end in LF alone');
      } else if (byte === 0) {
        this.#fail('policy-nul', i, 'no NUL');
      }
    }
    if (end - start === this.#limits.requestBytes) {
      this.#fail('policy-request-too-long', end, `at most ${this.#limits.requestBytes} bytes`);
    }
    this.#scanned = end - start;
    this.#lineStart = lineStart - start;
    this.#valueStart = valueStart === 0 ? 0 : valueStart - start;
    return 0;
  }

  /** Is there enough to see that this is Postfix? Decided by the same bytes however they were cut. */
  #headComplete(): boolean {
    const start = this.#start;
    if (this.#end - start >= HEAD.length && sameBytes(HEAD, this.#bytes, start)) return true;
    const head = this.#bytes.subarray(start, Math.min(this.#end, start + HEAD.length));
    const lf = head.indexOf(LF);
    if (lf < 0 && head.length < HEAD.length) return false;
    return this.#fail(
      strangerRule(lf < 0 ? head : head.subarray(0, lf + 1)),
      start,
      FIRST_LINE.toString('latin1'),
    );
  }

  #checkFirstLine(from: number, to: number): void {
    if (to - from === FIRST_LINE.length && sameBytes(FIRST_LINE, this.#bytes, from)) return;
    this.#fail('policy-first-line', from, FIRST_LINE.toString('latin1'));
  }

  #build(text: string): PolicyRequest {
    const protocolState = this.#value(text, 0);
    if (protocolState === null || !(PROTOCOL_STATES as readonly string[]).includes(protocolState)) {
      const at = this.#start + Math.max(0, this.#from[0]!);
      this.#fail('policy-protocol-state', at, `protocol_state, one of ${PROTOCOL_STATES.join(' ')}`);
    }
    return {
      protocolState: protocolState as ProtocolState,
      clientAddress: this.#value(text, 1),
      clientName: this.#value(text, 2),
      clientPort: this.#value(text, 3),
      heloName: this.#value(text, 4),
      sender: this.#value(text, 5),
      recipient: this.#copy(6),
      recipientCount: this.#value(text, 7),
      queueId: this.#value(text, 8),
      instance: this.#copy(9),
      saslUsername: this.#value(text, 10),
      ccertSubject: this.#value(text, 11),
      ccertIssuer: this.#value(text, 12),
      ccertFingerprint: this.#value(text, 13),
      ccertPubkeyFingerprint: this.#value(text, 14),
      encryptionProtocol: this.#value(text, 15),
      encryptionCipher: this.#value(text, 16),
      encryptionKeysize: this.#value(text, 17),
      serverAddress: this.#value(text, 18),
      serverPort: this.#value(text, 19),
    };
  }

  #value(text: string, number: number): string | null {
    const from = this.#from[number]!;
    return from < 0 ? null : text.slice(from, this.#to[number]!);
  }

  /** For what is remembered between requests: a slice of the text would keep all of the text. */
  #copy(number: number): string | null {
    const from = this.#from[number]!;
    if (from < 0) return null;
    return this.#bytes.toString('latin1', this.#start + from, this.#start + this.#to[number]!);
  }

  /** Lets go of an empty buffer, and of the pusher's chunk when bytes of it are left. */
  #own(): void {
    if (this.#start === this.#end) {
      this.#bytes = EMPTY;
      this.#start = 0;
      this.#end = 0;
    } else if (!this.#owned) {
      this.#move(2 * (this.#end - this.#start));
    }
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#end - this.#start + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) this.#move(2 * needed);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The bytes that are left, in a buffer of our own of this size. */
  #move(size: number): void {
    const bytes = Buffer.allocUnsafe(Math.max(2048, size));
    this.#end = this.#bytes.copy(bytes, 0, this.#start, this.#end);
    this.#start = 0;
    this.#bytes = bytes;
    this.#owned = true;
  }

  #fail(rule: WireRule, at: number, expected: string): never {
    const error = new WireError(
      rule,
      this.#offset + at - this.#start,
      expected,
      excerpt(this.#bytes.subarray(0, this.#end), at),
    );
    this.#error = error;
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
    throw error;
  }
}
