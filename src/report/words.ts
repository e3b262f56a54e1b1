/**
 * Numbers, shares and days as a reader sees them. Pure, and the same on the page, in the text and in the mail: a share is
 * never rounded up to all or down to none, because either would claim what is not so.
 */
import { instant } from './days.ts';
import { type ByLevel, LEVELS, type Level, type Report, type Way } from './report.ts';

/** `142,819`. */
export function number(value: number): string {
  const digits = String(Math.trunc(Math.abs(value)));
  const groups: string[] = [];
  for (let end = digits.length; end > 0; end -= 3) groups.unshift(digits.slice(Math.max(0, end - 3), end));
  return `${value < 0 ? '-' : ''}${groups.join(',')}`;
}

/** `1 message`, `1,204 messages`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `93.5 %`; 100.0 only where it is all, 0.0 only where it is none, `-` of nothing. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '-';
  const tenths = Math.round((part / whole) * 1000);
  if (tenths === 0 && part > 0) return 'under 0.1 %';
  const shown = part < whole ? Math.min(999, tenths) : 1000;
  return `${Math.trunc(shown / 10)}.${shown % 10} %`;
}

export function sum(counts: ByLevel): number {
  return LEVELS.reduce((total, level) => total + counts[level], 0);
}

/** Known to have used TLS 1.2 or later. */
export function protectedOf(counts: ByLevel): number {
  return counts.tls13 + counts.tls12;
}

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  tls13: 'TLS 1.3',
  tls12: 'TLS 1.2',
  older: 'older TLS',
  plain: 'plaintext',
  unknown: 'unknown',
};

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `28 Nov 2026` of a day or of an ISO time; what is none stays as it is. */
export function dayWords(time: string): string {
  const short = shortDay(time);
  return short === time ? time : `${short} ${time.slice(0, 4)}`;
}

/** `28 Nov`; what is no day stays as it is. */
export function shortDay(time: string): string {
  const month = MONTHS[Number(time.slice(5, 7)) - 1];
  if (Number.isNaN(instant(time)) || month === undefined) return time;
  return `${Number(time.slice(8, 10))} ${month}`;
}

/** `30 Oct to 28 Nov 2026`; the year once where it is the same. */
export function rangeWords(from: string, to: string): string {
  if (from.slice(0, 10) === to.slice(0, 10)) return dayWords(from);
  const first = from.slice(0, 4) === to.slice(0, 4) ? shortDay(from) : dayWords(from);
  return `${first} to ${dayWords(to)}`;
}

/** `2026-11-28 10:02`, of an ISO time; a day stays one. */
export function minute(time: string): string {
  return time.length > 10 ? `${time.slice(0, 10)} ${time.slice(11, 16)}` : time;
}

/** `a`, `a and b`, `a, b and 3 others`. */
export function listWords(names: readonly string[], most = 3): string {
  if (names.length > most) {
    const shown = names.slice(0, most - 1);
    return `${shown.join(', ')} and ${names.length - shown.length} others`;
  }
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Does the report speak of this way? It was asked for, and there are records of it. */
export function spoken({ way }: Pick<Report, 'way'>, which: Way): boolean {
  return way === null || way === which;
}
