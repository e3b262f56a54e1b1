/**
 * Socketmap, MTA to us: a stream of bytes to requests.
 *
 *   request = netstring; payload = map-name SP key           split at the first blank; the key may hold blanks
 *
 * The key is the text that the MTA looks up. Postfix sends it unchanged, Sendmail in lower case. It may
 * contain any bytes; here it has one character a byte (latin1).
 *
 * Limits: 16 KiB a request. Postfix asks for keys of at most 10,000 bytes (`socketmap_max_query_size`, 3.12),
 * Sendmail for less. Both send one request at a time; several requests are answered in order.
 * Sources: Postfix socketmap_table(5), `src/util/dict_sockmap.c`; Sendmail `sendmail/map.c`,
 * socket_map_lookup().
 */
import { Buffer } from 'node:buffer';
import { NetstringDecoder, type NetstringLimit } from './netstring.ts';
import { excerpt, WireError } from './wireError.ts';

export interface SocketmapRequest {
  /** The bytes before the first blank, printable or not. */
  readonly map: string;
  /** One character a byte. */
  readonly key: string;
}

export const REQUEST_LIMIT: NetstringLimit = { bytes: 16_384, rule: 'socketmap-request-too-long' };

/** The `Decoder` of `session/protocol.ts`. */
export class SocketmapDecoder {
  readonly #netstrings = new NetstringDecoder(REQUEST_LIMIT);
  #error: WireError | null = null;

  push(chunk: Uint8Array): void {
    if (this.#error === null) this.#netstrings.push(chunk);
  }

  next(): SocketmapRequest | null {
    if (this.#error !== null) throw this.#error;
    const text = this.#netstrings.next();
    if (text === null) return null;
    const blank = text.indexOf(' ');
    if (blank <= 0) {
      const begun = this.#netstrings.offset - `${text.length}:${text},`.length;
      const expected = 'a map name, a blank and a key';
      const got = excerpt(Buffer.from(text, 'latin1'));
      this.#error = new WireError('socketmap-without-map-name', begun, expected, got);
      throw this.#error;
    }
    return { map: text.slice(0, blank), key: text.slice(blank + 1) };
  }

  /** Copies the rest of the chunk. */
  keep(): void {
    this.#netstrings.keep();
  }

  partial(): boolean {
    return this.#error === null && this.#netstrings.partial();
  }

  held(): number {
    return this.#netstrings.held();
  }
}
