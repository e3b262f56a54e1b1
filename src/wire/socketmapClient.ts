/**
 * Socketmap seen from the MTA's side, for `simulate` and for tests: requests to bytes, bytes to replies.
 *
 * Reads replies as Postfix 3.12 does: one netstring of at most 100,000 bytes, a known upper-case word, a
 * blank. A reply that only an older Postfix accepts (`OK` without the blank, as "not found") is an error
 * here, because no server should send it.
 * Source: Postfix `src/util/dict_sockmap.c`.
 */
import { Buffer } from 'node:buffer';
import { encodeNetstring, NetstringDecoder } from './netstring.ts';
import { REQUEST_LIMIT } from './socketmapDecode.ts';
import { REPLY_LIMIT_BYTES, type SocketmapReply } from './socketmapEncode.ts';
import { excerpt, WireError } from './wireError.ts';

/** A request as an MTA sends it; the key is written as UTF-8. Throws RangeError for what no MTA could ask. */
export function encodeSocketmapRequest(map: string, key: string): Uint8Array {
  if (map === '' || /[^\x21-\x7e]/.test(map)) throw new RangeError(`no map name: ${JSON.stringify(map)}`);
  return encodeNetstring(Buffer.from(`${map} ${key}`, 'utf8').toString('latin1'), REQUEST_LIMIT.bytes);
}

/** Bytes to replies, however the bytes are split into chunks. */
export class SocketmapReplyDecoder {
  readonly #netstrings = new NetstringDecoder({
    bytes: REPLY_LIMIT_BYTES,
    rule: 'socketmap-reply-too-long',
  });

  push(chunk: Uint8Array): void {
    this.#netstrings.push(chunk);
  }

  /** The next reply, or null. Throws WireError. */
  next(): SocketmapReply | null {
    const text = this.#netstrings.next();
    if (text === null) return null;
    const blank = text.indexOf(' ');
    const status = blank < 0 ? text : text.slice(0, blank);
    const rest = text.slice(blank + 1);
    if (blank > 0) {
      if (status === 'OK' && rest !== '') return { status, value: rest };
      if (status === 'NOTFOUND') return { status };
      if (status === 'TEMP' || status === 'PERM') return { status, reason: rest };
    }
    const expected = 'OK value, NOTFOUND , TEMP reason or PERM reason';
    throw new WireError('socketmap-reply-status', 0, expected, excerpt(Buffer.from(text, 'latin1')));
  }

  partial(): boolean {
    return this.#netstrings.partial();
  }
}
