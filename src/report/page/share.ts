/** How much of each way was protected: a plot, its figures as the legend, and the days in numbers. */

import { gapDays } from '../gapDays.ts';
import { LEVELS, type Report, type Way, type WayShare } from '../report.ts';
import { counted, LEVEL_WORDS, number, percent, protectedOf, sum } from '../words.ts';
import type { RowLink } from './links.ts';
import { type Html, html } from './markup.ts';
import { none, part } from './part.ts';
import { plot, swatch } from './plot.ts';
import { byDay, WORDS } from './shareDays.ts';
import { everything, WAY_WORDS } from './words.ts';

/** Of a day's mail, from which a day with much unknown is pointed at. */
const MUCH_UNKNOWN = 0.1;

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
  const gaps = gapDays(report, way);
  const picture = plot({
    id: `plot-${way}`,
    title: `${name} messages a day by TLS level`,
    days: it.days,
    apart: { name: lost === 'refused' ? 'Refused' : 'Failed', of: (one) => one[lost] },
    notes: notesOf(gaps, it),
  });
  return html`<div class="way" id="share-${way}"><h3>${name}</h3>
<figure><figcaption>Messages a day</figcaption>
${picture}</figure>
<div class="key">${key(it, way, link)}</div></div>
<details id="share-${way}-days"><summary>${name} by day, in numbers</summary>
${byDay(it, way, gaps)}</details>
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

/** Days with a gap, and the day on which much is unknown. */
function notesOf(gaps: ReadonlyMap<string, boolean>, it: WayShare): Map<number, string> {
  const notes = new Map<number, string>();
  for (const [i, { day }] of it.days.entries()) if (gaps.has(day)) notes.set(i, 'gap');
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
