/**
 * A report as one CSV file: the first column names the part that a line belongs to, each part uses some of the columns, and
 * the others are empty. Pure. Cells cannot begin a formula (trace/csv.ts).
 */
import { csvLine } from '../trace/csv.ts';
import { LEVELS, type Report, type Way, type WayCounts } from './report.ts';
import { spoken, sum } from './words.ts';

/** Columns in their order. */
const REPORT_COLUMNS = [
  'part',
  'way',
  'day',
  'domain',
  'level',
  'row',
  'observed',
  'messages',
  ...LEVELS,
  'share',
  'refused',
  'failed',
  'other_failed',
  'inside',
  'sessions',
  'tls_sessions',
  'kept',
  'passed',
  'in',
  'out',
  'outcome',
  'cause',
  'first',
  'last',
  'example',
  'weakest',
  'receive',
  'deliver',
  'protocol',
  'cipher',
  'state',
  'until',
  'changes',
  'reason',
  'where',
  'from',
  'to',
  'records',
  'title',
  'text',
  'paste',
] as const;

type Cells = Readonly<Partial<Record<(typeof REPORT_COLUMNS)[number], string | number>>>;

/** Lines with CR LF, the names of the columns first. */
export function reportCsv(report: Report): string {
  const lines = [
    ...about(report),
    ...findings(report),
    ...shares(report),
    ...partners(report),
    ...domains(report),
  ];
  lines.push(...ground(report), ...reported(report));
  return [
    csvLine(REPORT_COLUMNS),
    ...lines.map((cells) => csvLine(REPORT_COLUMNS.map((column) => cells[column]))),
  ].join('');
}

function about({ from, to, records, hosts, command, answer, lead, notes, made }: Report): Cells[] {
  return [
    {
      part: 'report',
      where: hosts.join(' '),
      from,
      to,
      records,
      last: made,
      title: answer.map(({ text }) => text).join(''),
      text: lead,
      paste: command,
    },
    ...notes.map((text): Cells => ({ part: 'note', text })),
  ];
}

/** A line for each, and one for each line to paste. */
function findings({ findings: all }: Report): Cells[] {
  return all.flatMap(({ kind, count, unit, domains, title, text, paste, rows }): Cells[] => [
    {
      part: 'finding',
      outcome: kind,
      messages: count,
      reason: unit,
      domain: domains.slice(0, 100).join(' '),
      title,
      text,
      where: `${rows.part} ${rows.key}`.trimEnd(),
    },
    ...(paste === '' ? [] : paste.split('\n')).map(
      (line): Cells => ({ part: 'paste', outcome: kind, paste: line }),
    ),
  ]);
}

function counts({ travelled, refused, failed, otherFailed }: WayCounts): Cells {
  return { messages: sum(travelled), ...travelled, refused, failed, other_failed: otherFailed };
}

function shares(report: Report): Cells[] {
  const ways = (['in', 'out'] as const).filter((way) => spoken(report, way));
  return ways.flatMap((way: Way): Cells[] => {
    const { sessions, inside, days, recordedDays } = report.share[way];
    const known = sessions === null ? {} : { sessions: sessions.all, tls_sessions: sessions.tls };
    // 0 would say that there was no mail
    if (recordedDays === 0) return [{ part: 'share', way, text: 'not recorded' }];
    return [
      { part: 'share', way, ...counts(report.share[way]), inside, ...known },
      ...days.map((one) => ({ part: 'day', way, day: one.day, ...counts(one) })),
    ];
  });
}

function partners({ partners: all, causes }: Report): Cells[] {
  return [
    ...all.flatMap(({ domain, way, level, at, observed, notKept, weakest, ...rest }): Cells[] => [
      {
        part: 'partners',
        way,
        domain,
        level,
        row: at,
        observed: observed ? 'yes' : 'no',
        weakest: weakest ?? '',
        ...rest,
      },
      ...notKept.map(
        ({ day, count }): Cells => ({
          part: 'not-kept',
          way,
          domain,
          day,
          messages: count,
        }),
      ),
    ]),
    ...causes.map((one): Cells => ({ part: 'causes', ...one })),
  ];
}

function domains({ plain, ready, weak }: Report): Cells[] {
  return [
    ...plain.map(
      ({ domain, in: came, out, share, last, row }): Cells => ({
        part: 'plain',
        domain,
        in: came,
        out,
        share: Math.round(share * 1e4) / 1e4,
        last,
        row,
      }),
    ),
    ...ready.map((one): Cells => ({ part: 'ready', ...one })),
    ...weak.map(
      (one): Cells => ({
        part: 'weak',
        protocol: one.protocol,
        cipher: one.cipher,
        in: one.in,
        out: one.out,
        domain: one.domains.join(' '),
        records: one.otherDomains,
        cause: one.why,
      }),
    ),
  ];
}

function ground({ exceptions, gaps, heads, tables }: Report): Cells[] {
  return [
    ...exceptions.map(
      ({ pattern, changes, at, ...rest }): Cells => ({
        part: 'exceptions',
        domain: pattern,
        row: at,
        changes: changes.join(', '),
        ...rest,
      }),
    ),
    ...gaps.map(
      ({ where, from, to, count, why }): Cells => ({
        part: 'gaps',
        where,
        from,
        to,
        records: count ?? 'not known',
        cause: why,
      }),
    ),
    ...tables.map(
      ({ host, hash, since }): Cells => ({ part: 'table', where: host, text: hash, first: since }),
    ),
    ...heads.map(({ stream, day, note }): Cells => {
      const [, size, root] = note.split('\n');
      return { part: 'head', where: stream, day, records: Number(size), text: root ?? '' };
    }),
  ];
}

/** What others claim has names of parts of its own, so that no sum of a spreadsheet takes it for records. */
function reported({ reported: all }: Report): Cells[] {
  if (all === null) return [];
  const { reports, successful, failed, reporters, causes, findings: found, modes } = all;
  return [
    { part: 'reported', records: reports, sessions: successful + failed, failed },
    ...found.flatMap(({ kind, count, unit, title, text, paste }): Cells[] => [
      { part: 'reported-finding', outcome: kind, sessions: count, reason: unit, title, text },
      ...(paste === '' ? [] : paste.split('\n')).map(
        (line): Cells => ({ part: 'reported-paste', outcome: kind, paste: line }),
      ),
    ]),
    ...reporters.map(
      (one): Cells => ({
        part: 'reported-by',
        where: one.name,
        records: one.reports,
        sessions: one.successful + one.failed,
        failed: one.failed,
        first: one.first,
        last: one.last,
        state: one.silent ? 'silent' : '',
        reason: one.signature,
      }),
    ),
    ...causes.map(
      (one): Cells => ({
        part: 'reported-cause',
        where: one.reporter,
        domain: one.domains.join(' '),
        outcome: one.result,
        level: one.mxHost,
        sessions: one.of,
        failed: one.sessions,
        first: one.first,
        last: one.last,
        state: one.current ? 'in its last report' : 'no more',
        reason: one.reason,
        example: one.from.join(' '),
      }),
    ),
    ...modes.map(
      (one): Cells => ({
        part: 'reported-mode',
        domain: one.domain,
        state: one.mode,
        first: one.first,
        last: one.last,
        sessions: one.successful + one.failed,
        failed: one.failed,
      }),
    ),
  ];
}
