/**
 * Days as written in the configuration, `YYYY-MM-DD`. A file of its own, because the main thread needs it
 * without the loader. Days are calendar days in the machine's time zone: `until = 2026-12-31` ends at
 * midnight after that day.
 */

/** The local day as `YYYY-MM-DD`. */
export function dayOf(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const DAY_MS = 86_400_000;

/** Days from one day to another; negative when `to` is the earlier one. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** The day `days` after `day`. Calendar arithmetic, so that daylight saving time has no effect. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** A section with `until`: what the log, `status` and `exceptions` report once the day has passed. */
export interface Dated {
  /** Of the key `until`. */
  readonly file: string;
  readonly line: number;
  /** `[domain gov.example]`. */
  readonly where: string;
  readonly until: string;
  readonly reason: string | null;
}

/**
 * Sections kept for these reports, those that end first; loading a table gives a notice for each of the
 * others, too.
 */
const MAX_DATED = 2000;

/** Those that expired before `today`, the oldest first. */
export function overdueOf(dated: readonly Dated[], today: string): readonly Dated[] {
  return dated.filter(({ until }) => until < today);
}

/** Sorted by day, then as they were found; at most MAX_DATED. */
export function sortDated(dated: readonly Dated[]): readonly Dated[] {
  return [...dated].sort((a, b) => (a.until < b.until ? -1 : a.until > b.until ? 1 : 0)).slice(0, MAX_DATED);
}
