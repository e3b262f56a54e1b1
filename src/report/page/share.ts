/** How much of each way was protected: a plot, its figures as the legend, and the days in numbers. */
import { LEVELS, type Level, type Report, type Way, type WayShare } from '../report.ts';
import { counted, LEVEL_WORDS, number, percent, protectedOf, sum } from '../words.ts';
import type { RowLink } from './links.ts';
import { type Html, html } from './markup.ts';
import { none, part } from './part.ts';
import { plot, swatch } from './plot.ts';
import { type Column, figures, table } from './table.ts';
import { cell, day, daysBetween, everything, WAY_WORDS } from './words.ts';

type DayCounts = WayShare['days'][number];

/** Words that differ by the way. */
const WORDS = {
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

/** Of a day's mail, from which a day with much unknown is pointed at. */
const MUCH_UNKNOWN = 0.1;
/** Gaps whose days are marked in the plot; each spans `MOST_DAYS` at most. */
const MOST_GAPS = 100;
const MOST_DAYS = 1000;

export function share(report: Report, link: RowLink): Html {
  const ways = report.way === null ? (['in', 'out'] as const) : ([report.way] as const);
  return part({
    id: 'share',
    title: 'Protected share',
    about: html`Every message by the weakest TLS that it is known to have used on the hop to or from this host. <a href="#g-refused">Refused</a> and <a href="#g-failed">failed</a> messages did not travel; they stand apart and are in no share.`,
    body: html`${ways.map((way) => wayOf(report, way, link))}`,
  });
}

function wayOf(report: Report, way: Way, link: RowLink): Html {
  const it = report.share[way];
  const name = WAY_WORDS[way];
  if (it.recordedDays === 0 && everything(it) === 0)
    return html`<div class="way" id="share-${way}"><h3>${name}</h3></div>
${none(`Nothing is known of ${name.toLowerCase()} mail: there are no records of it. They are written by ${WORDS[way].sees}.`)}`;
  if (everything(it) === 0)
    return html`<div class="way" id="share-${way}"><h3>${name}</h3></div>
${none(`No ${name.toLowerCase()} mail is in the records of these days.`)}`;
  const { lost } = WORDS[way];
  const picture = plot({
    id: `plot-${way}`,
    title: `${name} messages a day by TLS level`,
    days: it.days,
    apart: { name: lost === 'refused' ? 'Refused' : 'Failed', of: (one) => one[lost] },
    notes: notesOf(report, it, way),
  });
  return html`<div class="way" id="share-${way}"><h3>${name}</h3>
<figure><figcaption>Messages a day</figcaption>
${picture}</figure>
<div class="key">${key(it, way, link)}</div></div>
<details id="share-${way}-days"><summary>${name} by day, in numbers</summary>
${byDay(it, way)}</details>
`;
}

function key(it: WayShare, way: Way, link: RowLink): Html {
  const { went, lost } = WORDS[way];
  const all = sum(it.travelled);
  const rows = LEVELS.map(
    (level) =>
      html`<tr><th scope="row">${swatch(level)}${LEVEL_WORDS[level]}</th><td class="n"><a href="#share-${way}-days">${number(it.travelled[level])}</a></td><td class="n">${percent(it.travelled[level], all)}</td></tr>\n`,
  );
  const apart = (name: string, count: number, href: string, bad: boolean) =>
    html`<tr><th scope="row"${bad && html` class="bad"`}>${name}</th><td class="n"><a${bad && html` class="bad"`} href="${href}">${number(count)}</a></td><td class="n soft">apart</td></tr>\n`;
  const tls =
    it.sessions !== null &&
    html`<p class="fine soft">In ${counted(it.sessions.all, 'session')}, ${number(it.sessions.tls)} of them with TLS.</p>\n`;
  const inside =
    it.inside > 0 &&
    html`<p class="fine soft">${counted(it.inside, 'message')} stayed inside, to mailboxes and filters of this host: in no share.</p>\n`;
  return html`<p><a class="big" href="#share-${way}-days">${percent(protectedOf(it.travelled), all)}</a><br><span class="fine soft">protected: TLS 1.2 or later</span></p>
<table><caption class="unseen">${WAY_WORDS[way]} messages by TLS level</caption>
<thead class="unseen"><tr><th scope="col">Level</th><th scope="col">Messages</th><th scope="col">Share</th></tr></thead>
<tbody>
${rows}</tbody><tfoot><tr><th scope="row">${went}</th><td class="n">${number(all)}</td><td class="n">${percent(all, all)}</td></tr>
${apart(lost, it[lost], link('causes', ''), it[lost] > 0)}${way === 'out' && apart('other returns', it.otherFailed, '#share-out-days', false)}</tfoot></table>
${tls}${inside}`;
}

function byDay(it: WayShare, way: Way): Html {
  const { went, lost } = WORDS[way];
  const count = (head: string, gloss: string, of: (one: DayCounts) => number): Column<DayCounts> => ({
    head,
    gloss,
    figure: true,
    cell: (one) => cell(of(one)),
  });
  const extra = way === 'out' ? [count('Returned', 'not for TLS', (one) => one.otherFailed)] : [];
  return table<DayCounts>({
    id: `${way}-days`,
    label: `${WAY_WORDS[way]} by day`,
    caption: html`<b>${WAY_WORDS[way]} by day.</b> Messages per recipient; ${went} is the sum of the five levels; ${lost} mail is not in it.`,
    columns: [
      { head: 'Day', gloss: 'UTC', cell: (one) => day(one.day) },
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

/**
 * Days with a gap in the records of this way (the daemon's of what came, the collector's of what left), and
 * the day on which much is unknown.
 */
function notesOf({ gaps }: Report, it: WayShare, way: Way): Map<number, string> {
  const at = new Map(it.days.map((one, i) => [one.day, i]));
  const notes = new Map<number, string>();
  const ofOthers = way === 'in' ? ', collector' : ', daemon';
  const ours = gaps.filter(({ where }) => !where.endsWith(ofOthers)).slice(0, MOST_GAPS);
  for (const gap of ours)
    for (const one of daysBetween(gap.from.slice(0, 10), gap.to.slice(0, 10), MOST_DAYS)) {
      const index = at.get(one);
      if (index !== undefined) notes.set(index, 'gap');
    }
  let worst = 0;
  for (const [i, one] of it.days.entries())
    if (one.travelled.unknown > (it.days[worst]?.travelled.unknown ?? 0)) worst = i;
  const found = it.days[worst];
  if (found === undefined || it.days.length < 2) return notes;
  const { unknown } = found.travelled;
  const usual = (it.travelled.unknown - unknown) / (it.days.length - 1);
  if (unknown > sum(found.travelled) * MUCH_UNKNOWN && unknown > usual * 3)
    notes.set(worst, `${number(unknown)} unknown`);
  return notes;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
