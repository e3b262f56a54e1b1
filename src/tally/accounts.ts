/**
 * The books of one day: counts by domain and way, by row, by cipher and by cause. Every map has a limit; what is cut
 * off is counted in one sum and said, so that totals always hold.
 */
import {
  addCounts,
  type Counts,
  noCounts,
  notKept,
  someCounts,
  travelled,
  volumeOf,
  WAYS,
  type Way,
  type WritableCounts,
} from './counts.ts';
import type { Cut, DayCause, DayLeg, DayPartner, DayRow, RowAt } from './dayTally.ts';
import { count, type Item, type ItemRow, outcomeOf } from './item.ts';
import type { Outcome } from './tallies.ts';

/** Domains in a tally; while counting, three times as many are told apart. */
const MAX_PARTNERS = 20_000;
const MAX_ROWS = 20_000;
const MAX_CIPHERS = 500;
const MAX_CAUSES = 60_000;
const MAX_CAUSES_EACH = 12;
/** Addresses of one cause that are told apart, and that are kept. */
const MAX_PEERS = 12;
const KEPT_PEERS = 3;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Cause extends Writable<Omit<DayCause, 'peers'>> {
  readonly peers: Map<string, number>;
}

interface Leg {
  readonly counts: WritableCounts;
  lastPlain: string;
  row: RowAt | null;
  required: RowAt | null;
  causes: Map<string, Cause> | null;
  otherCauses: number;
  /** Index of a cipher, count, and so on. */
  readonly ciphers: number[];
}

interface Partner {
  in: Leg | null;
  out: Leg | null;
}

type Row = Writable<Omit<DayRow, 'counts'>> & { readonly counts: WritableCounts };

export class Accounts {
  readonly #max: number;
  readonly #partners = new Map<string, Partner>();
  readonly #others: Record<Way, WritableCounts> = { in: noCounts(), out: noCounts() };
  readonly #rows = new Map<string, { readonly index: number; readonly row: Row }>();
  readonly #ciphers = new Map<string, number>();
  readonly #otherCiphers: Record<Way, number[]> = { in: [], out: [] };
  readonly cut = new Set<Cut>();
  #causes = 0;

  /** `max`: domains in the result. */
  constructor(max = MAX_PARTNERS) {
    this.#max = max;
  }

  add(item: Item): void {
    const leg = this.#leg(item.domain, item.way);
    count(leg.counts, item);
    if (item.outcome === 'inside') return;
    if (item.outcome === 'travelled') {
      if (item.level === 'plain' && item.time > leg.lastPlain) leg.lastPlain = item.time;
      if (item.cipher !== '') this.#cipher(leg.ciphers, item);
    }
    const row = item.row === null ? null : this.#row(item.way, item.row);
    if (row !== null) {
      const at: RowAt = [row.index, item.time];
      if (leg.row === null || leg.row[1] <= item.time) leg.row = at;
      if (item.required && (leg.required === null || leg.required[1] <= item.time)) leg.required = at;
      count(row.row.counts, item);
      if (row.row.first === '' || item.time < row.row.first) row.row.first = item.time;
      if (item.time > row.row.last) row.row.last = item.time;
    }
    const outcome = outcomeOf(item.outcome);
    if (item.cause !== '' && outcome !== null) this.#cause(leg, outcome, item);
  }

  #leg(domain: string, way: Way): Leg {
    let partner = this.#partners.get(domain);
    if (partner === undefined) {
      if (this.#partners.size >= 3 * this.#max) this.#prune(2 * this.#max);
      partner = { in: null, out: null };
      this.#partners.set(domain, partner);
    }
    let leg = partner[way];
    if (leg === null) {
      leg = {
        counts: noCounts(),
        lastPlain: '',
        row: null,
        required: null,
        causes: null,
        otherCauses: 0,
        ciphers: [],
      };
      partner[way] = leg;
    }
    return leg;
  }

  /** Leaves those with most harm, then most mail. A domain that comes again begins at 0: that is said. */
  #prune(left: number): void {
    if (this.#partners.size <= left) return;
    this.cut.add('partners');
    const ranked = [...this.#partners].map(([domain, partner]) => ({ domain, partner, ...rankOf(partner) }));
    ranked.sort((a, b) => b.harm - a.harm || b.volume - a.volume);
    for (const { domain, partner } of ranked.slice(left)) {
      this.#partners.delete(domain);
      for (const way of WAYS) {
        const leg = partner[way];
        if (leg === null) continue;
        addCounts(this.#others[way], leg.counts);
        this.#causes -= leg.causes?.size ?? 0;
        for (let i = 0; i < leg.ciphers.length; i += 2)
          addTo(this.#otherCiphers[way], leg.ciphers[i]!, leg.ciphers[i + 1]!);
      }
    }
  }

  #row(
    way: Way,
    { pattern, at, level, mode }: ItemRow,
  ): { readonly index: number; readonly row: Row } | null {
    const key = `${way}\n${pattern}\n${at}\n${level}\n${mode}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (this.#rows.size >= MAX_ROWS) {
      this.cut.add('rows');
      return null;
    }
    const made = {
      index: this.#rows.size,
      row: { way, pattern, at, level, mode, counts: noCounts(), first: '', last: '' },
    };
    this.#rows.set(key, made);
    return made;
  }

  #cipher(ciphers: number[], { cipher, count }: Item): void {
    let index = this.#ciphers.get(cipher);
    if (index === undefined) {
      if (this.#ciphers.size >= MAX_CIPHERS) return;
      index = this.#ciphers.size;
      this.#ciphers.set(cipher, index);
    }
    addTo(ciphers, index, count);
  }

  #cause(leg: Leg, outcome: Outcome, { cause, count, time, example, peer }: Item): void {
    leg.causes ??= new Map();
    const key = `${outcome}\n${cause}`;
    let known = leg.causes.get(key);
    if (known === undefined) {
      if (leg.causes.size >= MAX_CAUSES_EACH || this.#causes >= MAX_CAUSES) {
        this.cut.add('causes');
        leg.otherCauses += count;
        return;
      }
      known = { outcome, cause, count: 0, first: time, last: '', example: '', peers: new Map() };
      leg.causes.set(key, known);
      this.#causes++;
    }
    known.count += count;
    if (time < known.first) known.first = time;
    if (time >= known.last) {
      known.last = time;
      known.example = example;
    }
    const peers = known.peers.get(peer);
    if (peer !== '' && (peers !== undefined || known.peers.size < MAX_PEERS))
      known.peers.set(peer, (peers ?? 0) + count);
  }

  /** What the day came to, by domain in alphabetical order, so that the same records give the same text. */
  finish(): {
    readonly partners: readonly DayPartner[];
    readonly others: Readonly<Record<Way, Partial<Counts>>>;
    readonly rows: readonly DayRow[];
    readonly ciphers: readonly string[];
    readonly otherCiphers: Readonly<Record<Way, readonly number[]>>;
  } {
    this.#prune(this.#max);
    const sorted = [...this.#partners].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      partners: sorted.map(([domain, partner]) => {
        const legs = WAYS.flatMap((way) => (partner[way] === null ? [] : [[way, legOf(partner[way])]]));
        return { domain, ...Object.fromEntries(legs) };
      }),
      others: { in: someCounts(this.#others.in), out: someCounts(this.#others.out) },
      rows: [...this.#rows.values()].map(({ row }) => ({ ...row, counts: someCounts(row.counts) })),
      ciphers: [...this.#ciphers.keys()],
      otherCiphers: this.#otherCiphers,
    };
  }
}

function rankOf({ in: came, out: went }: Partner): { readonly harm: number; readonly volume: number } {
  let harm = 0;
  let volume = 0;
  for (const leg of [came, went]) {
    if (leg === null) continue;
    const { counts } = leg;
    harm +=
      notKept(counts) + counts.returned + counts.waiting - counts.requiredReturned - counts.requiredWaiting;
    volume += volumeOf(counts);
  }
  return { harm, volume };
}

/** Pairs of an index and a count in one list: most have one or two. */
function addTo(pairs: number[], index: number, count: number): void {
  for (let i = 0; i < pairs.length; i += 2)
    if (pairs[i] === index) {
      pairs[i + 1]! += count;
      return;
    }
  pairs.push(index, count);
}

function legOf({ counts, lastPlain, row, required, causes, otherCauses, ciphers }: Leg): DayLeg {
  return {
    counts: someCounts(counts),
    ...(lastPlain === '' ? null : { lastPlain }),
    ...(row === null ? null : { row }),
    ...(required === null ? null : { required }),
    ...(causes === null ? null : { causes: [...causes.values()].map(causeOf) }),
    ...(otherCauses === 0 ? null : { otherCauses }),
    ...(travelled(counts) === 0 || ciphers.length === 0 ? null : { ciphers }),
  };
}

function causeOf({ peers, ...rest }: Cause): DayCause {
  const most = [...peers].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, KEPT_PEERS);
  return { ...rest, peers: most };
}
