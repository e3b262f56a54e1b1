/** Days of records, `YYYY-MM-DD` in UTC. */

const DAY_MS = 86_400_000;

/** The day `days` after `day`, earlier when negative. Calendar arithmetic, so that daylight saving time has no effect. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}
