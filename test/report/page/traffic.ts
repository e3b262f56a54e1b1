/** Mail of days that was never sent: counts that are the same for the same seed, and add up. */
import { LEVELS, type WayShare } from '../../../src/report/report.ts';

const DAY_MS = 86_400_000;

/** 0 to 1, the same row for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function daysUpTo(last: string, count: number): string[] {
  const end = Date.parse(last);
  return Array.from({ length: count }, (_, i) =>
    new Date(end - (count - 1 - i) * DAY_MS).toISOString().slice(0, 10),
  );
}

type DayCounts = WayShare['days'][number];

/** A way whose totals are the sums of its days. */
export function wayOf(days: readonly DayCounts[], rest: Partial<WayShare> = {}): WayShare {
  const add = (count: (one: DayCounts) => number) => days.reduce((all, one) => all + count(one), 0);
  const travelled = Object.fromEntries(
    LEVELS.map((level) => [level, add((one) => one.travelled[level])]),
  ) as Record<(typeof LEVELS)[number], number>;
  const counts = {
    refused: add((d) => d.refused),
    failed: add((d) => d.failed),
    otherFailed: add((d) => d.otherFailed),
  };
  return { travelled, ...counts, days, sessions: null, inside: 0, recordedDays: days.length, ...rest };
}

interface Traffic {
  readonly seed: number;
  readonly busy: number;
  readonly share: Readonly<Record<'tls12' | 'older' | 'plain' | 'unknown', number>>;
  readonly extra: (
    day: string,
    i: number,
  ) => Partial<Omit<DayCounts, 'travelled' | 'day'>> & { unknown?: number };
}

export function traffic(days: readonly string[], { seed, busy, share, extra }: Traffic): DayCounts[] {
  const random = chance(seed);
  return days.map((day, i) => {
    const weekday = new Date(day).getUTCDay();
    const all = Math.round(
      busy * (weekday === 0 ? 0.11 : weekday === 6 ? 0.16 : 1) * (0.92 + 0.16 * random()),
    );
    const part = (of: number) => Math.round(all * of * (0.85 + 0.3 * random()));
    const { unknown = 0, ...apart } = extra(day, i);
    const travelled = {
      tls12: part(share.tls12),
      older: part(share.older),
      plain: part(share.plain),
      unknown: part(share.unknown) + unknown,
    };
    const rest = all - travelled.tls12 - travelled.older - travelled.plain - travelled.unknown;
    return {
      day,
      travelled: { tls13: Math.max(0, rest), ...travelled },
      refused: 0,
      failed: 0,
      otherFailed: 0,
      ...apart,
    };
  });
}

/** Spreads a count over the last of these days, unevenly. */
export function spread(
  days: readonly string[],
  count: number,
  over: number,
): { day: string; count: number }[] {
  const last = days.slice(-over);
  const random = chance(count * 31 + over);
  const weights = last.map((day) => (new Date(day).getUTCDay() % 6 === 0 ? 0.15 : 0.6 + random()));
  const all = weights.reduce((a, b) => a + b, 0);
  let [weight, before] = [0, 0];
  return last
    .map((day, i) => {
      weight += weights[i]!;
      const upTo = i === last.length - 1 ? count : Math.round((count * weight) / all);
      const here = upTo - before;
      before = upTo;
      return { day, count: here };
    })
    .filter(({ count: some }) => some > 0);
}
