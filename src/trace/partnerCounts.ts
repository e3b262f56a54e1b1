/**
 * Counts what happened to the mail from and for one domain. Pure, one record at a time.
 *
 * On its way in, messages are counted: all answers about one queue id on one host within an hour are about one message.
 * A question without a queue id is counted by itself, as `answers`: it may be about a message that is counted, too.
 * On its way out, recipients are counted, once for each that the next server took, and attempts that failed.
 */
import type { EvidenceRecord } from '../evidence/record.ts';
import { CLASSES, type Class, inboundClass, outboundClass, together } from './classes.ts';
import type { Delivery, Verdict } from './passageFacts.ts';
import type { Found } from './places.ts';
import { domainOf } from './recordKeys.ts';

/** `from`: the domain sent it; `to`: it is for the domain. */

export type Direction = 'from' | 'to';

type ByClass = Record<Class, number>;

export interface CameCounts {
  /** Messages that were accepted or held. */
  readonly messages: ByClass;
  /** Messages of which every answer was a refusal, and refused answers without a queue id. */
  readonly refused: ByClass;
  /** Accepted answers that name no queue id. */
  readonly answers: ByClass;
  /** Messages that were accepted although they did not meet their row (observe, tag). */
  readonly breaches: number;
}

export interface WentCounts {
  /** Recipients whose next server took the message. */
  readonly sent: ByClass;
  /** Attempts after which the message waited; recipients that bounced or expired; handed to a filter. */
  readonly deferred: number;
  readonly failed: number;
  readonly filtered: number;
}

/** A row that decided, and how often. */
interface RowCount {
  readonly pattern: string;
  readonly at: string;
  readonly level: string;
  readonly mode: string;
  readonly count: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const none = (): ByClass => Object.fromEntries(CLASSES.map((name) => [name, 0])) as ByClass;

const SESSION_MS = 3_600_000;
/** Messages that are remembered to find other answers about them. */
const MAX_OPEN = 50_000;
/** Rows that are told apart; more come together. */
const MAX_ROWS = 200;
const MAX_HOSTS = 1000;

interface Open {
  time: number;
  class: Class;
  accepted: boolean;
  breach: boolean;
}

/** The directions in which a record counts. */
export function directionsOf(record: EvidenceRecord, domain: string): Direction[] {
  if (!('sender' in record || 'recipients' in record || 'recipient' in record)) return [];
  const senders: string[] = [];
  const recipients: string[] = [];
  if ('sender' in record && record.sender !== undefined) senders.push(domainOf(record.sender));
  if ('senderDomain' in record && record.senderDomain !== undefined) senders.push(record.senderDomain);
  if ('recipientDomain' in record && record.recipientDomain !== undefined)
    recipients.push(record.recipientDomain);
  if ('recipient' in record && record.recipient !== undefined) recipients.push(domainOf(record.recipient));
  if ('recipientDomains' in record) recipients.push(...record.recipientDomains);
  const directions: Direction[] = [];
  if (senders.includes(domain)) directions.push('from');
  if (recipients.includes(domain)) directions.push('to');
  return directions;
}

/** Counts of the mail in one direction, or of one host. */
export class LegCounts {
  readonly came: Writable<CameCounts> = { messages: none(), refused: none(), answers: none(), breaches: 0 };
  readonly went: Writable<WentCounts> = { sent: none(), deferred: 0, failed: 0, filtered: 0 };
  readonly #open = new Map<string, Open>();

  verdict(verdict: Verdict): void {
    const found = inboundClass(verdict);
    const accepted = verdict.action === 'accept' || verdict.action === 'hold';
    const breach =
      accepted && (verdict.would !== undefined || verdict.tagged === true || verdict.breach !== undefined);
    if (verdict.queueId === undefined) {
      (accepted ? this.came.answers : this.came.refused)[found]++;
      return;
    }
    const key = `${verdict.host.toLowerCase()} ${verdict.queueId}`;
    const time = Date.parse(verdict.time);
    const known = this.#open.get(key);
    this.#open.delete(key);
    if (known !== undefined && Math.abs(time - known.time) <= SESSION_MS) {
      this.#count(known, -1);
      // the last answer about a whole message decides; a refused recipient leaves the others in it
      const whole = verdict.stage === 'DATA' || verdict.stage === 'END-OF-MESSAGE';
      const next = {
        time,
        class: together(known.class, found),
        accepted: whole ? accepted : known.accepted || accepted,
        breach: known.breach || breach,
      };
      this.#remember(key, next);
    } else this.#remember(key, { time, class: found, accepted, breach });
  }

  #remember(key: string, open: Open): void {
    this.#count(open, 1);
    this.#open.set(key, open);
    if (this.#open.size <= MAX_OPEN) return;
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest);
      break;
    }
  }

  #count({ class: found, accepted, breach }: Open, one: 1 | -1): void {
    (accepted ? this.came.messages : this.came.refused)[found] += one;
    if (accepted && breach) this.came.breaches += one;
  }

  delivery(delivery: Delivery): void {
    if (delivery.outcome === 'sent') this.went.sent[outboundClass(delivery)]++;
    else if (delivery.outcome === 'deferred') this.went.deferred++;
    else if (delivery.outcome === 'filtered') this.went.filtered++;
    else this.went.failed++;
  }
}

export class PartnerCounts {
  readonly domain: string;
  readonly from = new LegCounts();
  readonly to = new LegCounts();
  /** Records that were counted. */
  records = 0;
  /** Refusals by the MTA itself, which judges other things too. */
  refusals = 0;
  /** Answers of maps that made mail wait. */
  waits = 0;
  readonly #rows = new Map<string, Writable<RowCount>>();
  /** By host of the daemon: the table that decided last. */
  readonly tables = new Map<string, { readonly time: string; readonly hash: string }>();

  constructor(domain: string) {
    this.domain = domain;
  }

  add({ record }: Found): void {
    this.records++;
    if (record.type === 'refusal') this.refusals++;
    if (record.type === 'map' && record.status !== 'OK') this.waits++;
    if (record.type !== 'verdict' && record.type !== 'delivery') return;
    for (const direction of directionsOf(record, this.domain)) {
      if (record.type === 'verdict') this[direction].verdict(record);
      else this[direction].delivery(record);
    }
    if (record.type !== 'verdict') return;
    if (record.row !== undefined) this.#row(record.row);
    const known = this.tables.get(record.host);
    if (
      (known === undefined && this.tables.size < MAX_HOSTS) ||
      (known !== undefined && known.time <= record.time)
    )
      this.tables.set(record.host, { time: record.time, hash: record.table.hash });
  }

  #row(row: NonNullable<Verdict['row']>): void {
    const { pattern, at, level, mode } = row;
    const key = JSON.stringify([pattern, at, level, mode]);
    const known = this.#rows.get(key);
    if (known !== undefined) known.count++;
    else if (this.#rows.size < MAX_ROWS) this.#rows.set(key, { pattern, at, level, mode, count: 1 });
  }

  /** Rows that decided, the most frequent first; by answers. */
  get rows(): RowCount[] {
    return [...this.#rows.values()].sort((a, b) => b.count - a.count);
  }
}
