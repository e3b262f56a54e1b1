/**
 * Has a reporter stopped? Large senders report every day on which they had sessions to us, small ones now and then: what
 * counts is its own rhythm. Pure.
 */
import { addDays } from '../archive/day.ts';

/** A UTC day, `2026-11-30`. */
type Day = string;

/** Days that a report may be on its way, after its own day. */
const LATE_DAYS = 2;
const LEAST_DAYS = 3;

/** `days`: those of its reports, sorted. `to`: the last day of the period. */
export function isSilent(days: readonly Day[], to: Day): boolean {
  if (days.length < LEAST_DAYS) return false;
  let longest = 1;
  for (let i = 1; i < days.length; i++) longest = Math.max(longest, between(days[i - 1]!, days[i]!));
  // whoever has had a pause of a week is not silent after four days
  return between(days.at(-1)!, addDays(to, -LATE_DAYS)) > Math.max(LEAST_DAYS, 2 * longest);
}

function between(from: Day, to: Day): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
}
