/** Tallies for tests, from the few numbers that a test is about. */
import { type Counts, noCounts, type Way } from '../../src/tally/counts.ts';
import type { CauseTally, PartnerTally, RowTally, Tallies } from '../../src/tally/tallies.ts';

const NAMES = Object.keys(noCounts()) as (keyof Counts)[];

export const FROM = '2026-10-30';
export const TO = '2026-11-28';

export function counts(some: Partial<Counts> = {}): Counts {
  return { ...noCounts(), ...some };
}

export function partner(domain: string, way: Way, some: Partial<PartnerTally> = {}): PartnerTally {
  return {
    ...counts(),
    domain,
    way,
    weakest: 'tls13',
    lastPlain: (some.plain ?? 0) > 0 ? `${TO}T09:00:00.000Z` : '',
    row: null,
    required: null,
    notKept: [],
    ...some,
  };
}

export function row(pattern: string, at: string, some: Partial<RowTally> = {}): RowTally {
  const times = { first: `${FROM}T09:00:00.000Z`, last: `${TO}T09:00:00.000Z` };
  return { ...counts(), way: 'in', pattern, at, level: 'encrypt', mode: 'enforce', ...times, ...some };
}

export function cause(domain: string, way: Way, some: Partial<CauseTally> = {}): CauseTally {
  return {
    domain,
    way,
    outcome: way === 'in' ? 'refused' : 'returned',
    cause: 'plaintext',
    count: 1,
    first: '2026-11-16T10:00:00.000Z',
    last: '2026-11-28T10:00:00.000Z',
    example: '7K2M0A4Q',
    peer: '',
    ...some,
  };
}

/** The totals are those of the partners. */
export function tallies(some: Partial<Tallies> = {}): Tallies {
  const { partners = [] } = some;
  const total = (way: Way): Counts => {
    const own = partners.filter((one) => one.way === way);
    return counts(
      Object.fromEntries(NAMES.map((name) => [name, own.reduce((sum, one) => sum + one[name], 0)])),
    );
  };
  return {
    from: FROM,
    to: TO,
    hosts: ['mx1.example.org'],
    records: 1000,
    unreadable: 0,
    total: { in: total('in'), out: total('out') },
    days: [{ day: TO, in: total('in'), out: total('out') }],
    recordedDays: { in: 30, out: 30 },
    sessions: { in: null, out: null },
    partners,
    others: { in: counts(), out: counts() },
    causes: [],
    otherCauses: 0,
    ciphers: [],
    rows: [],
    exceptions: [],
    gaps: [],
    tables: [],
    streams: [],
    notes: [],
    ...some,
  };
}
