/**
 * Puts the tallies of many days and streams together. Pure: the tallies of each stream come in order of their days.
 *
 * What a day left open is closed by later days of the same stream: a recipient that was accepted before midnight is
 * dropped when an answer about its whole message follows; a recipient that waits for TLS is dropped when something is
 * heard of it, and came back when it was given up. What nothing closes counts on the day that left it open.
 */
import { addDays } from '../archive/day.ts';
import { addCounts, type Counts, noCounts, WAYS, type Way, type WritableCounts } from './counts.ts';
import type { Cut, DayGap, DayTable, OpenItem, ReadTally } from './dayTally.ts';
import { count, type Item, type ItemRow } from './item.ts';
import { Legs } from './mergeLegs.ts';
import { notesOf } from './notes.ts';
import type { ExceptionTally, GapTally, Tallies } from './tallies.ts';

/** Domains and ways in the result. While tallies come in, half as many again. */
const MAX_PARTNERS = 40_000;
const MAX_ROWS = 50_000;
const MAX_HOSTS = 10_000;
const MAX_EVENTS = 20_000;

interface Row extends ItemRow {
  readonly way: Way;
  first: string;
  last: string;
  readonly counts: WritableCounts;
}

type Both = Readonly<Record<Way, WritableCounts>>;

interface Waiting {
  readonly day: string;
  readonly item: Item;
}

/** What the days of one stream have left open so far. */
interface Stream {
  open: { readonly day: string; readonly items: readonly OpenItem[] };
  readonly waiting: Map<string, Waiting[]>;
}

const both = (): Both => ({ in: noCounts(), out: noCounts() });

export class Merger {
  readonly #from: string;
  readonly #to: string;
  readonly #domain: string | null;
  readonly #days = new Map<string, Both>();
  readonly #legs: Legs;
  readonly #rows = new Map<string, Row>();
  readonly #streams = new Map<string, Stream>();
  readonly #hosts = new Set<string>();
  readonly #tables = new Map<string, { time: string; hash: string; since: string }>();
  readonly #exceptions: ExceptionTally[] = [];
  readonly #gaps: GapTally[] = [];
  readonly #recorded: Readonly<Record<Way, Set<string>>> = { in: new Set(), out: new Set() };
  readonly #cut = new Map<Cut, Set<string>>();
  #sessions = { all: 0, tls: 0, unknown: 0 };
  #records = 0;
  #unreadable = 0;

  /** Days, both included; `domain`: only mail with it. */
  constructor(from: string, to: string, domain: string | null, max = MAX_PARTNERS) {
    this.#from = from;
    this.#to = to;
    this.#domain = domain;
    this.#legs = new Legs(max, () => this.#isCut('partners', to));
    for (let day = from; day <= to; day = addDays(day, 1)) this.#days.set(day, both());
  }

  /** `stream`: `daemon` or `collector`, in this directory. */
  add(directory: string, stream: string, tally: ReadTally): void {
    const { day } = tally;
    for (const gap of tally.gaps) this.gap(directory, stream, gap);
    this.#records += tally.records;
    this.#unreadable += tally.unreadable;
    if (tally.records > 0) this.#recorded[stream === 'daemon' ? 'in' : 'out'].add(day);
    for (const host of tally.hosts) if (this.#hosts.size < MAX_HOSTS) this.#hosts.add(host);
    for (const one of tally.exceptions) this.#event(this.#exceptions, one, day);
    for (const name of tally.cut) this.#isCut(name, day);
    for (const table of tally.tables) this.#table(table);
    const { all, tls, unknown } = tally.sessions;
    this.#sessions = {
      all: this.#sessions.all + all,
      tls: this.#sessions.tls + tls,
      unknown: this.#sessions.unknown + unknown,
    };
    this.#partners(tally);
    for (const row of tally.rows) this.#row(row.way, row, row.first, row.last, row.counts);
    this.#open(`${directory}\n${stream}`, tally);
  }

  /** Also of a later day, which may speak of this time. */
  gap(
    directory: string,
    stream: string,
    { host, from, to, count: missing, why }: Omit<DayGap, 'type'>,
  ): void {
    if (to >= this.#from && from.slice(0, 10) <= this.#to)
      this.#event(this.#gaps, { directory, stream, host, from, to, count: missing, why }, this.#to);
  }

  #event<T>(list: T[], event: T, day: string): void {
    if (list.length < MAX_EVENTS) list.push(event);
    else this.#isCut('events', day);
  }

  #isCut(name: Cut, day: string): void {
    this.#cut.set(name, (this.#cut.get(name) ?? new Set()).add(day));
  }

  #table({ host, first, firstTime, last, since }: DayTable): void {
    const known = this.#tables.get(host);
    if (known === undefined && this.#tables.size >= MAX_HOSTS) return;
    if (known !== undefined && known.time > since) return;
    // the one of the day before, without a break
    const kept = known?.hash === last && first === last ? known.since : first === last ? firstTime : since;
    this.#tables.set(host, { time: since, hash: last, since: kept });
  }

  #partners(tally: ReadTally): void {
    const { day, partners, others, ciphers, otherCiphers, cut } = tally;
    const domain = this.#domain;
    const total = this.#days.get(day)!;
    let isListed = false;
    for (const partner of partners) {
      if (domain !== null && partner.domain !== domain) continue;
      isListed = true;
      for (const way of WAYS) {
        const leg = partner[way];
        if (leg === undefined) continue;
        this.#legs.add(partner.domain, way, leg, tally);
        addCounts(total[way], leg.counts);
      }
    }
    if (domain !== null) {
      if (cut.includes('partners') && !isListed) this.#isCut('partners', day);
      return;
    }
    for (const way of WAYS) {
      this.#legs.addOthers(way, others[way], otherCiphers[way], ciphers);
      addCounts(total[way], others[way]);
    }
  }

  #row(
    way: Way,
    { pattern, at, level, mode }: ItemRow,
    first: string,
    last: string,
    more: Partial<Counts>,
  ): void {
    const key = `${way}\n${pattern}\n${at}\n${level}\n${mode}`;
    const known = this.#rows.get(key);
    if (known === undefined) {
      if (this.#rows.size >= MAX_ROWS) {
        this.#isCut('rows', this.#to);
        return;
      }
      const counts = noCounts();
      addCounts(counts, more);
      this.#rows.set(key, { way, pattern, at, level, mode, first, last, counts });
      return;
    }
    addCounts(known.counts, more);
    if (first < known.first) known.first = first;
    if (last > known.last) known.last = last;
  }

  #open(name: string, { day, open, early, waiting, ended, expired }: ReadTally): void {
    const stream = this.#streams.get(name) ?? { open: { day: '', items: [] }, waiting: new Map() };
    this.#streams.set(name, stream);
    const replaced = new Set(stream.open.day === addDays(day, -1) ? early : []);
    this.#countOpen(stream, replaced);
    stream.open = { day, items: open };
    for (const [key, n] of ended) for (let i = 0; i < n && take(stream.waiting, key) !== undefined; i++);
    for (const { key, item } of expired) {
      const before = take(stream.waiting, key);
      const { time, example } = item;
      this.#item(day, before === undefined ? item : { ...before.item, outcome: 'returned', time, example });
    }
    for (const { key, item } of waiting) {
      const known = stream.waiting.get(key);
      if (known === undefined) stream.waiting.set(key, [{ day, item }]);
      else known.push({ day, item });
    }
  }

  #countOpen({ open: { day, items } }: Stream, replaced: ReadonlySet<string>): void {
    for (const { key, item } of items) if (!replaced.has(key)) this.#item(day, item);
  }

  /** What an earlier day left open. */
  #item(day: string, item: Item): void {
    if (this.#domain !== null && item.domain !== this.#domain) return;
    const counts = noCounts();
    count(counts, item);
    addCounts(this.#days.get(day)![item.way], counts);
    this.#legs.addItem(day, item, counts);
    const { outcome, row, time } = item;
    if (row !== null && outcome !== 'inside') this.#row(item.way, row, time, time, counts);
  }

  finish(read: Tallies['streams']): Tallies {
    for (const stream of this.#streams.values()) {
      this.#countOpen(stream, new Set());
      for (const list of stream.waiting.values()) for (const { day, item } of list) this.#item(day, item);
    }
    this.#streams.clear();
    const { partners, causes, ciphers } = this.#legs.finish();
    const days = [...this.#days].map(([day, counts]) => ({ day, ...counts }));
    const total = both();
    for (const day of days) for (const way of WAYS) addCounts(total[way], day[way]);
    const { all, tls, unknown } = this.#sessions;
    const isKnown = this.#domain === null && unknown === 0 && all > 0;
    return {
      from: this.#from,
      to: this.#to,
      hosts: [...this.#hosts].sort(),
      records: this.#records,
      unreadable: this.#unreadable,
      total,
      days,
      recordedDays: { in: this.#recorded.in.size, out: this.#recorded.out.size },
      sessions: { in: isKnown ? { all, tls } : null, out: null },
      partners,
      others: this.#legs.others,
      causes,
      otherCauses: this.#legs.otherCauses,
      ciphers,
      rows: [...this.#rows.values()].map(({ counts, ...rest }) => ({ ...rest, ...counts })),
      exceptions: this.#exceptions.sort((a, b) => (a.time < b.time ? -1 : 1)),
      gaps: this.#gaps.sort((a, b) => (a.from < b.from ? -1 : 1)),
      tables: [...this.#tables].map(([host, { hash, since }]) => ({ host, hash, since })),
      streams: read,
      notes: notesOf(this.#cut),
    };
  }
}

function take(waiting: Map<string, Waiting[]>, key: string): Waiting | undefined {
  const known = waiting.get(key);
  const one = known?.pop();
  if (known?.length === 0) waiting.delete(key);
  return one;
}
