/** Days of records, `YYYY-MM-DD` in UTC. */

const DAY_MS = 86_400_000;

/** The day of a time in milliseconds since the epoch. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The day `days` after `day`, earlier when negative. Calendar arithmetic, so that daylight saving time has no effect. */
export function addDays(day: string, days: number): string {
  return dayOf(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS);
}
