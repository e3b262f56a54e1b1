/**
 * The mail that waits, as the records of the collector have it: recipients whose last attempt was put off. Deliveries are
 * added in the order of the records; memory is bounded by the number of recipients that wait.
 *
 * A message that somebody took out of the queue by hand leaves no record, and waits here until its records are older than
 * what is read: only the MTA itself knows its queue. Pure.
 */
import type { DeliveryRecord } from '../evidence/record.ts';
import type { QueuedMessage, QueuedRecipient } from './queued.ts';

/** Recipients that are followed. */
const MAX_RECIPIENTS = 50_000;
/** Attempts of one round. */
const ROUND_MS = 60_000;

interface PutOff {
  /** More than one where recipients cannot be told apart. */
  count: number;
  readonly reason: string;
  readonly noted: string;
}

/** A message to one domain. */
interface Open {
  readonly key: string;
  readonly queueId: string;
  readonly domain: string;
  /** Of its pseudonyms: another month has others for the same recipients. */
  month: string;
  /** Its first attempt that is recorded, and the first one of the newest round; milliseconds since the epoch. */
  readonly since: number;
  round: number;
  readonly recipients: Map<string, PutOff>;
}

export class RecordedWaiting {
  readonly #open = new Map<string, Open>();
  /** How many of `#open` have a queue id. */
  readonly #ids = new Map<string, number>();
  readonly #most: number;
  #recipients = 0;
  #beyond = false;
  #sendmail = false;

  /** `most`: recipients that are followed. */
  constructor(most = MAX_RECIPIENTS) {
    this.#most = most;
  }

  /** Does a message with this id wait? Only then does a record of a delivery that was not put off matter. */
  has(queueId: string): boolean {
    return this.#ids.has(queueId);
  }

  add({ time, host, queueId, recipient, recipientDomain, outcome, reply, tls }: DeliveryRecord): void {
    const domain = recipientDomain ?? '';
    const message = `${host}\n${queueId}`;
    const key = `${message}\n${domain}`;
    const known = this.#open.get(key);
    if (known === undefined && outcome !== 'deferred') return;
    const at = Date.parse(time);
    const open = known ?? this.#opened(key, message, queueId, domain, at);
    const month = /^h:[0-9]{4}-[0-9]{2}:/.exec(recipient)?.[0] ?? '';
    // recipients of one domain that privacy does not tell apart are those of the newest round
    const several = recipient === '' || recipient.startsWith('@');
    if (month !== open.month || (several && at > open.round + ROUND_MS)) this.#clear(open);
    if (open.recipients.size === 0) open.round = at;
    open.month = month;
    const before = open.recipients.get(recipient);
    if (outcome === 'deferred') {
      if (before === undefined && this.#recipients >= this.#most) this.#beyond = true;
      else {
        if (before === undefined) this.#recipients++;
        const count = several ? (before?.count ?? 0) + 1 : 1;
        open.recipients.set(recipient, { count, reason: reply ?? '', noted: tls.why ?? '' });
        this.#sendmail = tls.how === 'sendmail';
      }
    } else if (!several && open.recipients.delete(recipient)) this.#recipients--;
    if (open.recipients.size === 0) this.#close(open);
  }

  #opened(key: string, message: string, queueId: string, domain: string, since: number): Open {
    const open = { key: message, queueId, domain, month: '', since, round: since, recipients: new Map() };
    this.#open.set(key, open);
    this.#ids.set(queueId, (this.#ids.get(queueId) ?? 0) + 1);
    return open;
  }

  #clear(open: Open): void {
    this.#recipients -= open.recipients.size;
    open.recipients.clear();
  }

  #close({ key, domain, queueId }: Open): void {
    this.#open.delete(`${key}\n${domain}`);
    const others = (this.#ids.get(queueId) ?? 0) - 1;
    if (others > 0) this.#ids.set(queueId, others);
    else this.#ids.delete(queueId);
  }

  /** `beyond`: more were put off than are followed. `sendmail`: the last of them by Sendmail. */
  result(): { readonly messages: QueuedMessage[]; readonly beyond: boolean; readonly sendmail: boolean } {
    const found = new Map<string, { id: string; arrived: number; recipients: QueuedRecipient[] }>();
    for (const { key, queueId, domain, since, recipients } of this.#open.values()) {
      const message = found.get(key) ?? { id: queueId, arrived: since, recipients: [] };
      found.set(key, { ...message, arrived: Math.min(message.arrived, since) });
      const address = domain === '' ? '' : `@${domain}`;
      for (const { count, reason, noted } of recipients.values())
        for (let i = 0; i < count; i++) message.recipients.push({ address, reason, noted });
    }
    const messages = [...found.values()].map(
      (one): QueuedMessage => ({ ...one, state: 'deferred', sender: '', moreRecipients: 0 }),
    );
    return { messages, beyond: this.#beyond, sendmail: this.#sendmail };
  }
}
