/**
 * The sums behind a plot: which heights, which marks of the scale, which days are named. Drawing is in
 * `plot.ts`.
 */
import { instant } from '../days.ts';
import { shortDay } from '../words.ts';
import { weekday } from './words.ts';

/** Between two names of days, in the units of the plot: letters are larger on a telephone. */
const NAME_ROOM = 92;

interface Scale {
  /** What the top of the plot stands for: the largest bar. */
  readonly top: number;
  readonly marks: readonly number[];
}

/** Two to six marks at round figures (1, 2, 2.5, 5 times a power of ten), the first at 0, none above `most`. */
export function scaleOf(most: number): Scale {
  const rough = Math.max(most, 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    1,
    [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 1,
  );
  const whole = Number.isInteger(step) ? step : Math.ceil(step);
  const marks: number[] = [];
  for (let at = 0; at <= Math.max(most, 1); at += whole) marks.push(at);
  return { top: Math.max(most, 1), marks };
}

/** `800`, `4,000`, `15k`, `2.5M`: short enough for the margin. */
export function scaleWords(n: number): string {
  if (n >= 1_000_000) return `${Number((n / 1_000_000).toFixed(2))}M`;
  if (n >= 10_000) return `${Number((n / 1000).toFixed(1))}k`;
  return String(n).replace(/\B(?=\d{3}$)/, ',');
}

export interface Slots {
  /** Left edge of the first bar, and the room of each. */
  readonly left: number;
  readonly room: number;
  /** Width of a bar; days of a year stand side by side. */
  readonly bar: number;
}

export function slotsOf(count: number, left: number, width: number): Slots {
  const room = Math.min(width / Math.max(count, 1), 56);
  return { left, room, bar: room >= 3 ? room * 0.7 : room };
}

/** Days to name below the plot: each, Mondays, or the first of months, so that names do not touch. */
export function namedDays(
  days: readonly string[],
  room: number,
): { readonly at: number; readonly name: string }[] {
  const months = days.length > 62;
  const chosen = days.flatMap((day, at) => {
    if (Number.isNaN(instant(day))) return [];
    if (days.length <= 10) return [{ at, name: shortDay(day) }];
    if (!months) return weekday(day) === 1 ? [{ at, name: shortDay(day) }] : [];
    if (!day.endsWith('-01')) return [];
    return [{ at, name: day.slice(5, 7) === '01' ? day.slice(0, 4) : shortDay(day).slice(2) }];
  });
  const step = chosen.length < 2 ? 1 : Math.ceil(NAME_ROOM / ((chosen[1]!.at - chosen[0]!.at) * room));
  return chosen.filter((_, i) => i % step === 0);
}
