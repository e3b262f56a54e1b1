/** The figures of a statement, and how they are counted. Pure. */
import { count } from '../core/plural.ts';
import type { CameCounts, Direction, WentCounts } from './partnerCounts.ts';
import { cut, type Section, type Statement } from './statement.ts';

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

export function summary(statement: Statement): Section {
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

export function came(statement: Statement): Section {
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

export function went(statement: Statement): Section {
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
      'Recipients whose next server took the message, as the log of the mail server says, each counted once a queue id. Attempts after which a message waited are counted beside them.',
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

export function demanded({ counts }: Statement): Section {
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
