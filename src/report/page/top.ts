/**
 * The top of the page: the answer in a sentence, each part with its key figure, and what the report rests on.
 */
import { numberWord } from '../answer.ts';
import { daysBetween } from '../days.ts';
import type { Report } from '../report.ts';
import { counted, number, percent, protectedOf, sum } from '../words.ts';
import { GLOSSARY } from './glossary.ts';
import { foreign, type Html, html, joined, prose } from './markup.ts';
import { domainName } from './names.ts';
import { addUp, isOld, totalsOf } from './totals.ts';
import { day, moment, span } from './words.ts';

/** Characters of a part of the answer. */
const MAX_ANSWER = 1000;
/** Days of a report that are counted: a century. */
const MOST_DAYS = 36_525;

export function top(report: Report): Html {
  return html`<header class="part top">
<div class="rail"><div class="brand"><i></i>tlsward</div>
<h1>${titleOf(report)}</h1></div>
<div class="body">
<p class="answer">${report.answer.map((piece) => answerPart(report, piece))}</p>
<p class="lead">${prose(report.lead)}</p>
<nav aria-label="Contents"><ul class="glance">
${glance(report).map(
  ({ id, name, figure: key, bad }) =>
    html`<li><a href="#${id}"><span>${name}</span><b${bad && html` class="bad"`}>${key}</b></a></li>\n`,
)}</ul></nav>
</div>
<dl class="facts">
${facts(report).map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>\n`)}</dl>
</header>
`;
}

/** `How mail was protected, 30 October to 28 November 2026`. */
export function titleOf({ partner, way, from, to }: Report): string {
  const what = way === null ? 'mail' : way === 'in' ? 'inbound mail' : 'outbound mail';
  return `How ${what}${partner === null ? '' : ` with ${partner}`} was protected, ${span(from, to)}`;
}

/** Where a part names harm, the domains in it that a finding is about lead to that finding. */
function answerPart({ findings }: Report, { text, harm }: Report['answer'][number]): Html {
  if (!harm) return foreign(text);
  const pieces: Html[] = [];
  let plain = '';
  for (const word of text.slice(0, MAX_ANSWER).split(/(\s+|,|\.(?=\s|$))/)) {
    const at = word.includes('.') ? findings.findIndex(({ domains }) => domains.includes(word)) : -1;
    if (at === -1) plain += word;
    else {
      pieces.push(html`${foreign(plain)}<a href="#find-${at + 1}">${domainName(word)}</a>`);
      plain = '';
    }
  }
  return pieces.length === 0 ? html`<em>${foreign(plain)}</em>` : html`${pieces}${foreign(plain)}`;
}

function weakFigure({ weak }: Report): string {
  const count = (old: boolean) =>
    addUp(
      weak.filter((one) => isOld(one) === old),
      (one) => one.in + one.out,
    );
  const [old, ageing] = [count(true), count(false)];
  const parts = [old > 0 && `${number(old)} older`, ageing > 0 && `${number(ageing)} ageing`];
  return parts.filter((one) => one !== false).join(', ');
}

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly figure: string;
  readonly bad?: boolean;
}

/** Are there records of any day? Without them, nothing is as good as unknown. */
export function isKnown({ share }: Report): boolean {
  return share.in.recordedDays + share.out.recordedDays > 0;
}

export function findingsTitle(report: Report): string {
  const count = report.findings.length;
  if (count === 0) return isKnown(report) ? 'Nothing to do' : 'Nothing is known';
  return count === 1 ? 'Do this one thing' : `Do these ${numberWord(count)} things`;
}

function glance(report: Report): Entry[] {
  const { findings, partners, ready, exceptions, gaps } = report;
  const totals = totalsOf(report);
  const overdue = exceptions.filter(({ state }) => state === 'overdue').length;
  const inForce = exceptions.filter(({ state }) => state === 'in force').length;
  const dated = [overdue > 0 && `${overdue} overdue`, inForce > 0 && `${inForce} in force`];
  const nothing = isKnown(report) ? 'none' : 'not known';
  // what is unknown may have been such
  const unseen = isKnown(report) ? 'none known' : 'not known';
  const kept =
    totals.notKept === 0 ? 'all kept' : `${number(totals.notKept)} of ${number(totals.required)} not kept`;
  return [
    {
      id: 'findings',
      name: findingsTitle(report),
      figure: findings.length === 0 ? nothing : counted(findings.length, 'finding'),
      bad: findings.some(({ harm }) => harm),
    },
    { id: 'share', name: 'Protected share', figure: shares(report) },
    {
      id: 'partners',
      name: 'Partners with required TLS',
      figure: partners.length === 0 ? nothing : kept,
      bad: totals.notKept > 0,
    },
    {
      id: 'plain',
      name: 'Plaintext still in use',
      figure: totals.plain === 0 ? unseen : counted(totals.plain, 'message'),
    },
    {
      id: 'ready',
      name: 'Always on TLS, not yet required',
      figure: ready.length === 0 ? nothing : counted(ready.length, 'domain'),
    },
    {
      id: 'weak',
      name: 'Weak protocols and ciphers',
      figure: weakFigure(report) || unseen,
    },
    {
      id: 'exceptions',
      name: 'Exceptions',
      figure:
        dated.filter((text) => text !== false).join(', ') || (exceptions.length === 0 ? 'none' : 'all ended'),
      bad: overdue > 0,
    },
    {
      id: 'gaps',
      name: 'Gaps, and how to check this report',
      figure: gaps.length === 0 ? (isKnown(report) ? 'no gaps' : 'no records') : counted(gaps.length, 'gap'),
    },
    ...reportedEntry(report),
    { id: 'glossary', name: 'Glossary', figure: counted(GLOSSARY.length, 'word') },
  ];
}

/** Red for what fails by the last reports; the name says whose claim it is. */
function reportedEntry({ reported: all }: Report): Entry[] {
  if (all === null) return [];
  const figure =
    all.reports === 0
      ? 'no reports'
      : all.failed === 0
        ? counted(all.reports, 'report')
        : `${counted(all.failed, 'session')} failed`;
  return [{ id: 'reported', name: 'What others report', figure, bad: all.findings.some(({ harm }) => harm) }];
}

function shares(report: Report): string {
  const { share } = report;
  const known = (['in', 'out'] as const).filter((way) => sum(share[way].travelled) > 0);
  return (
    known
      .map((way) => `${way} ${percent(protectedOf(share[way].travelled), sum(share[way].travelled))}`)
      .join(', ') || (isKnown(report) ? 'no mail' : 'not known')
  );
}

function facts(report: Report): [string, Html][] {
  const { hosts, from, to, made, records, gaps, tables, share } = report;
  const days = daysBetween(from, to, MOST_DAYS).length;
  const recorded = Math.max(share.in.recordedDays, share.out.recordedDays);
  const none = isKnown(report) ? 'no gaps' : 'nothing is known';
  const gapsOf = gaps.length === 0 ? html`${none}` : html`<a href="#gaps">${counted(gaps.length, 'gap')}</a>`;
  return [
    [
      hosts.length === 1 ? 'Host' : 'Hosts',
      hosts.length === 0 ? html`not named` : joined(hosts.slice(0, 20).map(foreign), ', '),
    ],
    [
      'Period',
      html`${from === to ? day(from, true) : html`${day(from)} to ${day(to, true)}, ${counted(days, 'day')}`}, UTC`,
    ],
    ['Generated', html`${moment(made, true)} UTC`],
    [
      'Evidence',
      html`${number(recorded)} of ${counted(days, 'day')}, ${counted(records, 'record')}, ${gapsOf}`,
    ],
    ['Table', tables.length === 0 ? html`not named by the records` : tablesOf(tables)],
    ['What is counted', html`Messages per recipient: a message to three people counts three times.`],
  ];
}

function tablesOf(tables: Report['tables']): Html {
  const same = new Set(tables.map(({ hash }) => hash)).size === 1;
  const each = (same ? tables.slice(0, 1) : tables.slice(0, 10)).map(
    ({ host, hash, since }) =>
      html`${!same && html`${foreign(host)}: `}<a href="#check"><code>${hash.slice(0, 16)}</code></a>, in force since ${day(since)}`,
  );
  const more = same && tables.length > 1 && html`, on all ${addUp(tables, () => 1)} hosts`;
  return html`${joined(each, '<br>')}${more}`;
}
