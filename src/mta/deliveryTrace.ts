/**
 * Follows one message through Postfix's log by its Message-ID: queue ids, deliveries, and the TLS connection
 * of each delivery.
 *
 * Postfix logs a TLS connection without a queue id. It belongs to a delivery when the same process logged it
 * for the same relay, and nothing for another message or relay in between: without such a line the delivery
 * was in plaintext, or `smtp_tls_loglevel` is 0. A content filter gives the message back under another queue
 * id with the same Message-ID; what was handed to it is then no delivery.
 */
import { type LogEvent, type LoggedDelivery, parseLogLine } from './deliveryLine.ts';

/** `none`: no TLS line was seen. `unsure`: one was, but it does not prove how this delivery was made. */
type TlsSeen =
  | { readonly kind: 'line' | 'unsure'; readonly text: string }
  | { readonly kind: 'none'; readonly text: null };

export interface TracedDelivery extends LoggedDelivery {
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
    const event = parseLogLine(line);
    if (event === null) return;
    if (event.kind === 'messageId') {
      if (event.messageId === this.#messageId && !this.#ids.includes(event.queueId))
        this.#ids.push(event.queueId);
    } else if (event.kind === 'tls') {
      const { writer, relay, text, encrypted } = event;
      this.#sessions.set(writer, { relay, text, encrypted, used: null });
    } else if (event.kind === 'delivery') this.#deliver(event);
    else if (event.kind === 'removed') this.#removed.add(event.queueId);
    // trouble with a connection: what is delivered after it may go over another one
    else this.#sessions.delete(event.writer);
  }

  #deliver(event: LogEvent & { kind: 'delivery' }): void {
    const { kind: _, writer, ...delivery } = event;
    const { queueId, to, relay, status } = delivery;
    let session = this.#sessions.get(writer);
    if (session !== undefined && (session.relay !== relay || (session.used ?? queueId) !== queueId)) {
      this.#sessions.delete(writer);
      session = undefined;
    }
    if (session !== undefined) session.used = queueId;
    if (!this.#ids.includes(queueId)) return;
    const key = `${queueId} ${to}`;
    const tls = session === undefined ? NO_TLS : seen(session, this.#deferred.has(key));
    this.#deliveries.set(key, { ...delivery, tls });
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
