/** The part of the text that says which share of the mail was protected, in all and by day. Pure. */

import { type Column, tableLines, wrap } from './columns.ts';
import { gapDays } from './gapDays.ts';
import { LEVELS, type Report, type Way, type WayShare } from './report.ts';
import { counted, LEVEL_WORDS, number, percent, protectedOf, shortDay, spoken, sum } from './words.ts';

const WAYS: readonly (readonly [Way, string])[] = [
  ['in', 'Inbound'],
  ['out', 'Outbound'],
];

export function shareLines(report: Report): string[] {
  const ways = WAYS.filter(([way]) => spoken(report, way));
  return [
    'PROTECTED SHARE',
    '',
    ...wrap(
      'By the weakest TLS that a message is known to have used on the hop to or from this host. Protected is TLS 1.2 or ' +
        'later. What was refused or failed did not travel, and is in no share.',
    ),
    '',
    ...ways.flatMap(([way, name]) => [...wayLines(name, way, report.share[way]), '']),
    ...dayLines(report, ways),
  ];
}

function wayLines(name: string, way: Way, share: WayShare): string[] {
  if (share.recordedDays === 0) {
    const who = way === 'in' ? 'the daemon (evidence)' : '`tlsward collect`';
    return wrap(`${name}: not known. There are no records of ${who} in this time.`);
  }
  const { travelled, refused, failed, otherFailed, inside, sessions } = share;
  const all = sum(travelled);
  const columns: Column[] = [
    { title: name },
    { title: 'Messages', right: true },
    { title: 'Share', right: true },
  ];
  const apart: (readonly [string, number])[] =
    way === 'in'
      ? [
          ['refused, put off', refused],
          ['inside this host', inside],
        ]
      : [
          ['failed for TLS', failed],
          ['failed otherwise', otherFailed],
          ['inside this host', inside],
        ];
  const rows = [
    ...LEVELS.map((level) => [LEVEL_WORDS[level], number(travelled[level]), percent(travelled[level], all)]),
    [way === 'in' ? 'accepted' : 'delivered', number(all), all === 0 ? '-' : '100.0 %'],
    ...apart.map(([what, count]) => [what, number(count), 'apart']),
  ];
  const what =
    all === 0
      ? `no message was ${way === 'in' ? 'accepted from' : 'delivered to'} another host`
      : `${percent(protectedOf(travelled), all)} protected, of ${counted(all, 'message')}`;
  const connections =
    sessions === null ? '' : `; ${number(sessions.tls)} of ${counted(sessions.all, 'session')} with TLS`;
  const said = `${name}: ${what}${connections}.`;
  return [
    ...wrap(said),
    '',
    ...tableLines(
      columns,
      rows.map((cells) => ({ cells })),
    ),
  ];
}

function dayLines(report: Report, ways: typeof WAYS): string[] {
  const { share } = report;
  const known = ways.filter(([way]) => share[way].recordedDays > 0);
  const days = [...new Set(known.flatMap(([way]) => share[way].days.map(({ day }) => day)))].sort();
  if (days.length < 2) return [];
  const columns: Column[] = [
    { title: 'Day' },
    ...known.flatMap(([way]): Column[] => [
      { title: way === 'in' ? 'Accepted' : 'Delivered', right: true },
      { title: 'Protected', right: true },
      { title: 'Plain', right: true },
      { title: way === 'in' ? 'Refused' : 'Failed', right: true },
    ]),
  ];
  const gaps = { in: gapDays(report, 'in'), out: gapDays(report, 'out') };
  const rows = days.map((day) => ({
    cells: [
      shortDay(day),
      ...known.flatMap(([way]) => {
        const one = share[way].days.find((other) => other.day === day);
        if (one === undefined) return ['-', '-', '-', '-'];
        const all = sum(one.travelled);
        if (all === 0 && one.refused + one.failed === 0 && gaps[way].get(day) === true)
          return ['-', '-', '-', '-'];
        return [
          number(all),
          percent(protectedOf(one.travelled), all),
          number(one.travelled.plain),
          number(way === 'in' ? one.refused : one.failed),
        ];
      }),
    ],
  }));
  const unknown = rows.some(({ cells }) => cells[1] === '-' || cells[5] === '-');
  return [
    ...tableLines(columns, rows),
    ...(unknown ? ['', ...wrap('Of a day without figures nothing is known: see gaps.')] : []),
    '',
  ];
}
