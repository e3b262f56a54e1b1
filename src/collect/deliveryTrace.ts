/**
 * Follows one message through Postfix's log by its Message-ID: queue ids, deliveries, and the TLS connection
 * of each delivery.
 *
 * Postfix logs a TLS connection without a queue id. It belongs to a delivery when the same process logged it
 * for the same relay, and nothing for another message or relay in between: without such a line the delivery
 * was in plaintext, or `smtp_tls_loglevel` is 0. A content filter gives the message back under another queue
 * id with the same Message-ID; what was handed to it is then no delivery.
 */
import type { DeliveryFields } from './deliveryFields.ts';
import { type PostfixEvent, parsePostfixLine } from './postfixLines.ts';
import { encrypts } from './tlsLine.ts';

/** `none`: no TLS line was seen. `unsure`: one was, but it does not prove how this delivery was made. */
type TlsSeen =
  | { readonly kind: 'line' | 'unsure'; readonly text: string }
  | { readonly kind: 'none'; readonly text: null };

export interface TracedDelivery {
  readonly queueId: string;
  readonly to: string;
  /** `HOST[ADDRESS]:PORT`, `none`, or the name of a transport. */
  readonly relay: string;
  /** '' when it was not logged. */
  readonly dsn: string;
  /** `sent`, `deferred`, `bounced`, `expired`, `undeliverable`. */
  readonly status: string;
  /** What stands in parentheses at the end: the reply of the other server, or the reason. */
  readonly reply: string;
  readonly tls: TlsSeen;
}

/** The TLS connection that a process has; `used`: queue id of the delivery that it was used for. */
interface Session {
  readonly relay: string;
  readonly text: string;
  readonly encrypted: boolean;
  used: string | null;
}

/** `protected`: every delivery had a TLS line that proves it. `unknown`: sent, at least one without. */
export type Outcome = 'protected' | 'unknown' | 'undelivered';

/** `postfix/smtp[4711`, in front of the words of a program. */
const WRITER = /^([!-~]{1,100}\/[a-z-]{1,30})\[[0-9]{1,10}$/;

/** What a line of a file, or of `journalctl --output short`, tells, whatever its stamp; null: nothing of this. */
export function parseTraced(
  line: string,
): { readonly writer: string; readonly text: string; readonly event: PostfixEvent } | null {
  const end = line.indexOf(']: ');
  if (end < 0) return null;
  const writer = line.slice(line.lastIndexOf(' ', end) + 1, end);
  const program = WRITER.exec(writer)?.[1];
  if (program === undefined) return null;
  const text = line.slice(end + 3);
  const event = parsePostfixLine({ program, text });
  return event === null ? null : { writer, text, event };
}

const NO_TLS: TlsSeen = { kind: 'none', text: null };

export class DeliveryTrace {
  readonly #messageId: string;
  readonly #ids: string[] = [];
  readonly #removed = new Set<string>();
  readonly #deferred = new Set<string>();
  readonly #sessions = new Map<string, Session>();
  /** By queue id and recipient: the last word about each. */
  readonly #deliveries = new Map<string, TracedDelivery>();

  /** `messageId`: with its angle brackets; random, so that nobody else's line has it. */
  constructor(messageId: string) {
    this.#messageId = messageId;
  }

  /** Queue ids in the order in which the message got them. */
  get queueIds(): readonly string[] {
    return this.#ids;
  }

  /** The next line of the log. */
  push(line: string): void {
    const parsed = parseTraced(line);
    if (parsed === null) return;
    const { writer, text, event } = parsed;
    switch (event.kind) {
      case 'messageId':
        if (event.messageId === this.#messageId && !this.#ids.includes(event.queueId))
          this.#ids.push(event.queueId);
        break;
      case 'tls':
        this.#sessions.set(writer, {
          relay: event.session.relay,
          text,
          encrypted: encrypts(event.session),
          used: null,
        });
        break;
      case 'delivery':
        this.#deliver(writer, event.queueId, event.delivery);
        break;
      case 'removed':
        this.#removed.add(event.queueId);
        break;
      case 'trouble':
      case 'unreadable':
        // what is delivered after it may go over another connection
        this.#sessions.delete(writer);
        break;
      default:
    }
  }

  #deliver(writer: string, queueId: string, delivery: DeliveryFields): void {
    const { to, relay, status, text: reply } = delivery;
    let session = this.#sessions.get(writer);
    if (session !== undefined && (session.relay !== relay || (session.used ?? queueId) !== queueId)) {
      this.#sessions.delete(writer);
      session = undefined;
    }
    if (session !== undefined) session.used = queueId;
    if (!this.#ids.includes(queueId)) return;
    const key = `${queueId} ${to}`;
    const tls = session === undefined ? NO_TLS : seen(session, this.#deferred.has(key));
    this.#deliveries.set(key, { queueId, to, relay, dsn: delivery.dsn ?? '', status, reply, tls });
    if (status === 'deferred') this.#deferred.add(key);
  }

  /** The last word about each recipient, without what a filter on this host has given back. */
  deliveries(): TracedDelivery[] {
    return [...this.#deliveries.values()].filter((one) => {
      const later = this.#ids.slice(this.#ids.indexOf(one.queueId) + 1);
      return !later.some((id) => one.status === 'sent' && one.reply.endsWith(`queued as ${id}`));
    });
  }

  /** Nothing more is to come: every queue file is gone, or a recipient cannot be reached. */
  get settled(): boolean {
    const all = this.deliveries();
    if (all.some(({ status }) => status !== 'sent' && status !== 'deferred')) return true;
    return all.length > 0 && this.#ids.every((id) => this.#removed.has(id));
  }

  get outcome(): Outcome {
    const all = this.deliveries();
    const heard = new Set(all.map(({ queueId }) => queueId));
    const last = this.#ids.at(-1);
    if (last === undefined || !heard.has(last) || all.some(({ status }) => status !== 'sent'))
      return 'undelivered';
    // while a queue file is there, recipients of it may still wait
    if (!this.#ids.every((id) => this.#removed.has(id))) return 'unknown';
    return all.every(({ tls }) => tls.kind === 'line') ? 'protected' : 'unknown';
  }
}

/** In a later attempt Postfix may reconnect in plaintext where a TLS session failed (level `may`). */
function seen({ text, encrypted }: Session, deferredBefore: boolean): TlsSeen {
  return { kind: encrypted && !deferredBefore ? 'line' : 'unsure', text };
}
