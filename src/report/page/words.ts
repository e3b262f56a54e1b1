/** Days, times and figures as the page writes them, each time readable by machines. */
import { instant } from '../days.ts';
import type { Way, WayCounts } from '../report.ts';
import { dayWords, number, shortDay, sum } from '../words.ts';
import { type Html, html } from './markup.ts';

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];

export const WAY_WORDS: Readonly<Record<Way, string>> = { in: 'Inbound', out: 'Outbound' };

/** A cell of a figure: nothing to see is soft. */
export function cell(n: number): Html {
  return n === 0 ? html`<span class="zero">0</span>` : html`${number(n)}`;
}

/** Everything of a way, also what did not travel. */
export function everything(way: WayCounts): number {
  return sum(way.travelled) + way.refused + way.failed + way.otherFailed;
}

/** Monday is 1, Sunday 7. */
export function weekday(day: string): number {
  return ((new Date(instant(day)).getUTCDay() + 6) % 7) + 1;
}

/** `30 October to 28 November 2026`, `28 November 2026`. */
export function span(from: string, to: string): string {
  const long = (text: string, year: boolean) => {
    const month = MONTHS[Number(text.slice(5, 7)) - 1];
    if (Number.isNaN(instant(text)) || month === undefined) return text;
    return `${Number(text.slice(8, 10))} ${month}${year ? ` ${text.slice(0, 4)}` : ''}`;
  };
  if (from === to) return long(to, true);
  return `${long(from, from.slice(0, 4) !== to.slice(0, 4))} to ${long(to, true)}`;
}

/** `20-23 Nov` as one range of time, each end readable by machines. */
export function range(first: string, last: string): Html {
  const [from, to] = [first.slice(0, 10), last.slice(0, 10)];
  if (from === to) return day(last);
  const sameMonth = from.slice(0, 7) === to.slice(0, 7) && !Number.isNaN(instant(from));
  const begin = sameMonth ? String(Number(from.slice(8, 10))) : shortDay(from);
  return html`<time datetime="${first}">${begin}</time>–<time datetime="${last}">${shortDay(to)}</time>`;
}

/** `28 Nov`, readable by machines. */
export function day(text: string, year = false): Html {
  return html`<time datetime="${text}">${(year ? dayWords : shortDay)(text.slice(0, 10))}</time>`;
}

/** `12 Nov 02:10`; a day that ends is `24:00`. */
export function moment(text: string, year = false): Html {
  const clock = text.slice(11, 16);
  if (clock === '' || Number.isNaN(instant(text))) return day(text, year);
  const hour = text.slice(11, 23) === '23:59:59.999' ? '24:00' : clock;
  return html`<time datetime="${text}">${(year ? dayWords : shortDay)(text.slice(0, 10))} ${hour}</time>`;
}
