/**
 * Which days lie in a gap. Of a day that lies in one as a whole nothing is known, which is not the same as no mail: page
 * and text say so in place of zeros.
 */
import { daysBetween, instant } from './days.ts';
import type { Report, Way } from './report.ts';

const DAY_MS = 86_400_000;
/** Gaps that are looked at, and days of each. */
const MOST_GAPS = 1000;
const MOST_DAYS = 4000;

/**
 * Days with a gap in the records of a way (the daemon's of what came, the collector's of what left): is it the whole day?
 */
export function gapDays({ gaps }: Report, way: Way): Map<string, boolean> {
  const ofOthers = way === 'in' ? ', collector' : ', daemon';
  const found = new Map<string, boolean>();
  const ours = gaps.filter(({ where, count }) => !where.endsWith(ofOthers) && count !== 0);
  for (const { from, to } of ours.slice(0, MOST_GAPS)) {
    // a day without a time is whole; the last millisecond of one is its end
    const end = instant(to) + (to.length === 10 ? DAY_MS : 1);
    for (const day of daysBetween(from.slice(0, 10), to.slice(0, 10), MOST_DAYS)) {
      const whole = instant(from) <= instant(day) && end >= instant(day) + DAY_MS;
      found.set(day, whole || found.get(day) === true);
    }
  }
  return found;
}
