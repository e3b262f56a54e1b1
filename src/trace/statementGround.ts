/** What the figures of a statement stand on: exceptions, gaps, signed heads, tables of the hosts. Pure. */
import { timeText } from './passageText.ts';
import { cut, type Section, type Statement } from './statement.ts';

export function exceptions({ exceptions: all }: Statement): Section {
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

export function gaps({ gaps: all }: Statement): Section {
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

export function heads({ heads: all }: Statement): Section {
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
export function hosts({ counts: { tables } }: Statement): Section[] {
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

export function addresses({ addresses: all }: Statement): Section[] {
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
