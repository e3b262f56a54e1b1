/** Partners whose mail must be protected: what was kept and what was not, why not, and on which days. */

import { daysBetween } from '../days.ts';
import type { Cause, Partner, Report } from '../report.ts';
import { LEVELS } from '../report.ts';
import { counted, LEVEL_WORDS, number, percent, shortDay } from '../words.ts';
import { levelWord } from './glossary.ts';
import { MOST, type RowLink } from './links.ts';
import { command, foreign, type Html, html } from './markup.ts';
import { domainName } from './names.ts';
import { none, part } from './part.ts';
import { spark } from './plot.ts';
import { empty, figures, table } from './table.ts';
import { addUp, isLoss, notKept } from './totals.ts';
import { cell, day, range } from './words.ts';

/** Days of a small plot. */
const MOST_DAYS = 3700;

export function partners(report: Report, link: RowLink): Html {
  const { partners: all, causes } = report;
  const messages = addUp(all, (one) => one.messages);
  const kept = addUp(all, (one) => one.kept);
  const domains = new Set(all.map(({ domain }) => domain)).size;
  return part({
    id: 'partners',
    title: 'Partners with required TLS',
    about:
      all.length === 0
        ? html`Partners for whom the table demands a level of TLS.`
        : html`${counted(domains, 'partner')}. ${percent(kept, messages)} of their messages met what the table demands. Those with losses come first.`,
    body:
      all.length === 0
        ? html`${none('No mail that is recorded was under a row that requires TLS.')}${causes.length > 0 && causesTable(causes)}`
        : html`${partnersTable(report, link)}${causesTable(causes)}${daysTable(report)}`,
  });
}

function partnersTable(report: Report, link: RowLink): Html {
  const all = report.partners;
  const days = daysBetween(report.from, report.to, MOST_DAYS);
  const dayIndex = new Map(days.map((one, i) => [one, i]));
  const firstDay = dayRows(all);
  const count = (rows: readonly Partner[]) =>
    figures(
      addUp(rows, (one) => one.messages),
      addUp(rows, (one) => one.kept),
      addUp(rows, (one) => one.passed),
      addUp(rows, (one) => one.refused),
      addUp(rows, (one) => one.failed),
    );
  const toCauses = ({ domain, way }: Partner, n: number, bad: boolean) =>
    n === 0
      ? cell(0)
      : html`<a href="${link('causes', `${domain} ${way}`)}"${bad && html` class="bad"`}>${number(n)}</a>`;
  return table<Partner>({
    id: 'partners',
    label: 'Partners with required TLS',
    caption: html`Messages per recipient. Messages = kept + let pass + refused + failed. The messages themselves: <code>${command(`tlsward evidence export --partner DOMAIN --from ${report.from} --to ${report.to}`)}</code>`,
    columns: [
      { head: 'Partner', gloss: 'domain', cell: (one) => domainName(one.domain) },
      { head: 'Way', gloss: 'in or out', pick: 'Way', cell: (one) => html`${one.way}` },
      {
        head: 'Level',
        gloss: 'required',
        cell: (one) =>
          html`${levelWord(one.level)}${one.observed && html` <small>observed</small>`}${one.at !== '' && html`<span class="unseen"> by ${one.at}</span>`}`,
      },
      { head: 'Messages', gloss: 'all of them', figure: true, cell: (one) => cell(one.messages) },
      { head: 'Kept', gloss: 'level met', figure: true, cell: (one) => cell(one.kept) },
      { head: 'Let pass', gloss: 'below it', figure: true, cell: (one) => toCauses(one, one.passed, false) },
      { head: 'Refused', gloss: 'by us', figure: true, cell: (one) => toCauses(one, one.refused, true) },
      { head: 'Failed', gloss: 'to arrive', figure: true, cell: (one) => toCauses(one, one.failed, true) },
      {
        head: 'Weakest',
        gloss: 'TLS seen',
        cell: weakest,
        by: (one) => (one.weakest === null ? -1 : LEVELS.indexOf(one.weakest)),
      },
      {
        head: 'Not kept',
        gloss: 'by day, own scale',
        cell: (one, i) => pattern(one, days.length, dayIndex, firstDay.get(i)),
        by: notKept,
      },
    ],
    rows: all,
    most: MOST.partners,
    find: 'Find a partner',
    style: 'dense',
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${empty(2)}${count(hidden)}${empty(2)}`,
    }),
    foot: html`<tr><th scope="row">All partners</th>${empty(2)}${count(all)}${empty(2)}</tr>`,
  });
}

function weakest({ weakest: level }: Partner): Html {
  if (level === null) return html`<span class="zero">none seen</span>`;
  const bad = level === 'plain' || level === 'older';
  return bad
    ? html`<span class="${level === 'plain' ? 'bad' : 'warn'}">${LEVEL_WORDS[level]}</span>`
    : html`${LEVEL_WORDS[level]}`;
}

function pattern(
  one: Partner,
  days: number,
  index: ReadonlyMap<string, number>,
  row: string | undefined,
): Html {
  if (notKept(one) === 0) return html`<span class="zero">all kept</span>`;
  const counts = new Array<number>(Math.max(days, 1)).fill(0);
  let most = 0;
  for (const { day: at, count } of one.notKept) {
    const i = index.get(at);
    if (i !== undefined) counts[i] = count;
    most = Math.max(most, count);
  }
  if (days < 2) return html`${number(notKept(one))}`;
  const last = one.notKept.at(-1);
  if (last === undefined) return html`<span class="zero">days not known</span>`;
  const words = `Not kept on ${number(one.notKept.length)} of ${counted(days, 'day')}, at most ${number(most)}, last ${shortDay(last.day)}`;
  return row === undefined ? spark(counts, words) : html`<a href="#${row}">${spark(counts, words)}</a>`;
}

function causesTable(causes: readonly Cause[]): Html {
  if (causes.length === 0) return html``;
  const all = addUp(causes, (one) => one.messages);
  return table<Cause>({
    id: 'causes',
    label: 'What was not kept, by cause',
    caption: html`<b>By cause: ${counted(all, 'message')} not kept.</b> <code>tlsward trace</code> with the example shows one of them from end to end.`,
    columns: [
      { head: 'Partner', gloss: 'domain', cell: (one) => domainName(one.domain) },
      { head: 'Way', gloss: 'in or out', pick: 'Way', cell: (one) => html`${one.way}` },
      { head: 'Outcome', gloss: 'what became of it', pick: 'Outcome', cell: outcome },
      { head: 'Messages', gloss: 'per recipient', figure: true, cell: (one) => cell(one.messages) },
      { head: 'Cause', gloss: 'as the records tell', said: true, cell: (one) => foreign(one.cause) },
      { head: 'Seen', gloss: 'first to last day', cell: (one) => range(one.first, one.last) },
      {
        head: 'Example',
        gloss: 'code or queue id',
        cell: (one) =>
          one.example === '' ? html`<span class="zero">none</span>` : html`<code>${one.example}</code>`,
      },
    ],
    rows: causes,
    most: MOST.causes,
    find: 'Find a cause',
    style: 'dense',
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${empty(2)}${figures(addUp(hidden, (one) => one.messages))}${empty(3)}`,
    }),
    foot: html`<tr><th scope="row">All causes</th>${empty(2)}${figures(all)}${empty(3)}</tr>`,
  });
}

function outcome({ outcome: what }: Cause): Html {
  return isLoss(what) ? html`<span class="bad">${what}</span>` : html`${what}`;
}

interface NotKeptDay {
  readonly partner: Partner;
  readonly day: string;
  readonly count: number;
}

/** One line for each partner and day, for those that are shown; bounded. */
function notKeptDays(all: readonly Partner[]): NotKeptDay[] {
  const rows: NotKeptDay[] = [];
  for (const partner of all.slice(0, MOST.partners))
    for (const { day: at, count } of partner.notKept) rows.push({ partner, day: at, count });
  return rows;
}

/** By the index of a partner: the row of its first day. */
function dayRows(all: readonly Partner[]): Map<number, string> {
  const found = new Map<number, string>();
  let at = 0;
  for (const [i, partner] of all.slice(0, MOST.partners).entries()) {
    if (partner.notKept.length > 0 && at < MOST.notKept) found.set(i, `not-kept-${at + 1}`);
    at += partner.notKept.length;
  }
  return found;
}

function daysTable({ partners: all }: Report): Html {
  const rows = notKeptDays(all);
  if (rows.length === 0) return html``;
  return html`<details id="not-kept-days"><summary>Not kept, by partner and day, in numbers</summary>
${table<NotKeptDay>({
  id: 'not-kept',
  label: 'Not kept, by partner and day',
  caption: html`<b>Not kept, by partner and day.</b> Let pass, refused and failed together; days without any are left out.`,
  columns: [
    { head: 'Partner', gloss: 'domain', cell: (one) => domainName(one.partner.domain) },
    { head: 'Way', gloss: 'in or out', cell: (one) => html`${one.partner.way}` },
    { head: 'Level', gloss: 'required', cell: (one) => html`${one.partner.level}` },
    { head: 'Day', gloss: 'UTC', cell: (one) => day(one.day) },
    { head: 'Not kept', gloss: 'messages per recipient', figure: true, cell: (one) => cell(one.count) },
  ],
  rows,
  most: MOST.notKept,
  style: 'days',
  others: (hidden) => ({
    name: `${counted(hidden.length, 'other line')}, in the CSV`,
    cells: html`${empty(3)}${figures(addUp(hidden, (one) => one.count))}`,
  }),
})}</details>
`;
}
