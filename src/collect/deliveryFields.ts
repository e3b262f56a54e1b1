/**
 * A delivery line of Postfix, behind its queue id (log_adhoc(3)):
 *
 *   to=<A>[, orig_to=<B>], relay=R[, conn_use=N], delay=D, delays=A/B/C/D[, tls=T], dsn=X.Y.Z, status=WORD (TEXT)
 *
 * It is read from the left. An address may hold anything in quotes, also `>, relay=`; TEXT is the other server's
 * and may hold `, status=sent (`: nothing behind the first status is looked at. A line that was cut (postlogd cuts
 * at 4,096 bytes) is read when the cut is in TEXT.
 */
export interface DeliveryFields {
  readonly to: string;
  readonly origTo: string | null;
  /** `HOST[ADDRESS]:PORT`, `none`, or the name of a transport. */
  readonly relay: string;
  /** Seconds. */
  readonly delay: number | null;
  /** As logged, `a/b/c/d`. */
  readonly delays: string;
  /** `tls=` of Postfix 3.11 and later, as logged; null: not there. */
  readonly tls: string | null;
  readonly dsn: string | null;
  /** `sent`, `deferred`, `bounced`, `expired`, `undeliverable`, `deliverable`, `SOFTBOUNCE`. */
  readonly status: string;
  readonly text: string;
}

/** Longest value in front of the status; an address that Postfix accepts has at most 2,048 bytes. */
const MAX_VALUE = 8192;
const WORD = /^[A-Za-z-]{1,40}$/;

/** `text` begins with `to=<`; null: it cannot be read. */
export function parseDelivery(text: string): DeliveryFields | null {
  if (!text.startsWith('to=<')) return null;
  const toEnd = endOfAddress(text, 4);
  if (toEnd < 0) return null;
  const to = text.slice(4, toEnd);
  let at = toEnd + 1;
  let origTo: string | null = null;
  if (text.startsWith(', orig_to=<', at)) {
    const end = endOfAddress(text, at + 11);
    if (end < 0) return null;
    origTo = text.slice(at + 11, end);
    at = end + 1;
  }
  let relay: string | null = null;
  let delay: number | null = null;
  let delays = '';
  let tls: string | null = null;
  let dsn: string | null = null;
  while (text.startsWith(', ', at)) {
    const equals = text.indexOf('=', at + 2);
    if (equals < 0 || equals - at > 42) return null;
    const name = text.slice(at + 2, equals);
    if (name === 'status') {
      if (relay === null) return null;
      const space = text.indexOf(' ', equals);
      const status = space < 0 ? text.slice(equals + 1) : text.slice(equals + 1, space);
      if (!WORD.test(status)) return null;
      const said = space < 0 ? '' : inParentheses(text, space + 1);
      return { to, origTo, relay, delay, delays, tls, dsn, status, text: said };
    }
    const end = text.indexOf(', ', equals);
    if (end < 0 || end - equals > MAX_VALUE) return null;
    const value = text.slice(equals + 1, end);
    if (name === 'relay') relay = value;
    else if (name === 'delay') delay = secondsOf(value);
    else if (name === 'delays') delays = value;
    else if (name === 'tls') tls = value;
    else if (name === 'dsn') dsn = value;
    at = end;
  }
  return null;
}

/** Where `>` ends the address that begins at `start`, outside of quotes; -1: nowhere. */
export function endOfAddress(text: string, start: number): number {
  // addresses without quotes are nearly all
  const plain = text.indexOf('>', start);
  const quote = text.indexOf('"', start);
  if (quote < 0 || plain < quote) return plain;
  let open = false;
  for (let i = start; i < text.length && i - start < MAX_VALUE; i++) {
    const char = text.charCodeAt(i);
    if (open && char === 0x5c) i++;
    else if (char === 0x22) open = !open;
    else if (char === 0x3e && !open) return i;
  }
  return -1;
}

function inParentheses(text: string, at: number): string {
  const from = text[at] === '(' ? at + 1 : at;
  return text.slice(from, text.endsWith(')') && text.length > from ? -1 : undefined);
}

function secondsOf(value: string): number | null {
  return /^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(value) ? Number(value) : null;
}
