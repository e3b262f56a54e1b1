/** Days and times of records as numbers. Pure. */

const DAY_MS = 86_400_000;

/** Milliseconds since 1970 of a day or a time; NaN for anything else. */
export function instant(text: string): number {
  return /^\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** Days from the first to the last, both included; nothing for days that are none, at most `most`. */
export function daysBetween(from: string, to: string, most: number): string[] {
  const days: string[] = [];
  const end = instant(to);
  for (let at = instant(from); at <= end && days.length < most; at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}
