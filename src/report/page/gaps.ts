/** What the report does not know, and how a reader who trusts nobody here checks the rest. */

import { instant } from '../days.ts';
import type { Report, ReportGap } from '../report.ts';
import { counted, number } from '../words.ts';
import { MOST } from './links.ts';
import { foreign, type Html, html, lines, prose } from './markup.ts';
import { none, part, paste } from './part.ts';
import { empty, figures, table } from './table.ts';
import { addUp } from './totals.ts';
import { cell, moment } from './words.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Heads that are shown: one for each stream. */
const MOST_HEADS = 40;

export function gaps(report: Report): Html {
  return part({
    id: 'gaps',
    title: 'Gaps, and how to check this report',
    about: html`What this report does not know, and how someone who trusts nobody here can check the rest.`,
    body: html`${gapsTable(report)}${notesOf(report)}${check(report)}`,
  });
}

function gapsTable({ gaps: all, records }: Report): Html {
  if (all.length === 0)
    return none(
      records === 0 ? 'There are no records of these days.' : 'The records of these days name no gap.',
    );
  return table<ReportGap>({
    id: 'gaps',
    label: 'Gaps in the evidence',
    caption: html`<b>Gaps in the evidence.</b> ${missing(all)}`,
    columns: [
      { head: 'From', gloss: 'UTC', cell: (one) => moment(one.from) },
      { head: 'To', gloss: 'UTC', cell: (one) => moment(one.to) },
      {
        head: 'Length',
        gloss: 'from start to end',
        figure: true,
        cell: (one) => html`${lengthWords(one)}`,
        by: length,
      },
      { head: 'Where', gloss: 'which records', said: true, cell: (one) => foreign(one.where) },
      { head: 'What happened', gloss: 'as recorded', said: true, cell: (one) => foreign(one.why) },
      {
        head: 'Missing',
        gloss: 'records',
        figure: true,
        cell: (one) => (one.count === null ? html`<span class="warn">not known</span>` : cell(one.count)),
        by: (one) => one.count ?? Number.MAX_SAFE_INTEGER,
      },
    ],
    rows: all,
    most: MOST.gaps,
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${empty(4)}${figures(addUp(hidden, (one) => one.count ?? 0))}`,
    }),
  });
}

/** What is missing, as far as that is known. */
function missing(all: readonly ReportGap[]): string {
  const known = addUp(all, (one) => one.count ?? 0);
  const untold = all.filter(({ count }) => count === null).length;
  const where = untold === all.length ? '' : ` in ${counted(untold, 'gap')}`;
  if (untold === 0)
    return known === 0
      ? 'No record is missing.'
      : `${counted(known, 'record')} missing, and in no figure above.`;
  if (known === 0) return `How many records are missing${where} is not known. They are in no figure above.`;
  return `${counted(known, 'record')} missing, and${where} an unknown number: in no figure above.`;
}

/** Milliseconds; a day without a time is whole. */
function length({ from, to }: ReportGap): number {
  const ms = instant(to) - instant(from) + (to.length === 10 ? DAY_MS : 0);
  return Number.isNaN(ms) ? 0 : ms;
}

function lengthWords(gap: ReportGap): string {
  const ms = length(gap);
  if (ms >= 2 * DAY_MS) return counted(Math.round(ms / DAY_MS), 'day');
  if (ms >= 2 * HOUR_MS) return counted(Math.round(ms / HOUR_MS), 'hour');
  return ms > 0 && ms < MINUTE_MS ? 'under 1 min' : `${number(Math.round(ms / MINUTE_MS))} min`;
}

function notesOf({ notes, unlisted }: Report): Html {
  const far =
    unlisted > 0 &&
    html`<li>${counted(unlisted, 'message')} with domains that are too many to tell apart are in the shares, but in no list of domains.</li>`;
  if (notes.length === 0 && unlisted === 0) return html``;
  return html`<ul class="steps">${notes.slice(0, MOST.gaps).map((note) => html`<li>${prose(note)}</li>`)}${far}</ul>\n`;
}

function check(report: Report): Html {
  const { from, to, records, heads, tables } = report;
  const ours = heads.filter(({ note }) => note !== '');
  const shown = ours.slice(0, MOST_HEADS);
  const untold = heads.length - ours.length;
  return html`<div><h3 id="check">Check it yourself</h3></div>
<ol class="steps">
<li>Are the records those that were written then? This recomputes the tree of each day and compares it with the signed checkpoints; the key is a copy of <code>evidence.pub</code> that was kept elsewhere.
${paste(html`tlsward evidence verify --key evidence.pub`)}</li>
<li>Does this report say what the records say? This counts all ${counted(records, 'record')} anew.
${paste(html`tlsward report --check --since ${from} --until ${to}`)}</li>
<li>Was nothing rewritten later? The last signed head of each stream stands below. Save those that were mailed to the auditor at the end of each day in a file, and compare: whatever is older than a head that was kept elsewhere cannot be changed unseen.
${paste(html`tlsward evidence consistency heads.txt --key evidence.pub`)}
${shown.map(({ stream, day, note }) => html`<p class="fine">${foreign(stream)}, ${day}:</p>${paste(lines(note.trimEnd()))}`)}${ours.length > MOST_HEADS && html`<p>${counted(ours.length - MOST_HEADS, 'other head')} are in the JSON.</p>`}${untold > 0 && html`<p class="warn">${counted(untold, 'stream has', 'streams have')} no signed head.</p>`}</li>
</ol>
${tables.slice(0, 20).map(({ host, hash }) => html`<p class="fine soft">Table in force on ${foreign(host)}, SHA-256: <code>${hash}</code></p>\n`)}`;
}
