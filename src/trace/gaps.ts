/**
 * What is known to be missing over some time: records that say so themselves (`gap`, `torn`, `clock`), days whose
 * file the next day names and that is not there, and time before a stream begins or when it has none. Each answer over
 * that time names them.
 */
import { addDays } from '../archive/day.ts';
import type { Evidence, Found, Place, Range } from './places.ts';
import type { Key } from './recordKeys.ts';

export interface Gap {
  readonly directory: string;
  readonly stream: string;
  readonly host: string;
  /** ISO 8601, or days. */
  readonly from: string;
  readonly to: string;
  /** Records that are missing; null: not known. */
  readonly count: number | null;
  readonly why: string;
}

const KEYS: readonly Key[] = (['gap', 'torn', 'clock', 'day'] as const).map((text) => ({
  kind: 'type',
  text,
}));
/** A gap is written down when it can be: days later, too. */
export const LATER_DAYS = 14;

/** Gaps that touch the range, in order of time; times: ISO 8601 or days. */
export function gapsIn(evidence: Evidence, { from, to }: Range): Gap[] {
  const gaps = evidence.places.flatMap((place) =>
    absences(place, { from: from.slice(0, 10), to: to.slice(0, 10) }),
  );
  const asked = { from: from.slice(0, 10), to: addDays(to.slice(0, 10), LATER_DAYS) };
  for (const found of evidence.find(() => KEYS, asked)) {
    const gap = gapOf(found);
    if (gap !== null && gap.to >= from && gap.from.slice(0, to.length) <= to) gaps.push(gap);
  }
  return gaps.sort((a, b) => (a.from < b.from ? -1 : 1));
}

function gapOf({ place, stream, record }: Found): Gap | null {
  const where = { directory: place.directory, stream, host: record.host };
  switch (record.type) {
    case 'gap':
      return { ...where, from: record.from, to: record.to, count: record.count, why: record.why };
    case 'torn': {
      const why = `${record.bytes} bytes of a line that was not whole were set aside as ${record.file}`;
      return { ...where, from: record.time, to: record.time, count: null, why };
    }
    case 'clock': {
      const why = `the clock was set by ${record.stepMs} ms: times before and after do not compare`;
      return { ...where, from: record.time, to: record.time, count: 0, why };
    }
    case 'day': {
      const day = record.previous?.day;
      const there = place.streams.some(
        ({ name, days }) => name === stream && (day === undefined || days.includes(day)),
      );
      if (there || day === undefined) return null;
      const count = record.previous?.size ?? null;
      return { ...where, from: day, to: `${day}T23:59:59.999Z`, count, why: `there is no file of ${day}` };
    }
    default:
      return null;
  }
}

/** Streams that are not there, or begin later. */
export function absences({ directory, streams }: Place, { from, to }: Range): Gap[] {
  return ['daemon', 'collector'].flatMap((stream) => {
    const days = streams.find(({ name }) => name === stream)?.days ?? [];
    const where = { directory, stream, host: '', count: null };
    const [first] = days;
    if (first === undefined) return [{ ...where, from, to, why: `there are no records of the ${stream}` }];
    if (first <= from) return [];
    const end = first > to ? to : addDays(first, -1);
    return [{ ...where, from, to: end, why: `the first file of the ${stream} is of ${first}` }];
  });
}
