/**
 * The tallies of a range of days over several evidence directories as one value. A day that has a tally which fits is
 * read from it; any other is counted from its lines, and the tally is written beside them if that is possible and the
 * day is over. Throws the error of the system when lines cannot be read.
 *
 * A record counts on the day in whose file it stands: the day on which it was written.
 */
import { addDays } from '../archive/day.ts';
import { linesFile } from '../archive/layout.ts';
import { absences, LATER_DAYS } from '../trace/gaps.ts';
import type { Place, Range } from '../trace/places.ts';
import { countDay, type Progress, type StreamDay } from './countDay.ts';
import type { DayGap, DayTally, ReadTally } from './dayTally.ts';
import { GAP_TYPES, gapOf } from './gapOf.ts';
import { Merger } from './mergeTallies.ts';
import type { Tallies } from './tallies.ts';
import { countedNow, readTally, writeTally } from './tallyFile.ts';
import { recordsOfTypes } from './typeScan.ts';

interface TallyOptions {
  /** The UTC day, whose lines may still grow: it is counted from its lines every time. */
  readonly today: string;
  /** Only mail with this domain, as records have it; then all counts but those of `rows` are of this mail. */
  readonly domain?: string | null;
  /** Called while a day is counted from its lines, which takes seconds; `done` of `bytes`. */
  readonly counting?: (stream: string, day: string, done: number, bytes: number) => void;
}

/** `range`: days, both included. */
export function talliesOf(places: readonly Place[], range: Range, options: TallyOptions): Tallies {
  const { from, to } = range;
  const merger = new Merger(from, to, options.domain ?? null);
  const read: Tallies['streams'][number][] = [];
  for (const place of places) {
    const { directory } = place;
    for (const gap of absences(place, range)) merger.gap(directory, gap.stream, gap);
    for (const { name, folder, days } of place.streams) {
      const inRange = days.filter((day) => day >= from && day <= to);
      const counted: string[] = [];
      for (const day of inRange) {
        const one = { directory, stream: name, day };
        let tally: ReadTally | null = day < options.today ? readTally(one) : null;
        if (tally === null) {
          tally = count(one, options);
          counted.push(day);
        }
        const gaps = tally.gaps.filter((gap) => isGap(gap, days));
        merger.add(directory, name, { ...tally, gaps });
      }
      for (const gap of laterGaps(folder, days, to)) if (isGap(gap, days)) merger.gap(directory, name, gap);
      read.push({ directory, stream: name, folder, days: inRange, counted });
    }
  }
  return merger.finish(read);
}

/** The first record of a day names the day before: no gap, when its file is there. */
function isGap({ type, from }: DayGap, days: readonly string[]): boolean {
  return type !== 'day' || !days.includes(from);
}

/** A gap is written down when it can be: days later, too. */
function* laterGaps(folder: string, days: readonly string[], to: string): Generator<DayGap> {
  const last = addDays(to, LATER_DAYS);
  for (const day of days)
    if (day > to && day <= last)
      for (const record of recordsOfTypes(linesFile(folder, day), GAP_TYPES)) {
        const gap = gapOf(record);
        if (gap !== null) yield gap;
      }
}

function count(one: StreamDay, { today, counting }: TallyOptions): DayTally {
  const before = countedNow(one);
  const progress: Progress = (done) => counting?.(one.stream, one.day, done, before.bytes);
  const tally = countDay(one, progress);
  if (one.day < today) keep(() => writeTally(one, before, tally));
  return tally;
}

/** Not ours to write to, or no room: counting again takes longer and gives the same. */
function keep(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** Counts a day and writes its tally, unless there is one that fits. Throws the error of the system. */
export function makeTally(one: StreamDay, progress: Progress = () => {}): void {
  if (readTally(one) !== null) return;
  const before = countedNow(one);
  writeTally(one, before, countDay(one, progress));
}
