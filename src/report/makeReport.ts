/**
 * Counts, the table and signed heads to what the report says. Pure: the same arguments always give the same report, so that
 * page, text, CSV and JSON of one run cannot differ.
 */
import type { Counts, Way } from '../tally/counts.ts';
import type { Tallies } from '../tally/tallies.ts';
import { answerOf } from './answer.ts';
import { plainDomains, readyDomains, weakSessions } from './domains.ts';
import { datedExceptions } from './exceptions.ts';
import { findingsOf } from './findings.ts';
import type { Cause, Partner, Report, ReportGap, WayCounts, WayShare } from './report.ts';
import type { StandingTable } from './standing.ts';
import { concernsWay, LEAST_MESSAGES, suggestionsOf } from './suggestions.ts';
import { sum } from './words.ts';

/** What is not in the records. */
export interface ReportFacts {
  /** ISO 8601. */
  readonly made: string;
  /** The command that makes this report again, without `--format` and `--output`. */
  readonly command: string;
  readonly partner: string | null;
  readonly way: Way | null;
  /** null: it could not be read, and `tableTrouble` says why. */
  readonly table: StandingTable | null;
  readonly tableTrouble: string;
  readonly heads: Report['heads'];
  /** What others report of the period; null: nothing was ever read. */
  readonly reported: Report['reported'];
  /** Why it cannot be read; ''. */
  readonly reportedTrouble: string;
}

const STREAM_OF: Readonly<Record<Way, string>> = { in: 'daemon', out: 'collector' };

export function makeReport(tallies: Tallies, facts: ReportFacts): Report {
  const { made, command, partner, way, table, heads } = facts;
  const asked = (one: Way): boolean => way === null || way === one;
  const share = { in: shareOf(tallies, 'in'), out: shareOf(tallies, 'out') };
  const suggestions = (table === null ? [] : suggestionsOf(tallies, table)).filter(
    (one) => (way === null || concernsWay(one, way)) && (partner === null || one.pattern === partner),
  );
  const parts = {
    hosts: tallies.hosts,
    from: tallies.from,
    to: tallies.to,
    made,
    partner,
    way,
    command,
    records: tallies.records,
    unlisted: sum(tallies.others.in) + sum(tallies.others.out),
    tables: tallies.tables,
    share,
    partners: partnersOf(tallies, asked),
    causes: causesOf(tallies, asked),
    plain: plainDomains(tallies, table, asked),
    ready: readyDomains(tallies, table === null ? null : suggestions, asked),
    readyLeast: LEAST_MESSAGES,
    weak: weakSessions(tallies, asked),
    exceptions: datedExceptions(tallies, table, partner),
    gaps: gapsOf(tallies, asked),
    notes: [...unfinished(tallies, facts), ...notesOf(tallies, facts)],
    heads: heads.filter(({ stream }) => way === null || stream.endsWith(STREAM_OF[way])),
    // it is about sessions to us, whoever the author of the mail is
    reported: partner === null && way !== 'out' ? facts.reported : null,
  };
  const findings = findingsOf(parts, { table, suggestions });
  return { ...parts, ...answerOf(parts), findings };
}

function wayCounts(counts: Counts): WayCounts {
  const { tls13, tls12, older, plain, unknown } = counts;
  return {
    travelled: { tls13, tls12, older, plain, unknown },
    refused: counts.refused + counts.putOff,
    failed: counts.returned + counts.waiting,
    otherFailed: counts.otherFailed,
  };
}

function shareOf({ total, days, sessions, recordedDays }: Tallies, way: Way): WayShare {
  return {
    ...wayCounts(total[way]),
    days: days.map((one) => ({ day: one.day, ...wayCounts(one[way]) })),
    sessions: sessions[way],
    inside: total[way].inside,
    recordedDays: recordedDays[way],
  };
}

/** Those with losses first: what failed or was refused, then what passed, then by volume. */
function partnersOf({ partners }: Tallies, asked: (way: Way) => boolean): Partner[] {
  const all = partners.flatMap((one): Partner[] => {
    const { kept, passed } = one;
    const refused = one.requiredRefused + one.requiredPutOff;
    const failed = one.requiredReturned + one.requiredWaiting;
    const messages = kept + passed + refused + failed;
    if (messages === 0 || !asked(one.way)) return [];
    const { domain, way, weakest, notKept, required } = one;
    const row = {
      level: required?.level ?? '',
      at: required?.at ?? '',
      observed: required?.observed ?? false,
    };
    return [{ domain, way, ...row, messages, kept, passed, refused, failed, weakest, notKept }];
  });
  return all.sort(
    (a, b) =>
      b.failed - a.failed ||
      b.refused - a.refused ||
      b.passed - a.passed ||
      b.messages - a.messages ||
      (a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : 0),
  );
}

const OUTCOMES: readonly Cause['outcome'][] = ['returned', 'waiting', 'refused', 'put off', 'let pass'];

function causesOf({ causes }: Tallies, asked: (way: Way) => boolean): Cause[] {
  return causes
    .filter(({ way }) => asked(way))
    .map(({ domain, way, outcome, cause, count, first, last, example, peer }) => {
      const side = peer === '' ? '' : way === 'in' ? `, most from ${peer}` : `, most with ${peer}`;
      return { domain, way, outcome, messages: count, cause: `${cause}${side}`, first, last, example };
    })
    .sort(
      (a, b) =>
        Math.trunc(OUTCOMES.indexOf(a.outcome) / 2) - Math.trunc(OUTCOMES.indexOf(b.outcome) / 2) ||
        b.messages - a.messages,
    );
}

function gapsOf({ gaps }: Tallies, asked: (way: Way) => boolean): ReportGap[] {
  const away = (['in', 'out'] as const).filter((way) => !asked(way)).map((way) => STREAM_OF[way]);
  return gaps
    .filter(({ stream }) => !away.includes(stream))
    .map(({ host, stream, directory, from, to, count, why }) => ({
      where: `${host === '' ? directory : host}, ${stream}`,
      from,
      to,
      count,
      why,
    }));
}

function unfinished({ to }: Tallies, { made }: ReportFacts): string[] {
  if (to !== made.slice(0, 10)) return [];
  return [`The last day is not over: it is counted up to ${made.slice(11, 16)} UTC.`];
}

function notesOf(
  { unreadable, notes, otherCauses, tables }: Tallies,
  { table, tableTrouble, reportedTrouble }: ReportFacts,
): string[] {
  const said = [...notes];
  if (unreadable > 0)
    said.push(
      `${unreadable} lines of the evidence are no records, and are not counted: tlsward evidence verify.`,
    );
  if (otherCauses > 0)
    said.push(`The causes of ${otherCauses} messages are not told apart: there are too many.`);
  if (reportedTrouble !== '') said.push(`What others report cannot be read (${reportedTrouble}).`);
  if (table === null)
    said.push(
      `The configuration was not read (${tableTrouble}): rows and exceptions are those that the records name, and no rows are proposed.`,
    );
  else if (tables.length > 0 && !tables.some(({ hash }) => hash === table.hash))
    said.push(
      'The configuration that was read is not the table that decided last: it was changed since, or belongs to another host.',
    );
  return said;
}
