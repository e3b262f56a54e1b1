/**
 * Policy delegation, Postfix to us: bytes to requests.
 *
 *   request   = "request=smtpd_access_policy" LF *( name "=" value LF ) LF
 *
 * One pass looks at each byte once, in any chunking, and notes where the wanted values are, which alone become
 * strings: Postfix sends some thirty, half of them of no use here, for every recipient of every message. A request
 * with the names of the one before is only compared with it (policyBefore.ts); equal values are the same string.
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
import { RequestBefore } from './policyBefore.ts';
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

/** Longer values are seldom the same again. */
const MOST_FILLED = 64;

const EMPTY = Buffer.alloc(0);

/** Who is it, if it is not Postfix? `head` is the start of the request, 8 bytes or up to the first LF. */
function strangerRule(head: Uint8Array): WireRule {
  if (head[0] === 0x16 && head[1] === 0x03) return 'policy-tls-hello';
  const text = String.fromCharCode(...head);
  if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI)(?: |$)/.test(text))
    return 'policy-http-request';
  return 'policy-first-line';
}

/** Do these bytes spell the text, one character each? */
function spells(bytes: Uint8Array, from: number, end: number, text: string): boolean {
  if (end - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The `Decoder` of `session/protocol.ts`; holds nothing between requests but a small one to compare with. */
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
  /** Where each value is in the request, by number; -1: not there, or that of the request before. */
  readonly #from = new Int32Array(ATTRIBUTE_NAMES.length).fill(-1);
  readonly #to = new Int32Array(ATTRIBUTE_NAMES.length);
  readonly #before = new RequestBefore();
  /** The values of the request before, if that is kept. */
  readonly #values: (string | null)[] = ATTRIBUTE_NAMES.map(() => null);
  /** By number, the last short value that was not empty: sessions with TLS and without it take turns. */
  readonly #filled: string[] = ATTRIBUTE_NAMES.map(() => '');

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
    const repeated = this.#start < this.#end ? this.#compare() : 0;
    const length = repeated > 0 || this.#start === this.#end ? repeated : this.#scan();
    if (length === 0) {
      this.#own();
      return null;
    }
    this.#read(repeated > 0);
    const request = this.#build();
    if (!this.#before.kept) {
      this.#values.fill(null);
      this.#filled.fill('');
    }
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
    return this.#before.held + (this.#owned ? this.#bytes.length : this.#end - this.#start);
  }

  /** As `#scan`, but 0, too, for a request that must be read. */
  #compare(): number {
    if (this.#scanned > 0) return 0;
    const end = Math.min(this.#end, this.#start + this.#limits.requestBytes);
    const length = this.#before.compare(this.#bytes, this.#start, end, this.#from, this.#to);
    if (length === 0) this.#from.fill(-1);
    return length;
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
        if (i === lineStart) {
          this.#before.keep(bytes, start, i, this.#attributes);
          return i + 1 - start;
        }
        if (valueStart === 0) this.#fail('policy-attribute-without-equals', lineStart, 'name=value');
        const { attributes } = this.#limits;
        if (++this.#attributes > attributes)
          this.#fail('policy-too-many-attributes', lineStart, `at most ${attributes} attributes`);
        if (this.#attributes === 1) this.#checkFirstLine(lineStart, i);
        const number = attributeNumber(bytes, lineStart, valueStart - 1 - lineStart);
        const used = number >= 0 && this.#from[number]! < 0;
        if (used) {
          this.#from[number] = valueStart - start;
          this.#to[number] = i - start;
        }
        const line = this.#attributes - 1;
        this.#before.note(line, i + 1 - lineStart, valueStart - lineStart, used ? number : -1);
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

  /** Makes the values strings, each of its own; with `repeats`, those that were not noted are as before. */
  #read(repeats: boolean): void {
    for (let number = 0; number < ATTRIBUTE_NAMES.length; number++) {
      const from = this.#from[number]!;
      if (from >= 0) {
        this.#values[number] = this.#value(number, this.#start + from, this.#start + this.#to[number]!);
      } else if (!repeats) this.#values[number] = null;
    }
  }

  #value(number: number, from: number, end: number): string {
    if (from === end) return '';
    const last = this.#filled[number]!;
    if (spells(this.#bytes, from, end, last)) return last;
    const value = this.#bytes.toString('latin1', from, end);
    if (value.length <= MOST_FILLED) this.#filled[number] = value;
    return value;
  }

  #build(): PolicyRequest {
    const values = this.#values;
    const protocolState = values[0] ?? null;
    if (protocolState === null || !(PROTOCOL_STATES as readonly string[]).includes(protocolState)) {
      const at = this.#start + Math.max(0, this.#from[0]!);
      this.#fail('policy-protocol-state', at, `protocol_state, one of ${PROTOCOL_STATES.join(' ')}`);
    }
    return {
      protocolState: protocolState as ProtocolState,
      clientAddress: values[1] ?? null,
      clientName: values[2] ?? null,
      clientPort: values[3] ?? null,
      heloName: values[4] ?? null,
      sender: values[5] ?? null,
      recipient: values[6] ?? null,
      recipientCount: values[7] ?? null,
      queueId: values[8] ?? null,
      instance: values[9] ?? null,
      saslUsername: values[10] ?? null,
      ccertSubject: values[11] ?? null,
      ccertIssuer: values[12] ?? null,
      ccertFingerprint: values[13] ?? null,
      ccertPubkeyFingerprint: values[14] ?? null,
      encryptionProtocol: values[15] ?? null,
      encryptionCipher: values[16] ?? null,
      encryptionKeysize: values[17] ?? null,
      serverAddress: values[18] ?? null,
      serverPort: values[19] ?? null,
    };
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
