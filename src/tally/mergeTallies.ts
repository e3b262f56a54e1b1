/**
 * Puts the tallies of many days and streams together. Pure: the tallies of each stream come in order of their days.
 *
 * What a day left open is closed by later days of the same stream: a recipient that was accepted before midnight is
 * dropped when an answer about its whole message follows; a recipient that waits for TLS is dropped when something is
 * heard of it, and came back when it was given up. What nothing closes counts on the day that left it open.
 */
import { addDays } from '../archive/day.ts';
import {
  addCounts,
  type Counts,
  noCounts,
  notKept,
  volumeOf,
  WAYS,
  type Way,
  type WritableCounts,
  weakestOf,
} from './counts.ts';
import type { Cut, DayGap, DayLeg, DayRow, DayTable, DayTally, OpenItem, RowAt } from './dayTally.ts';
import { count, type Item, type ItemRow } from './item.ts';
import { CauseBook } from './mergeCauses.ts';
import { notesOf } from './notes.ts';
import type { CipherTally, ExceptionTally, GapTally, LastRow, PartnerTally, Tallies } from './tallies.ts';

/** Domains and ways in the result. While tallies come in, half as many again. */
const MAX_PARTNERS = 40_000;
const MAX_ROWS = 50_000;
const MAX_HOSTS = 10_000;
const MAX_EVENTS = 20_000;
const CIPHER_DOMAINS = 5;

interface Leg {
  readonly domain: string;
  readonly way: Way;
  readonly counts: WritableCounts;
  lastPlain: string;
  row: LastRow | null;
  required: LastRow | null;
  readonly notKept: Map<string, number>;
  /** Cipher to count. */
  readonly ciphers: Map<string, number>;
  readonly causes: CauseBook;
}

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
  readonly #max: number;
  readonly #days = new Map<string, Both>();
  readonly #legs = new Map<string, Leg>();
  readonly #others = both();
  #otherCauses = 0;
  readonly #otherCiphers = new Map<string, { readonly way: Way; readonly name: string; count: number }>();
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
    this.#max = max;
    for (let day = from; day <= to; day = addDays(day, 1)) this.#days.set(day, both());
  }

  /** `stream`: `daemon` or `collector`, in this directory. */
  add(directory: string, stream: string, tally: DayTally): void {
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

  #partners({ day, partners, others, rows, ciphers, otherCiphers, cut }: DayTally): void {
    const domain = this.#domain;
    for (const partner of partners) {
      if (domain !== null && partner.domain !== domain) continue;
      for (const way of WAYS) {
        const leg = partner[way];
        if (leg !== undefined) this.#leg(day, partner.domain, way, leg, rows, ciphers);
      }
    }
    if (domain !== null) {
      if (cut.includes('partners') && !partners.some((one) => one.domain === domain))
        this.#isCut('partners', day);
      return;
    }
    for (const way of WAYS) {
      addCounts(this.#others[way], others[way]);
      addCounts(this.#days.get(day)![way], others[way]);
      const pairs = otherCiphers[way];
      for (let i = 0; i < pairs.length; i += 2) this.#otherCipher(way, ciphers[pairs[i]!]!, pairs[i + 1]!);
    }
  }

  #otherCipher(way: Way, name: string, n: number): void {
    const known = this.#otherCiphers.get(`${way}${name}`) ?? { way, name, count: 0 };
    known.count += n;
    this.#otherCiphers.set(`${way}${name}`, known);
  }

  #leg(
    day: string,
    domain: string,
    way: Way,
    more: DayLeg,
    rows: readonly DayRow[],
    ciphers: readonly string[],
  ): void {
    const leg = this.#legOf(domain, way);
    addCounts(leg.counts, more.counts);
    addCounts(this.#days.get(day)![way], more.counts);
    const broken = notKept({ ...NONE, ...more.counts });
    if (broken > 0) leg.notKept.set(day, (leg.notKept.get(day) ?? 0) + broken);
    if (more.lastPlain !== undefined && more.lastPlain > leg.lastPlain) leg.lastPlain = more.lastPlain;
    leg.row = later(leg.row, more.row, rows);
    leg.required = later(leg.required, more.required, rows);
    this.#otherCauses += more.otherCauses ?? 0;
    for (const cause of more.causes ?? []) leg.causes.add(cause, cause.peers);
    for (let i = 0; i < (more.ciphers?.length ?? 0); i += 2) {
      const name = ciphers[more.ciphers![i]!]!;
      leg.ciphers.set(name, (leg.ciphers.get(name) ?? 0) + more.ciphers![i + 1]!);
    }
  }

  #legOf(domain: string, way: Way): Leg {
    const key = `${way}${domain}`;
    const known = this.#legs.get(key);
    if (known !== undefined) return known;
    if (this.#legs.size >= 1.5 * this.#max) this.#prune();
    const leg: Leg = {
      domain,
      way,
      counts: noCounts(),
      lastPlain: '',
      row: null,
      required: null,
      notKept: new Map(),
      ciphers: new Map(),
      causes: new CauseBook(),
    };
    this.#legs.set(key, leg);
    return leg;
  }

  #prune(): void {
    if (this.#legs.size <= this.#max) return;
    for (const leg of this.#sorted().slice(this.#max)) {
      this.#legs.delete(`${leg.way}${leg.domain}`);
      addCounts(this.#others[leg.way], leg.counts);
      for (const { count } of leg.causes.causes) this.#otherCauses += count;
      for (const [cipher, n] of leg.ciphers) this.#otherCipher(leg.way, cipher, n);
    }
    this.#isCut('partners', this.#to);
  }

  /** By harm, then by volume, then by name. */
  #sorted(): Leg[] {
    const ranked = [...this.#legs.values()].map((leg) => ({
      leg,
      harm: harmOf(leg.counts),
      n: volumeOf(leg.counts),
    }));
    ranked.sort((a, b) => b.harm - a.harm || b.n - a.n || (a.leg.domain < b.leg.domain ? -1 : 1));
    return ranked.map(({ leg }) => leg);
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

  #open(name: string, { day, open, early, waiting, ended, expired }: DayTally): void {
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
    const { row, time } = item;
    const leg = this.#legOf(item.domain, item.way);
    addCounts(leg.counts, counts);
    addCounts(this.#days.get(day)![item.way], counts);
    const broken = notKept(counts);
    if (broken > 0) leg.notKept.set(day, (leg.notKept.get(day) ?? 0) + broken);
    if (item.outcome === 'inside') return;
    if (item.outcome === 'travelled') {
      if (item.level === 'plain' && time > leg.lastPlain) leg.lastPlain = time;
      if (item.cipher !== '') leg.ciphers.set(item.cipher, (leg.ciphers.get(item.cipher) ?? 0) + item.count);
    }
    if (row !== null) {
      const rows = [row];
      leg.row = later(leg.row, [0, time], rows);
      if (item.required) leg.required = later(leg.required, [0, time], rows);
      this.#row(item.way, row, time, time, counts);
    }
    leg.causes.addItem(item);
  }

  finish(read: Tallies['streams']): Tallies {
    for (const stream of this.#streams.values()) {
      this.#countOpen(stream, new Set());
      for (const list of stream.waiting.values()) for (const { day, item } of list) this.#item(day, item);
    }
    this.#streams.clear();
    this.#prune();
    const legs = this.#sorted();
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
      partners: legs.map(partnerOf),
      others: this.#others,
      causes: legs.flatMap(({ domain, way, causes }) =>
        causes.causes.map((one) => ({ domain, way, ...one })),
      ),
      otherCauses: this.#otherCauses,
      ciphers: this.#ciphers(legs),
      rows: [...this.#rows.values()].map(({ counts, ...rest }) => ({ ...rest, ...counts })),
      exceptions: this.#exceptions.sort((a, b) => (a.time < b.time ? -1 : 1)),
      gaps: this.#gaps.sort((a, b) => (a.from < b.from ? -1 : 1)),
      tables: [...this.#tables].map(([host, { hash, since }]) => ({ host, hash, since })),
      streams: read,
      notes: notesOf(this.#cut),
    };
  }

  #ciphers(legs: readonly Leg[]): CipherTally[] {
    const found = new Map<string, { way: Way; name: string; count: number; domains: Map<string, number> }>();
    const add = (way: Way, name: string, n: number): Map<string, number> => {
      const known = found.get(`${way}${name}`) ?? { way, name, count: 0, domains: new Map() };
      found.set(`${way}${name}`, known);
      known.count += n;
      return known.domains;
    };
    for (const { domain, way, ciphers } of legs)
      for (const [name, n] of ciphers) add(way, name, n).set(domain, n);
    for (const { way, name, count: n } of this.#otherCiphers.values()) add(way, name, n);
    return [...found.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ way, name, count: n, domains }) => {
        const [protocol = '', ...cipher] = name.split(' ');
        const most = [...domains]
          .sort(([a, m], [b, k]) => k - m || (a < b ? -1 : 1))
          .slice(0, CIPHER_DOMAINS);
        return {
          way,
          protocol,
          cipher: cipher.join(' '),
          count: n,
          domains: most.map(([domain, own]) => ({ domain, count: own })),
          otherDomains: domains.size - most.length,
        };
      });
  }
}

const NONE: Counts = noCounts();

function take(waiting: Map<string, Waiting[]>, key: string): Waiting | undefined {
  const known = waiting.get(key);
  const one = known?.shift();
  if (known?.length === 0) waiting.delete(key);
  return one;
}

function harmOf(counts: Counts): number {
  const { requiredReturned, requiredWaiting, returned, waiting } = counts;
  return notKept(counts) - requiredReturned - requiredWaiting + returned + waiting;
}

/** The row that applied later. */
function later(known: LastRow | null, more: RowAt | undefined, rows: readonly ItemRow[]): LastRow | null {
  if (more === undefined) return known;
  const [index, time] = more;
  if (known !== null && known.time > time) return known;
  const { pattern, at, level, mode } = rows[index]!;
  return { pattern, at, level, observed: mode === 'observe', time };
}

function partnerOf({ domain, way, counts, lastPlain, row, required, notKept: byDay }: Leg): PartnerTally {
  return {
    domain,
    way,
    ...counts,
    weakest: weakestOf(counts),
    lastPlain,
    row,
    required,
    notKept: [...byDay].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, n]) => ({ day, count: n })),
  };
}
