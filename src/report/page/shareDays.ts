/** A way by day, in numbers; a day of which nothing is known has none. */
import { LEVELS, type Level, type Way, type WayShare } from '../report.ts';
import { counted, LEVEL_WORDS, sum } from '../words.ts';
import { type Html, html } from './markup.ts';
import { type Column, figures, table } from './table.ts';
import { cell, day, everything, WAY_WORDS } from './words.ts';

type DayCounts = WayShare['days'][number];

/** Words that differ by the way. */
export const WORDS = {
  in: { went: 'accepted', lost: 'refused', sees: 'tlsward, asked by the mail server' },
  out: { went: 'delivered', lost: 'failed', sees: 'tlsward collect' },
} as const;

const GLOSS: Readonly<Record<Level, string>> = {
  tls13: 'protected',
  tls12: 'protected',
  older: 'weak',
  plain: 'readable',
  unknown: 'not recorded',
};

const NOT_KNOWN = html`<span class="zero">–<span class="unseen"> not known</span></span>`;

/** `gaps`: days with a gap, and whether it is the whole day. */
export function byDay(it: WayShare, way: Way, gaps: ReadonlyMap<string, boolean>): Html {
  const { went, lost } = WORDS[way];
  const isUnknown = (one: DayCounts) => gaps.get(one.day) === true && everything(one) === 0;
  const count = (head: string, gloss: string, of: (one: DayCounts) => number): Column<DayCounts> => ({
    head,
    gloss,
    figure: true,
    cell: (one) => (isUnknown(one) ? NOT_KNOWN : cell(of(one))),
  });
  const extra = way === 'out' ? [count('Returned', 'not for TLS', (one) => one.otherFailed)] : [];
  return table<DayCounts>({
    id: `${way}-days`,
    label: `${WAY_WORDS[way]} by day`,
    caption: html`<b>${WAY_WORDS[way]} by day.</b> Messages per recipient; ${went} is the sum of the five levels; ${lost} mail is not in it.`,
    columns: [
      {
        head: 'Day',
        gloss: 'UTC',
        cell: (one) => html`${day(one.day)}${isUnknown(one) && html` <small>no records</small>`}`,
      },
      ...LEVELS.map((level) =>
        count(capital(LEVEL_WORDS[level]), GLOSS[level], (one) => one.travelled[level]),
      ),
      count(capital(went), 'sum of these', (one) => sum(one.travelled)),
      count(capital(lost), way === 'in' ? 'turned away' : 'for want of TLS', (one) => one[lost]),
      ...extra,
    ],
    rows: it.days,
    most: it.days.length,
    style: 'days',
    foot: html`<tr><th scope="row">${counted(it.days.length, 'day')}</th>${figures(...LEVELS.map((level) => it.travelled[level]), sum(it.travelled), it[lost], ...(way === 'out' ? [it.otherFailed] : []))}</tr>`,
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
