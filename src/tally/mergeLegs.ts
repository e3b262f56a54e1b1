/** Mail by domain and way over many days, within a limit: the rest is in one sum. Pure. */
import {
  addCounts,
  type Counts,
  noCounts,
  notKept,
  volumeOf,
  type Way,
  type WritableCounts,
  weakestOf,
} from './counts.ts';
import type { DayLeg, DayTally, RowAt } from './dayTally.ts';
import type { Item, ItemRow } from './item.ts';
import { CauseBook } from './mergeCauses.ts';
import type { CauseTally, CipherTally, LastRow, PartnerTally } from './tallies.ts';

const CIPHER_DOMAINS = 5;

interface Leg {
  readonly domain: string;
  readonly way: Way;
  readonly counts: WritableCounts;
  lastPlain: string;
  row: LastRow | null;
  required: LastRow | null;
  /** By day; most have none. */
  notKept: Map<string, number> | null;
  /** Number of a cipher, count, and so on: most have one or two. */
  readonly ciphers: number[];
  causes: CauseBook | null;
}

export class Legs {
  readonly #max: number;
  readonly #pruned: () => void;
  readonly #legs: Readonly<Record<Way, Map<string, Leg>>> = { in: new Map(), out: new Map() };
  readonly #ciphers: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #otherCiphers: Readonly<Record<Way, number[]>> = { in: [], out: [] };
  readonly others: Readonly<Record<Way, WritableCounts>> = { in: noCounts(), out: noCounts() };
  /** Messages whose cause is not told apart. */
  otherCauses = 0;

  /** `max`: domains and ways in the result, half as many again before; `pruned`: called when there were more. */
  constructor(max: number, pruned: () => void) {
    this.#max = max;
    this.#pruned = pruned;
  }

  add(domain: string, way: Way, more: DayLeg, { day, rows, ciphers }: Omit<DayTally, 'partners'>): void {
    const leg = this.#leg(domain, way);
    addCounts(leg.counts, more.counts);
    breaks(leg, day, notKept(more.counts));
    if (more.lastPlain !== undefined && more.lastPlain > leg.lastPlain) leg.lastPlain = more.lastPlain;
    leg.row = later(leg.row, more.row, rows);
    leg.required = later(leg.required, more.required, rows);
    this.otherCauses += more.otherCauses ?? 0;
    if (more.causes !== undefined) {
      leg.causes ??= new CauseBook();
      for (const cause of more.causes) leg.causes.add(cause, cause.peers);
    }
    this.#addCiphers(leg.ciphers, more.ciphers ?? [], ciphers);
  }

  /** What a day left open; `counts`: the same in numbers. */
  addItem(day: string, item: Item, counts: Counts): void {
    const { row, time } = item;
    const leg = this.#leg(item.domain, item.way);
    addCounts(leg.counts, counts);
    breaks(leg, day, notKept(counts));
    if (item.outcome === 'inside') return;
    if (item.outcome === 'travelled') {
      if (item.level === 'plain' && time > leg.lastPlain) leg.lastPlain = time;
      if (item.cipher !== '') this.#addCiphers(leg.ciphers, [0, item.count], [item.cipher]);
    }
    if (row !== null) {
      leg.row = later(leg.row, [0, time], [row]);
      if (item.required) leg.required = later(leg.required, [0, time], [row]);
    }
    leg.causes ??= new CauseBook();
    leg.causes.addItem(item);
  }

  /** Of domains that are not told apart. */
  addOthers(way: Way, counts: Partial<Counts>, pairs: readonly number[], ciphers: readonly string[]): void {
    addCounts(this.others[way], counts);
    this.#addCiphers(this.#otherCiphers[way], pairs, ciphers);
  }

  #addCiphers(to: number[], pairs: readonly number[], names: readonly string[]): void {
    for (let i = 0; i < pairs.length; i += 2) addTo(to, this.#number(names[pairs[i]!]!), pairs[i + 1]!);
  }

  #number(cipher: string): number {
    const known = this.#numbers.get(cipher);
    if (known !== undefined) return known;
    this.#numbers.set(cipher, this.#ciphers.length);
    return this.#ciphers.push(cipher) - 1;
  }

  #leg(domain: string, way: Way): Leg {
    const known = this.#legs[way].get(domain);
    if (known !== undefined) return known;
    if (this.#size >= 1.5 * this.#max) this.prune();
    const leg: Leg = {
      domain,
      way,
      counts: noCounts(),
      lastPlain: '',
      row: null,
      required: null,
      notKept: null,
      ciphers: [],
      causes: null,
    };
    this.#legs[way].set(domain, leg);
    return leg;
  }

  get #size(): number {
    return this.#legs.in.size + this.#legs.out.size;
  }

  /** Leaves as many as there may be in the result. */
  prune(): void {
    if (this.#size <= this.#max) return;
    for (const leg of this.#sorted().slice(this.#max)) {
      this.#legs[leg.way].delete(leg.domain);
      this.addOthers(leg.way, leg.counts, leg.ciphers, this.#ciphers);
      for (const { count } of leg.causes?.causes ?? []) this.otherCauses += count;
    }
    this.#pruned();
  }

  /** By harm, then by volume, then by name. */
  #sorted(): Leg[] {
    const all = [...this.#legs.in.values(), ...this.#legs.out.values()];
    const ranked = all.map((leg) => ({
      leg,
      harm: harmOf(leg.counts),
      n: volumeOf(leg.counts),
    }));
    ranked.sort((a, b) => b.harm - a.harm || b.n - a.n || (a.leg.domain < b.leg.domain ? -1 : 1));
    return ranked.map(({ leg }) => leg);
  }

  finish(): {
    readonly partners: readonly PartnerTally[];
    readonly causes: readonly CauseTally[];
    readonly ciphers: readonly CipherTally[];
  } {
    this.prune();
    const legs = this.#sorted();
    const causes = legs.flatMap(({ domain, way, causes: own }) =>
      (own?.causes ?? []).map((one) => ({ domain, way, ...one })),
    );
    const ciphers = (['in', 'out'] as const).flatMap((way) => this.#cipherTallies(way, legs));
    return { partners: legs.map(partnerOf), causes, ciphers: ciphers.sort((a, b) => b.count - a.count) };
  }

  #cipherTallies(way: Way, legs: readonly Leg[]): CipherTally[] {
    const found = this.#ciphers.map((name) => ({ name, count: 0, domains: new Map<string, number>() }));
    for (const { domain, ciphers } of legs.filter((leg) => leg.way === way))
      for (let i = 0; i < ciphers.length; i += 2) {
        const one = found[ciphers[i]!]!;
        one.count += ciphers[i + 1]!;
        one.domains.set(domain, ciphers[i + 1]!);
      }
    const others = this.#otherCiphers[way];
    for (let i = 0; i < others.length; i += 2) found[others[i]!]!.count += others[i + 1]!;
    return found.flatMap(({ name, count, domains }) => {
      if (count === 0) return [];
      const [protocol = '', ...cipher] = name.split(' ');
      const most = [...domains].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, CIPHER_DOMAINS);
      return {
        way,
        protocol,
        cipher: cipher.join(' '),
        count,
        domains: most.map(([domain, own]) => ({ domain, count: own })),
        otherDomains: domains.size - most.length,
      };
    });
  }
}

function breaks(leg: Leg, day: string, count: number): void {
  if (count === 0) return;
  leg.notKept ??= new Map();
  leg.notKept.set(day, (leg.notKept.get(day) ?? 0) + count);
}

/** Pairs of a number and a count in one list. */
function addTo(pairs: number[], number: number, count: number): void {
  for (let i = 0; i < pairs.length; i += 2)
    if (pairs[i] === number) {
      pairs[i + 1]! += count;
      return;
    }
  pairs.push(number, count);
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
  const days = [...(byDay ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    domain,
    way,
    ...counts,
    weakest: weakestOf(counts),
    lastPlain,
    row,
    required,
    notKept: days.map(([day, count]) => ({ day, count })),
  };
}
