/**
 * Deliveries to messages per recipient on their way out. Pure, one delivery at a time.
 *
 * A recipient counts once, by the last attempt: `sent` travelled; `bounced` and `expired` came back, for want of TLS or
 * for another reason; one that was put off for want of TLS, and of which nothing was heard afterwards, waits. Attempts
 * that were put off for other reasons are not counted: the mail still travels, or comes back.
 *
 * Attempts belong together by host, queue id and recipient. With `privacy = domains` the recipients of a domain have
 * one name: then those within a minute are taken for different ones, later ones for further attempts, because an MTA
 * tries again after minutes. Across days the domain stands for the recipient in any case, because pseudonyms change
 * with the month.
 */

import type { DeliveryRecord } from '../evidence/record.ts';
import { outboundClass } from '../trace/classes.ts';
import { domainOf } from '../trace/recordKeys.ts';
import { tlsFailure } from './causes.ts';
import type { OpenItem } from './dayTally.ts';
import { cipherOf, type Item, type ItemRow, levelOf } from './item.ts';
import { keyOf } from './keyOf.ts';
import { dropOldest, keptOf } from './oldest.ts';
import { requiresTls, satisfies, type Told } from './told.ts';

/** Recipients that wait, of all reasons. */
const MAX_DEFERRED = 150_000;
/** What one day leaves to the next: recipients that wait for TLS, and those of which something was heard. */
const MAX_WAITING = 20_000;
const MAX_ENDED = 60_000;
/** Attempts of one round. */
const ROUND_MS = 60_000;
/** A log may have whole seconds. */
const SECOND_MS = 1000;

/** Recipients of one name that were put off. */
interface Deferred {
  /** Of earlier rounds, and of this one; null: for another reason than TLS. */
  before: (Item | null)[];
  now: (Item | null)[];
  /** When this round began. */
  round: number;
  readonly crossKey: string;
}

export class Outbound {
  readonly #settle: (item: Item) => void;
  readonly #told: Told;
  readonly #beginMs: number;
  readonly #deferred = new Map<string, Deferred>();
  readonly #ended = new Map<string, number>();
  readonly #expired: OpenItem[] = [];
  #cut = false;

  constructor(day: string, told: Told, settle: (item: Item) => void) {
    this.#settle = settle;
    this.#told = told;
    this.#beginMs = Date.parse(`${day}T00:00:00Z`);
  }

  add(delivery: DeliveryRecord): void {
    const { outcome, host, queueId, recipient } = delivery;
    const domain = delivery.recipientDomain ?? domainOf(recipient);
    if (outcome === 'filtered' || outboundClass(delivery) === 'inside') {
      if (outcome !== 'deferred') this.#settle(this.#item(delivery, domain, 'inside'));
      return;
    }
    const time = Date.parse(delivery.time);
    const name = `${host}\n${queueId}\n${recipient}`;
    const crossKey = `${host}\n${queueId}\n${domain}`;
    const earlier = this.#earlier(name, time, recipient.startsWith('@') || recipient === '');
    if (earlier === undefined && this.#isOlder(delivery, time)) this.#end(crossKey, outcome === 'expired');
    if (outcome === 'sent') this.#settle(this.#sent(delivery, domain));
    else if (outcome === 'deferred') {
      const failure = tlsFailure(delivery);
      this.#defer(name, crossKey, time, failure === null ? null : this.#failed(delivery, domain, 'waiting'));
    } else if (outcome === 'bounced') {
      const failure = tlsFailure(delivery);
      this.#settle(
        failure === null
          ? this.#item(delivery, domain, 'otherFailed')
          : this.#failed(delivery, domain, 'returned'),
      );
    } else this.#givenUp(delivery, domain, crossKey, earlier);
  }

  /** Why it was put off last is why it came back; that may stand in an earlier day. */
  #givenUp(
    delivery: DeliveryRecord,
    domain: string,
    crossKey: string,
    earlier: Item | null | undefined,
  ): void {
    const { time, queueId } = delivery;
    const other = this.#item(delivery, domain, 'otherFailed');
    if (earlier === undefined && this.#expired.length < MAX_WAITING)
      this.#expired.push({ key: keyOf(crossKey), item: other });
    else if (earlier == null) this.#settle(other);
    else this.#settle({ ...earlier, outcome: 'returned', time, example: queueId });
  }

  /**
   * The attempt of an earlier round that this one follows: what it left, null when TLS was not the reason; undefined:
   * there was none.
   */
  #earlier(name: string, time: number, several: boolean): Item | null | undefined {
    const known = this.#deferred.get(name);
    if (known === undefined) return undefined;
    if (!several || time > known.round + ROUND_MS) {
      for (const one of known.now) known.before.push(one);
      known.now = [];
      known.round = time;
    }
    if (known.before.length === 0) return undefined;
    const item = known.before.pop();
    if (known.before.length + known.now.length === 0) this.#deferred.delete(name);
    return item;
  }

  #defer(name: string, crossKey: string, time: number, item: Item | null): void {
    const known = this.#deferred.get(name) ?? { before: [], now: [], round: time, crossKey };
    known.now.push(item);
    this.#deferred.delete(name);
    this.#deferred.set(name, known);
    if (this.#deferred.size <= MAX_DEFERRED) return;
    this.#cut = true;
    dropOldest(
      this.#deferred,
      (_, left) => left > keptOf(MAX_DEFERRED),
      ({ before, now }) => {
        for (const one of before.concat(now)) if (one !== null) this.#settle(one);
      },
    );
  }

  /** Did the message come before this day? Then something of it may stand in an earlier one. */
  #isOlder({ delay }: DeliveryRecord, time: number): boolean {
    return delay === undefined || time - delay * 1000 < this.#beginMs + SECOND_MS;
  }

  #end(crossKey: string, expired: boolean): void {
    // `expired` closes by itself
    if (expired) return;
    const key = keyOf(crossKey);
    const known = this.#ended.get(key);
    if (known === undefined && this.#ended.size >= MAX_ENDED) this.#cut = true;
    else this.#ended.set(key, (known ?? 0) + 1);
  }

  #sent(delivery: DeliveryRecord, domain: string): Item {
    const row = this.#demanded(delivery, domain);
    const level = levelOf(delivery.tls);
    const required = row !== null && requiresTls(row.level);
    const known = level !== 'plain' && level !== 'unknown';
    const kept = required && known && satisfies(row.level, delivery.tls);
    const cause = known ? 'server not verified' : level === 'plain' ? 'plaintext' : 'TLS not known';
    const { time, queueId, relay, tls } = delivery;
    // one object, because there are a million of them
    return {
      way: 'out',
      domain,
      count: 1,
      outcome: 'travelled',
      level,
      verified: level !== 'plain' && tls.peer === 'verified',
      required,
      kept,
      row,
      cause: required && !kept ? cause : '',
      time,
      example: queueId,
      peer: relay?.address ?? relay?.host ?? '',
      cipher: cipherOf(tls),
    };
  }

  /** Returned, or put off, for want of TLS. */
  #failed(delivery: DeliveryRecord, domain: string, outcome: 'waiting' | 'returned'): Item {
    const { cause, proves } = tlsFailure(delivery)!;
    const known = this.#demanded(delivery, domain);
    const row =
      known !== null && (proves === '' || requiresTls(known.level) || known.level.startsWith('dane'))
        ? known
        : proves === ''
          ? null
          : { pattern: '', at: '', level: proves, mode: '' };
    const required = proves !== '' || (row !== null && requiresTls(row.level));
    return { ...this.#item(delivery, domain, outcome), row, required, cause };
  }

  /** What the MTA says itself (Postfix 3.11 and later), with the row that said so; else what the daemon had told it. */
  #demanded(delivery: DeliveryRecord, domain: string): ItemRow | null {
    const told = this.#told.of(delivery, domain);
    const level = delivery.demanded?.level;
    if (level === undefined || told?.level === level) return told;
    return { pattern: '', at: '', level, mode: '' };
  }

  #item(delivery: DeliveryRecord, domain: string, outcome: Item['outcome']): Item {
    const { time, queueId, relay } = delivery;
    return {
      way: 'out',
      domain,
      count: 1,
      outcome,
      level: 'unknown',
      verified: false,
      required: false,
      kept: false,
      row: null,
      cause: '',
      time,
      example: queueId,
      peer: relay?.address ?? relay?.host ?? '',
      cipher: '',
    };
  }

  /** Ends the day: what waits for TLS, and what may close something of an earlier day. */
  finish(): {
    readonly waiting: readonly OpenItem[];
    readonly ended: readonly (readonly [key: string, count: number])[];
    readonly expired: readonly OpenItem[];
    readonly cut: boolean;
  } {
    const waiting: OpenItem[] = [];
    for (const { before, now, crossKey } of [...this.#deferred.values()].reverse())
      for (const item of before.concat(now)) {
        if (item === null) continue;
        if (waiting.length < MAX_WAITING) waiting.push({ key: keyOf(crossKey), item });
        else {
          this.#settle(item);
          this.#cut = true;
        }
      }
    return { waiting, ended: [...this.#ended], expired: this.#expired, cut: this.#cut };
  }
}
