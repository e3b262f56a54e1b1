/**
 * What a statement about one domain says, before it is text or HTML: facts, and the sections made of them. Pure.
 */
import { count } from '../core/plural.ts';
import type { EvidenceRecord } from '../evidence/record.ts';
import type { Gap } from './gaps.ts';
import type { CameCounts, Direction, PartnerCounts, WentCounts } from './partnerCounts.ts';
import { timeText } from './passageText.ts';
import { LIMITS, NORMS } from './statementWords.ts';

/** What is known of the days of one stream, from the run that makes the statement. */
export interface StreamHeads {
  readonly directory: string;
  readonly stream: string;
  /** The key by which heads were checked, `NAME+HASH`; or why there is none. */
  readonly key: string;
  /** Was the key one that the asker brought, not the one beside the lines? */
  readonly ownKey: boolean;
  readonly days: readonly {
    readonly day: string;
    readonly result: 'holds' | 'fails' | 'cannot-tell' | 'gone';
    readonly lines: number;
    readonly proven: number;
    readonly head: { readonly size: number; readonly root: string } | null;
  }[];
}

export type ExceptionFact = Extract<EvidenceRecord, { type: 'exception' }>;

export interface Statement {
  readonly domain: string;
  readonly from: string;
  readonly to: string;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly version: string;
  readonly counts: PartnerCounts;
  readonly exceptions: readonly ExceptionFact[];
  readonly gaps: readonly Gap[];
  readonly heads: readonly StreamHeads[];
  /** Lines about the domain that are no records. */
  readonly unreadable: number;
  /** Addresses that were named, with the pseudonyms that stand for them. */
  readonly addresses: readonly { readonly address: string; readonly pseudonyms: readonly string[] }[];
}

interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Section {
  readonly title: string;
  readonly sentences: readonly string[];
  readonly tables: readonly Table[];
}

/** Rows of a table that are shown. */
const MAX_ROWS = 20;

export function sectionsOf(statement: Statement): Section[] {
  return [
    summary(statement),
    came(statement),
    went(statement),
    demanded(statement),
    exceptions(statement),
    gaps(statement),
    heads(statement),
    ...hosts(statement),
    ...addresses(statement),
    { title: 'What this can be used for', sentences: NORMS.before, tables: [NORMS.table] },
    { title: 'What it does not say', sentences: LIMITS, tables: [] },
  ];
}

const sum = (values: Readonly<Record<string, number>>): number =>
  Object.values(values).reduce((total, one) => total + one, 0);

/** Has any host records of that stream over this time? Without them a figure of 0 would say what nobody knows. */
function recorded({ heads }: Statement, name: 'daemon' | 'collector'): boolean {
  return heads.some(({ stream, days }) => stream === name && days.some(({ lines }) => lines > 0));
}

const NO_RECORDS = {
  daemon: 'How mail came is not recorded: no host has records of the daemon over this time.',
  collector: 'How mail left is not recorded: no host has records of `tlsward collect` over this time.',
} as const;

function summary(statement: Statement): Section {
  const { domain, to, madeAt, counts, gaps, heads, unreadable } = statement;
  const days = heads.flatMap((stream) => stream.days);
  const failing = days.filter(({ result }) => result === 'fails').length;
  const said = [
    recorded(statement, 'daemon')
      ? `From ${domain}: ${count(sum(counts.from.came.messages), 'message')} came in${without(counts.from.came.messages)}.`
      : NO_RECORDS.daemon,
    recorded(statement, 'collector')
      ? `To ${domain}: ${count(sum(counts.to.went.sent), 'recipient')} left${without(counts.to.went.sent)}.`
      : NO_RECORDS.collector,
    gaps.length === 0
      ? 'No gap in the records is known over this time.'
      : `${count(gaps.length, 'gap')} in the records over this time: the figures may be too low.`,
    failing > 0
      ? `${count(failing, 'day')} of the records DOES NOT HOLD: these figures prove nothing until that is explained.`
      : `${count(days.filter(({ result }) => result === 'holds').length, 'day')} of ${count(heads.length, 'stream')} checked in this run: none fails.`,
  ];
  if (madeAt.startsWith(to)) said.push('The last day was not over when this was made.');
  if (unreadable > 0)
    said.push(`${count(unreadable, 'line')} about this domain could not be read and are not counted.`);
  return { title: 'In short', sentences: said, tables: [] };
}

/** What is not known and what was plaintext, said in the sentence of the total. */
function without(classes: CameCounts['messages']): string {
  const total = sum(classes);
  if (total === 0) return '';
  const { verified, tls, plain, unknown, inside } = classes;
  const parts = [`${verified + tls} under TLS`, `${plain} without`, `${unknown} not known`];
  if (inside > 0) parts.push(`${inside} inside a host`);
  return `: ${parts.join(', ')}`;
}

const CLASS_COLUMNS = {
  came: ['TLS, client proven', 'TLS', 'without TLS', 'not known', 'inside a host'],
  went: ['TLS, server verified', 'TLS, server not verified', 'without TLS', 'not known', 'inside a host'],
} as const;

function classes({ verified, tls, plain, unknown, inside }: CameCounts['messages']): string[] {
  return [verified, tls, plain, unknown, inside].map(String);
}

function came(statement: Statement): Section {
  const { domain, counts } = statement;
  if (!recorded(statement, 'daemon'))
    return { title: 'How it came', sentences: [NO_RECORDS.daemon], tables: [] };
  const row = (name: string, values: CameCounts['messages']): string[] => [
    name,
    String(sum(values)),
    ...classes(values),
  ];
  const rows = (direction: Direction, name: string): string[][] => {
    const { messages, refused, answers } = counts[direction].came;
    return [
      row(`mail ${name}: accepted`, messages),
      row(`mail ${name}: refused`, refused),
      ...(sum(answers) > 0 ? [row(`mail ${name}: accepted answers without a queue id`, answers)] : []),
    ];
  };
  const breaches = counts.from.came.breaches + counts.to.came.breaches;
  return {
    title: 'How it came',
    sentences: [
      'Messages, each counted once a host. A message from and for the domain counts in both rows.',
      ...(breaches > 0
        ? [`${count(breaches, 'message')} did not meet what the row demands, and were accepted.`]
        : []),
      ...(counts.refusals > 0
        ? [
            `${count(counts.refusals, 'refusal')} by the mail server itself, for any reason, are not among them.`,
          ]
        : []),
      ...(sum(counts.from.came.answers) + sum(counts.to.came.answers) > 0
        ? ['Answers without a queue id may be about messages that are counted, too.']
        : []),
    ],
    tables: [
      {
        caption: 'Messages as they came to this host',
        columns: ['', 'all', ...CLASS_COLUMNS.came],
        rows: [...rows('from', `from ${domain}`), ...rows('to', `for ${domain}`)],
      },
    ],
  };
}

function went(statement: Statement): Section {
  const { domain, counts } = statement;
  if (!recorded(statement, 'collector'))
    return { title: 'How it left', sentences: [NO_RECORDS.collector], tables: [] };
  const row = (name: string, { sent, deferred, failed, filtered }: WentCounts): string[] => [
    name,
    String(sum(sent)),
    ...classes(sent),
    String(deferred),
    String(failed + filtered),
  ];
  return {
    title: 'How it left',
    sentences: [
      'Recipients whose next server took the message, each counted once a queue id. Attempts after which a message waited are counted beside them.',
      ...(counts.waits > 0 ? [`${count(counts.waits, 'answer')} of tlsward made mail wait.`] : []),
    ],
    tables: [
      {
        caption: 'Recipients as they left this host',
        columns: ['', 'taken', ...CLASS_COLUMNS.went, 'attempts that wait', 'failed or filtered'],
        rows: [row(`mail to ${domain}`, counts.to.went), row(`mail from ${domain}`, counts.from.went)],
      },
    ],
  };
}

function demanded({ counts }: Statement): Section {
  const rows = counts.rows.map(({ pattern, at, level, mode, count: answers }) => [
    pattern,
    level,
    mode,
    at,
    String(answers),
  ]);
  return {
    title: 'What was demanded of mail that came',
    sentences: rows.length === 0 ? ['No row of the table decided.'] : [],
    tables:
      rows.length === 0
        ? []
        : [
            cut({
              caption: 'Rows that decided',
              columns: ['row', 'level', 'mode', 'where', 'answers'],
              rows,
            }),
          ],
  };
}

function cut(table: Table): Table {
  const more = table.rows.length - MAX_ROWS;
  if (more <= 0) return table;
  const last = [`and ${more} more`, ...table.columns.slice(1).map(() => '')];
  return { ...table, rows: [...table.rows.slice(0, MAX_ROWS), last] };
}

function exceptions({ exceptions: all }: Statement): Section {
  const rows = all.map(({ time, host, change, pattern, until, reason, changes = [] }) => [
    time.slice(0, 10),
    host,
    change,
    pattern,
    until,
    changes.join('; ').replaceAll('\u2192', '->'),
    reason,
  ]);
  const columns = ['day', 'host', 'what', 'row', 'until', 'changes', 'reason'];
  return {
    title: 'Exceptions',
    sentences: rows.length === 0 ? ['None is recorded over this time.'] : [],
    tables: rows.length === 0 ? [] : [cut({ caption: 'Dated exceptions', columns, rows })],
  };
}

function gaps({ gaps: all }: Statement): Section {
  const rows = all.map(({ from, to, host, stream, count: missing, why }) => [
    timeText(from),
    timeText(to),
    host === '' ? stream : `${stream} on ${host}`,
    missing === null ? 'not known' : String(missing),
    why,
  ]);
  return {
    title: 'Gaps in the records',
    sentences: rows.length === 0 ? ['None is known. What was never noticed cannot be known here.'] : [],
    tables:
      rows.length === 0
        ? []
        : [
            cut({
              caption: 'Time without records',
              columns: ['from', 'to', 'stream', 'records missing', 'why'],
              rows,
            }),
          ],
  };
}

const RESULTS = {
  holds: 'holds',
  fails: 'DOES NOT HOLD',
  'cannot-tell': 'cannot be told',
  gone: 'deleted',
} as const;

function heads({ heads: all }: Statement): Section {
  const rows = all.map(({ directory, stream, key, days }) => {
    const last = [...days].reverse().find(({ head }) => head !== null);
    const good = days.filter(({ result }) => result === 'holds').length;
    return [
      `${directory}/${stream}`,
      `${good} of ${days.length} hold`,
      last?.head === undefined || last.head === null ? 'none' : `${last.day}: ${last.head.size} lines`,
      last?.head?.root ?? '',
      key,
    ];
  });
  const others = all.flatMap(({ directory, stream, days }) =>
    days
      .filter(({ result, lines, proven }) => result !== 'holds' || proven < lines)
      .map(({ day, result, lines, proven }) => [
        `${directory}/${stream}`,
        day,
        RESULTS[result],
        `${proven} of ${lines} lines proven`,
      ]),
  );
  return {
    title: 'Which signed heads cover it',
    sentences: [
      'All days were recomputed in this run and compared with their signed heads. Each day names the head of the day before, so the last head covers the earlier ones.',
      all.every(({ ownKey }) => ownKey)
        ? 'The keys were brought by whoever made this statement.'
        : 'Keys were taken from beside the records: whoever could change these could change the keys. A copy kept elsewhere proves more.',
    ],
    tables: [
      { caption: 'Streams', columns: ['stream', 'days', 'last head', 'root', 'key'], rows },
      ...(others.length === 0
        ? []
        : [
            cut({
              caption: 'Days that are not proven as a whole',
              columns: ['stream', 'day', 'result', 'lines'],
              rows: others,
            }),
          ]),
    ],
  };
}

/** The tables of several hosts. */
function hosts({ counts: { tables } }: Statement): Section[] {
  if (tables.size < 2) return [];
  const differ = new Set([...tables.values()].map(({ hash }) => hash)).size > 1;
  const rows = [...tables].map(([host, { hash, time }]) => [host, hash, time]);
  return [
    {
      title: 'The tables of the hosts',
      sentences: [
        differ
          ? 'The hosts did NOT decide by the same table: their last verdicts about this domain name different ones. A table is all configuration files: rows, rules and [service].'
          : 'Each host decided last by the same table.',
      ],
      tables: [cut({ caption: 'Last table that decided', columns: ['host', 'hash', 'when'], rows })],
    },
  ];
}

function addresses({ addresses: all }: Statement): Section[] {
  if (all.length === 0) return [];
  const rows = all.map(({ address, pseudonyms }) => [address, pseudonyms.join(' ')]);
  return [
    {
      title: 'Addresses that were named',
      sentences: ['Their pseudonyms were computed again with the keys that are kept.'],
      tables: [{ caption: 'Pseudonyms', columns: ['address', 'in the records'], rows }],
    },
  ];
}
