/**
 * The records of one day of one stream to its tally. Pure, one record at a time, in the order of their lines; memory
 * is bounded by the maps of inbound.ts, outbound.ts and accounts.ts.
 */
import { isLoopback } from '../core/network.ts';
import type { EvidenceRecord, VerdictEvidence } from '../evidence/record.ts';
import { Accounts } from './accounts.ts';
import type { Cut, DayGap, DayTable, DayTally } from './dayTally.ts';
import { gapOf } from './gapOf.ts';
import { Inbound } from './inbound.ts';
import type { Item } from './item.ts';
import { Outbound } from './outbound.ts';
import { Sessions } from './sessions.ts';
import type { ExceptionTally } from './tallies.ts';
import type { Told } from './told.ts';

const MAX_HOSTS = 1000;
/** Exceptions, and gaps, that are told one by one. */
const MAX_EVENTS = 2000;
const MAX_TEXT = 1000;

export class TallyBuilder {
  readonly #day: string;
  readonly #told: Told;
  readonly #accounts: Accounts;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #sessions = new Sessions();
  readonly #hosts = new Set<string>();
  readonly #exceptions: ExceptionTally[] = [];
  readonly #gaps: DayGap[] = [];
  readonly #tables = new Map<string, { -readonly [K in keyof DayTable]: DayTable[K] }>();
  readonly #cut = new Set<Cut>();
  #records = 0;
  #unreadable = 0;

  /** `told`: of this day and the one before; `accounts`: with another limit than the usual one. */
  constructor(day: string, told: Told, accounts = new Accounts()) {
    this.#day = day;
    this.#told = told;
    this.#accounts = accounts;
    const settle = (item: Item): void => accounts.add(item);
    this.#inbound = new Inbound(day, settle);
    this.#outbound = new Outbound(day, told, settle);
  }

  /** A line that is no record. */
  unreadable(): void {
    this.#unreadable++;
  }

  add(record: EvidenceRecord): void {
    this.#records++;
    if (!this.#hosts.has(record.host)) {
      if (this.#hosts.size < MAX_HOSTS) this.#hosts.add(record.host);
      else this.#cut.add('hosts');
    }
    switch (record.type) {
      case 'verdict':
        this.#verdict(record);
        return;
      case 'delivery':
        this.#outbound.add(record);
        return;
      case 'exception': {
        const { time, host, change, pattern, until, reason, changes = [], at } = record;
        this.#event(this.#exceptions, {
          time,
          host,
          change,
          pattern: pattern.slice(0, MAX_TEXT),
          until,
          reason: reason.slice(0, MAX_TEXT),
          changes: changes.slice(0, 20).map((text) => text.slice(0, MAX_TEXT)),
          at: at.slice(0, MAX_TEXT),
        });
        return;
      }
      default: {
        const gap = gapOf(record);
        if (gap !== null) this.#event(this.#gaps, gap);
      }
    }
  }

  #verdict(verdict: VerdictEvidence): void {
    this.#inbound.add(verdict);
    if (verdict.notJudged === undefined && !isLoopback(verdict.client ?? '')) this.#sessions.add(verdict);
    const { host, time } = verdict;
    const { hash } = verdict.table;
    const known = this.#tables.get(host);
    if (known === undefined) {
      if (this.#tables.size < MAX_HOSTS)
        this.#tables.set(host, { host, first: hash, firstTime: time, last: hash, since: time });
    } else if (known.last !== hash) {
      known.last = hash;
      known.since = time;
    }
  }

  #event<T>(list: T[], event: T): void {
    if (list.length < MAX_EVENTS) list.push(event);
    else this.#cut.add('events');
  }

  /** Call it once. */
  finish(): DayTally {
    const { open, early, cut: cutOpen } = this.#inbound.finish();
    const { waiting, ended, expired, cut: cutWaiting } = this.#outbound.finish();
    if (cutOpen) this.#cut.add('open');
    if (cutWaiting) this.#cut.add('waiting');
    if (this.#told.cut) this.#cut.add('told');
    const { partners, others, rows, ciphers, otherCiphers } = this.#accounts.finish();
    return {
      day: this.#day,
      records: this.#records,
      unreadable: this.#unreadable,
      hosts: [...this.#hosts],
      others,
      exceptions: this.#exceptions,
      gaps: this.#gaps,
      tables: [...this.#tables.values()],
      sessions: this.#sessions.counts,
      cut: [...this.#cut, ...this.#accounts.cut],
      open,
      early,
      waiting,
      ended,
      expired,
      rows,
      ciphers,
      otherCiphers,
      partners,
    };
  }
}
