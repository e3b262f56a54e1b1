/**
 * What others report about sessions to us: their claims, in a part of their own, with findings of their own, so that none of
 * their numbers stands beside one that comes from records.
 */
import type { Report, Reported, ReportedCause, ReportedFinding, Reporter } from '../report.ts';
import { CLAIMS, NO_REPORTS } from '../textReported.ts';
import { counted, number, percent } from '../words.ts';
import { MOST } from './links.ts';
import { foreign, type Html, html, joined, lines, prose } from './markup.ts';
import { domainName } from './names.ts';
import { none, part, paste } from './part.ts';
import { empty, figures, table } from './table.ts';
import { addUp } from './totals.ts';
import { cell, day, range } from './words.ts';

const TITLE = 'What others report about sessions to us';

const failedOf = (one: { readonly failed: number }) => one.failed;
const sessionsOf = (one: { readonly successful: number; readonly failed: number }) =>
  one.successful + one.failed;

/** Nothing where no report was ever read. */
export function reported({ reported: all }: Report): Html | null {
  if (all === null) return null;
  const about = html`Other mail servers count their sessions to ours, and send a report a day (TLSRPT, RFC 8460). Anyone can write one: names are what the reporter calls itself.`;
  const body =
    all.reports === 0
      ? none(prose(NO_REPORTS))
      : html`<p class="claim">${CLAIMS}</p>
<p>${counted(all.reports, 'report')} of ${counted(all.reporters.length + all.otherReporters, 'reporter')}: ${sessionsText(all)}.</p>
${
  all.findings.length > 0 &&
  html`<ol class="finds">
${all.findings.map((one, i) => finding(one, i))}</ol>
`
}${causes(all)}${reporters(all)}${modes(all)}`;
  return part({ id: 'reported', title: TITLE, about, body });
}

/** `14 of 120 sessions failed (11.7 %)`. */
function sessionsText({ successful, failed }: Reported): string {
  const all = successful + failed;
  if (failed === 0) return all === 0 ? 'no sessions' : `${counted(all, 'session')}, none failed`;
  return `${number(failed)} of ${counted(all, 'session')} failed (${percent(failed, all)})`;
}

function finding(it: ReportedFinding, index: number): Html {
  const row =
    it.cause !== null && it.cause < MOST.reportedCauses
      ? `reported-cause-${it.cause + 1}`
      : it.reporter !== null && it.reporter < MOST.reporters
        ? `reporter-${it.reporter + 1}`
        : 'reported';
  return html`<li id="reported-find-${index + 1}"${it.harm && html` class="harm"`}><div><a class="big" href="#${row}">${number(it.count)}</a> <span class="fine unit">${it.unit}</span></div>
<div class="what"><h3>${foreign(it.title)}</h3>
<p>${prose(it.text)}</p>
${it.paste !== '' && paste(lines(it.paste))}</div></li>
`;
}

function causes({ causes: all, otherCauses }: Reported): Html | false {
  if (all.length === 0) return false;
  return table<ReportedCause>({
    id: 'reported-cause',
    label: 'Reported causes of failed sessions',
    caption: html`<b>Failed sessions, by cause.</b> As reported. Of all sessions with the same policy in those reports.${otherCauses > 0 && ` ${counted(otherCauses, 'other cause')} ${otherCauses === 1 ? 'is' : 'are'} not told apart.`}`,
    columns: [
      {
        head: 'Cause',
        gloss: 'RFC 8460 section 4.3',
        said: true,
        cell: (one) =>
          html`${one.result === '' ? html`<span class="zero">not named</span>` : foreign(one.result)}${one.reason !== '' && html`<br><small>${foreign(one.reason)}</small>`}`,
      },
      {
        head: 'At',
        gloss: 'host of ours',
        said: true,
        cell: (one) =>
          one.mxHost === '' ? html`<span class="zero">not named</span>` : domainName(one.mxHost),
      },
      {
        head: 'Failed',
        gloss: 'sessions',
        figure: true,
        cell: (one) => cell(one.sessions),
        by: (one) => one.sessions,
      },
      { head: 'Of', gloss: 'sessions', figure: true, cell: (one) => cell(one.of), by: (one) => one.of },
      {
        head: 'Reported',
        gloss: 'days, UTC',
        cell: (one) => range(one.first, one.last),
        by: (one) => timeOf(one.last),
      },
      {
        head: 'By',
        gloss: 'reporter',
        said: true,
        cell: (one) =>
          html`${nameOf(one.reporter)}<br><small>${one.current ? 'in its last report' : 'in its last report no more'}</small>`,
      },
    ],
    rows: all,
    most: MOST.reportedCauses,
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${empty(1)}${figures(addUp(hidden, (one) => one.sessions))}${empty(3)}`,
    }),
  });
}

function reporters({ reporters: all, otherReporters, successful, failed }: Reported): Html {
  return table<Reporter>({
    id: 'reporter',
    label: 'Reporters',
    caption: html`<b>Reporters.</b> The signature is what a server on the way says of the last report; tlsward checks none.`,
    columns: [
      { head: 'Reporter', gloss: 'as it calls itself', said: true, cell: (one) => nameOf(one.name) },
      {
        head: 'Reports',
        gloss: 'read',
        figure: true,
        cell: (one) => cell(one.reports),
        by: (one) => one.reports,
      },
      {
        head: 'Sessions',
        gloss: 'as reported',
        figure: true,
        cell: (one) => cell(sessionsOf(one)),
        by: sessionsOf,
      },
      {
        head: 'Failed',
        gloss: 'of these',
        figure: true,
        cell: (one) => (one.failed > 0 ? html`<span class="bad">${number(one.failed)}</span>` : cell(0)),
        by: failedOf,
      },
      {
        head: 'Last',
        gloss: 'day, UTC',
        cell: (one) => html`${day(one.last)}${one.silent && html` <span class="warn">silent since</span>`}`,
        by: (one) => timeOf(one.last),
      },
      { head: 'Signature', gloss: 'not checked here', said: true, cell: (one) => foreign(one.signature) },
    ],
    rows: all,
    most: MOST.reporters,
    find: 'Find a reporter',
    others: (hidden) => ({
      name: `${counted(hidden.length + otherReporters, 'other')}, in the CSV`,
      cells: html`${figures(
        addUp(hidden, (one) => one.reports),
        addUp(hidden, sessionsOf),
        addUp(hidden, failedOf),
      )}${empty(2)}`,
    }),
    foot: html`<tr><th scope="row">All reporters</th>${empty(1)}${figures(successful + failed, failed)}${empty(2)}</tr>`,
  });
}

function modes({ modes: all }: Reported): Html | false {
  if (all.length === 0) return false;
  const shown = all
    .slice(0, MOST.modes)
    .map(
      ({ domain, mode, last }) => html`${domainName(domain)}: <code>${mode}</code>, quoted last ${day(last)}`,
    );
  const more = all.length > MOST.modes && `, and ${counted(all.length - MOST.modes, 'other')}`;
  return html`<p class="fine">MTA-STS policies as reporters saw them: ${joined(shown, '; ')}${more}.</p>\n`;
}

function nameOf(name: string): Html {
  return name === '' ? html`<span class="zero">nobody named</span>` : foreign(name);
}

function timeOf(text: string): number {
  return Date.parse(text) || 0;
}
