/** Exceptions with an end: which are in force, which are overdue, and what they let pass. */

import { instant } from '../days.ts';
import type { DatedException, Report } from '../report.ts';
import { counted, shortDay } from '../words.ts';
import { MOST } from './links.ts';
import { foreign, type Html, html, joined } from './markup.ts';
import { domainName } from './names.ts';
import { none, part } from './part.ts';
import { empty, figures, table } from './table.ts';
import { addUp } from './totals.ts';
import { cell, day } from './words.ts';

const DAY_MS = 86_400_000;

export function exceptions({ exceptions: all, to }: Report): Html {
  const about = html`Times in which the table asks for less. After its last day an exception stays in force and is reported as overdue, because mail must not stop on a Sunday.`;
  const body =
    all.length === 0
      ? none('No exception with a last day is known in these days.')
      : table<DatedException>({
          id: 'exceptions',
          label: 'Exceptions',
          caption: html`Messages per recipient that travelled below the level of their row because of the exception, as far as the records tell.`,
          columns: [
            { head: 'Domain', gloss: 'or pattern', cell: (one) => domainName(one.pattern) },
            {
              head: `State on ${shortDay(to)}`,
              gloss: 'the last day of the report',
              cell: (one) => stateOf(one, to),
            },
            {
              head: 'Last day',
              gloss: 'as agreed',
              cell: (one) => day(one.until, one.until.slice(0, 4) !== to.slice(0, 4)),
            },
            {
              head: 'Changes',
              gloss: 'what it asks for instead',
              said: true,
              cell: (one) => joined(one.changes.map(foreign), '<br>'),
            },
            { head: 'Let pass', gloss: 'below the level', figure: true, cell: (one) => cell(one.passed) },
            {
              head: 'Reason',
              gloss: 'on record',
              said: true,
              cell: (one) =>
                html`${one.reason === '' ? html`<span class="zero">none</span>` : foreign(one.reason)}${one.at !== '' && html`<br><small>${one.at}</small>`}`,
            },
          ],
          rows: all,
          most: MOST.exceptions,
          others: (hidden) => ({
            name: `${counted(hidden.length, 'other')}, in the CSV`,
            cells: html`${empty(3)}${figures(addUp(hidden, (one) => one.passed))}${empty(1)}`,
          }),
          foot: html`<tr><th scope="row">All exceptions</th>${empty(3)}${figures(addUp(all, (one) => one.passed))}${empty(1)}</tr>`,
        });
  return part({ id: 'exceptions', title: 'Exceptions', about, body });
}

function stateOf({ state, until }: DatedException, to: string): Html {
  const days = Math.round((instant(to) - instant(until)) / DAY_MS);
  const known = !Number.isNaN(days);
  if (state === 'overdue')
    return html`<span class="bad state">overdue${known && ` by ${counted(days, 'day')}`}</span>`;
  if (state === 'in force')
    return html`<span class="state">in force${known && days < 0 && `, ${counted(-days, 'day')} left`}</span>`;
  return html`<span class="zero">${state}</span>`;
}
