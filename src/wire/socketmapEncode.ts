/**
 * Socketmap, us to the MTA: replies to bytes.
 *
 *   reply = netstring; payload = "OK " value | "NOTFOUND " | "TEMP " reason | "PERM " reason
 *
 * The blank after the word is always sent: without it Postfix 3.7 takes `OK` for "not found" and falls back
 * to the site's own level, and Sendmail 8.17 crashes (both tested). To Postfix an empty value is a table
 * error, so `OK` with an empty value is a bug of the caller. `PERM` is in the grammar, but must not be used
 * for our own failures, because Sendmail takes it for "not found" and sends the mail.
 *
 * Reasons are printable ASCII; values too, but for the bytes of an address in UTF-8 (RFC 6531). Postfix reads
 * at most 100,000 bytes of reply, before 3.10 as a constant, since then as `socketmap_max_reply_size`;
 * Sendmail 1,000,000.
 * Sources: Postfix socketmap_table(5), `src/util/dict_sockmap.c`; Sendmail `sendmail/map.c`.
 */
import { encodeNetstring } from './netstring.ts';

export type SocketmapReply =
  | { readonly status: 'OK'; readonly value: string }
  | { readonly status: 'NOTFOUND' }
  /** Makes both MTAs try again later. */
  | { readonly status: 'TEMP'; readonly reason: string }
  | { readonly status: 'PERM'; readonly reason: string };

export const NOTFOUND: SocketmapReply = { status: 'NOTFOUND' };
const NOTFOUND_TEXT = 'NOTFOUND ';

/** Payload bytes of the longest reply that Postfix accepts. */
export const REPLY_LIMIT_BYTES = 100_000;
const MAX_REASON = 400;
/** Most answers are this one. */
const NOTFOUND_BYTES = encodeNetstring(NOTFOUND_TEXT, REPLY_LIMIT_BYTES);

/** The payload of the reply. Throws RangeError for a value that must not be sent. */
export function formatSocketmapReply(reply: SocketmapReply): string {
  switch (reply.status) {
    case 'OK':
      if (!/^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(reply.value))
        throw new RangeError('an OK reply has a value in printable ASCII and UTF-8');
      return `OK ${reply.value}`;
    case 'NOTFOUND':
      return NOTFOUND_TEXT;
    case 'TEMP':
    case 'PERM':
      return `${reply.status} ${reply.reason.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_REASON)}`;
  }
}

/**
 * The whole reply; `formatted` comes from `formatSocketmapReply`. The bytes may be shared between calls and must not be
 * changed. Throws RangeError above the limit.
 */
export function encodeSocketmapReply(formatted: string): Uint8Array {
  return formatted === NOTFOUND_TEXT ? NOTFOUND_BYTES : encodeNetstring(formatted, REPLY_LIMIT_BYTES);
}
