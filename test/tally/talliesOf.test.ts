/** Tallies in files: made, used, not believed when they do not fit, and put together over days and hosts. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { recount } from '../../src/tally/recount.ts';
import type { Tallies } from '../../src/tally/tallies.ts';
import { talliesOf } from '../../src/tally/talliesOf.ts';
import { readTally } from '../../src/tally/tallyFile.ts';
import { openPlace } from '../../src/trace/places.ts';
import { MadeEvidence, type MadeRecord, newFolder } from '../trace/madeDays.ts';
import { at, failed, message, NO_STARTTLS, PLAIN, rcpt, sent, some } from './made.ts';

const [D1, D2, D3] = ['2026-11-20', '2026-11-21', '2026-11-22'] as const;
const TODAY = '2026-11-30';

function made(t: Test, host = 'mx.example.org'): MadeEvidence {
  return new MadeEvidence(join(newFolder(t), 'evidence'), host, 'full');
}

function read(evidence: readonly MadeEvidence[], domain: string | null = null, today = TODAY): Tallies {
  const places = evidence.map(({ directory }) => openPlace(directory));
  return talliesOf(places, { from: D1, to: D3 }, { today, domain });
}

const counted = ({ streams }: Tallies): string[] =>
  streams.flatMap(({ stream, counted }) => counted.map((day) => `${stream} ${day}`));

const mail = (day: string): MadeRecord[] => [
  message('10:00:00', { queueId: 'A' }, day),
  message(
    '11:00:00',
    {
      queueId: 'B',
      sender: '<x@clinic.example>',
      senderDomain: 'clinic.example',
      tls: PLAIN,
      row: undefined,
    },
    day,
  ),
];

t.test('days and streams', async (t) => {
  const one = made(t);
  for (const day of [D1, D2]) one.day('daemon', day, mail(day));
  one.day('collector', D1, [sent('10:00:05'), failed('10:00:06', NO_STARTTLS, { queueId: 'B' })]);
  const first = read([one]);
  t.same(counted(first), [`daemon ${D1}`, `daemon ${D2}`, `collector ${D1}`]);
  t.same(some(first.total.in), { tls13: 2, plain: 2, kept: 2 });
  t.same(some(first.total.out), { tls13: 1, verified: 1, waiting: 1, requiredWaiting: 1 });
  t.same(
    first.days.map(({ day, in: came, out }) => [day, came.tls13, out.tls13]),
    [
      [D1, 1, 1],
      [D2, 1, 0],
      [D3, 0, 0],
    ],
  );
  t.same(first.recordedDays, { in: 2, out: 1 });
  t.equal(first.records, 9);
  t.same(first.hosts, ['mx.example.org']);
  t.match(first.tables, [{ host: 'mx.example.org', hash: 'ab'.repeat(32), since: at('10:00:00', D1) }]);
  t.ok(existsSync(join(one.directory, 'daemon', `${D1}.tally`)));
  t.equal(statSync(join(one.directory, 'daemon', `${D1}.tally`)).mode & 0o777, 0o640);
  const second = read([one]);
  t.same(counted(second), [], 'read from the tallies');
  t.same({ ...second, streams: [] }, { ...first, streams: [] }, 'and they say the same');
  t.notOk(
    readdirSync(join(one.directory, 'daemon')).some((name) => name.startsWith('.')),
    'no draft is left',
  );
});

t.test('one domain', async (t) => {
  const one = made(t);
  one.day('daemon', D1, mail(D1));
  const found = read([one], 'clinic.example');
  t.same(some(found.total.in), { plain: 1 });
  t.same(
    found.partners.map(({ domain }) => domain),
    ['clinic.example'],
  );
  t.same(some(found.days[0]!.in), { plain: 1 });
  t.same(found.sessions.in, null);
});

t.test('several hosts', async (t) => {
  const hosts = ['mx1.example.org', 'mx2.example.org'].map((host) => made(t, host));
  for (const host of hosts) host.day('daemon', D1, mail(D1));
  const found = read(hosts);
  t.same(some(found.total.in), { tls13: 2, plain: 2, kept: 2 }, 'one queue id on two hosts is two messages');
  t.same(found.hosts, ['mx1.example.org', 'mx2.example.org']);
  t.equal(found.tables.length, 2);
  t.equal(found.recordedDays.in, 1, 'days, not files');
  t.equal(found.partners.find(({ domain }) => domain === 'clinic.example')?.lastPlain, at('11:00:00', D1));
});

t.test('today is counted every time, and leaves no file', async (t) => {
  const one = made(t);
  one.day('daemon', D3, mail(D3));
  for (let i = 0; i < 2; i++) t.same(counted(read([one], null, D3)), [`daemon ${D3}`]);
  t.notOk(existsSync(join(one.directory, 'daemon', `${D3}.tally`)));
});

t.test('a tally that does not fit', async (t) => {
  const cases: readonly (readonly [what: string, spoil: (stream: string, file: string) => void])[] = [
    ['lines were added', (stream) => appendFileSync(join(stream, `${D1}.jsonl`), '{}\n')],
    ['lines were changed', (stream) => utimesSync(join(stream, `${D1}.jsonl`), 1, 1)],
    ['another head', (stream) => unlinkSync(join(stream, `${D1}.ckpt`))],
    ['cut', (_, file) => writeFileSync(file, readFileSync(file).subarray(0, -10))],
    ['cut in its first line', (_, file) => writeFileSync(file, readFileSync(file).subarray(0, 30))],
    ['empty', (_, file) => writeFileSync(file, '')],
    [
      'a figure was changed',
      (_, file) => writeFileSync(file, readFileSync(file, 'latin1').replace('"kept":1', '"kept":9')),
    ],
    [
      'of another version',
      (_, file) =>
        writeFileSync(file, readFileSync(file, 'latin1').replace('tlsward-tally 1', 'tlsward-tally 0')),
    ],
    [
      'a link',
      (_, file) => {
        unlinkSync(file);
        symlinkSync('/dev/zero', file);
      },
    ],
  ];
  for (const [what, spoil] of cases) {
    const one = made(t);
    one.day('daemon', D1, mail(D1));
    read([one]);
    const stream = join(one.directory, 'daemon');
    t.not(readTally({ directory: one.directory, stream: 'daemon', day: D1 }), null);
    spoil(stream, join(stream, `${D1}.tally`));
    t.equal(readTally({ directory: one.directory, stream: 'daemon', day: D1 }), null, what);
    const again = read([one]);
    t.same(counted(again), [`daemon ${D1}`], what);
    t.equal(again.total.in.kept, 1, what);
    t.same(counted(read([one])), [], `${what}: made again`);
  }
});

t.test('what the daemon told belongs to the tally of the collector', async (t) => {
  const one = made(t);
  const told: MadeRecord = {
    time: at('09:00:00', D1),
    type: 'map',
    leg: 'outbound',
    map: 'deliver',
    key: 'example.org',
    status: 'OK',
    reply: 'OK encrypt',
    row: { pattern: 'example.org', at: 't.ini:3' },
    table: { hash: 'ab'.repeat(32), generation: 1 },
  };
  one.day('collector', D2, [sent('10:00:00', { tls: PLAIN }, D2)]);
  t.equal(read([one]).total.out.passed, 0);
  one.day('daemon', D1, [told]);
  t.equal(read([one]).total.out.passed, 1, 'it was told the day before');
  const start = { time: at('08:00:00', D2), type: 'start', version: '1', node: '1' };
  one.day('daemon', D2, [start]);
  t.equal(read([one]).total.out.passed, 0, 'the daemon started anew, and nobody asked it');
  one.day('daemon', D2, [start, { ...told, time: at('09:00:00', D2) }]);
  const later = read([one]);
  t.same(counted(later), [`daemon ${D2}`, `collector ${D2}`]);
  t.equal(later.total.out.passed, 1);
});

t.test('lines that are none', async (t) => {
  const one = made(t);
  one.day('daemon', D1, mail(D1));
  const file = join(one.directory, 'daemon', `${D1}.jsonl`);
  appendFileSync(file, `no record\n{"v":1}\n${'x'.repeat(70_000)}\n{"torn":`);
  const found = read([one]);
  t.equal(found.unreadable, 3);
  t.equal(found.total.in.kept, 1);
  appendFileSync(file, 'y'.repeat(3_000_000));
  t.equal(read([one]).unreadable, 4, 'what does not end is one, and the rest is not looked at');
});

t.test(
  'a directory that cannot be written to',
  { skip: process.getuid?.() === 0 && 'root writes anywhere' },
  async (t) => {
    const one = made(t);
    one.day('daemon', D1, mail(D1));
    chmodSync(join(one.directory, 'daemon'), 0o500);
    t.teardown(() => chmodSync(join(one.directory, 'daemon'), 0o700));
    t.equal(read([one]).total.in.kept, 1);
    t.equal(read([one]).total.in.kept, 1);
  },
);

t.test('gaps and exceptions', async (t) => {
  const one = made(t);
  const gap = (time: string, from: string, to: string): MadeRecord => ({
    time,
    type: 'gap',
    from,
    to,
    count: 3,
    why: 'full disk',
  });
  one.day('daemon', D1, [
    gap(at('10:00:00', D1), at('09:00:00', D1), at('09:30:00', D1)),
    gap(at('11:00:00', D1), '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'),
    { time: at('12:00:00', D1), type: 'torn', bytes: 9, file: 'x.torn-1' },
    { time: at('12:30:00', D1), type: 'clock', stepMs: -5000 },
    {
      time: at('13:00:00', D1),
      type: 'exception',
      change: 'set',
      pattern: 'bank.example',
      until: D3,
      reason: 'renewal',
      changes: ['receive encrypt → may'],
      at: 't.ini:7',
    },
  ]);
  one.day('daemon', D3, []);
  one.day('daemon', '2026-11-25', [
    gap(at('10:00:00', '2026-11-25'), at('09:00:00', D3), at('09:30:00', D3)),
  ]);
  const found = read([one]);
  t.same(
    found.gaps.map(({ stream, from, why }) => [stream, from, why]),
    [
      ['collector', D1, 'there are no records of the collector'],
      ['daemon', at('09:00:00', D1), 'full disk'],
      ['daemon', at('12:00:00', D1), '9 bytes of a line that was not whole were set aside as x.torn-1'],
      ['daemon', at('12:30:00', D1), 'the clock was set by -5000 ms: times before and after do not compare'],
      ['daemon', at('09:00:00', D3), 'full disk'],
    ],
  );
  t.same(
    found.exceptions.map(({ pattern, change, changes }) => [pattern, change, changes]),
    [['bank.example', 'set', ['receive encrypt → may']]],
  );
  unlinkSync(join(one.directory, 'daemon', `${D1}.jsonl`));
  t.ok(
    read([one]).gaps.some(({ why }) => why === `there is no file of ${D1}`),
    'a day that was taken away',
  );
});

t.test('counted again', async (t) => {
  const one = made(t);
  one.day('daemon', D1, mail(D1));
  one.day('daemon', D2, mail(D2));
  const check = () =>
    [...recount([openPlace(one.directory)], { from: D1, to: D3 })].map(
      ({ day, result, records, differs }) => [day, result, records, ...differs],
    );
  t.same(check(), [
    [D1, 'none', 3],
    [D2, 'none', 3],
  ]);
  read([one]);
  t.same(check(), [
    [D1, 'equal', 3],
    [D2, 'equal', 3],
  ]);
  // somebody who knows the format changes a figure
  const file = join(one.directory, 'daemon', `${D1}.tally`);
  const { createHash } = await import('node:crypto');
  const [header = '', ...lines] = readFileSync(file, 'utf8').split('\n');
  const body = lines.join('\n');
  const changed = body.replaceAll('"kept":1', '"kept":9');
  const digest = createHash('sha256').update(changed).digest('hex');
  writeFileSync(file, `${header.replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${digest}"`)}\n${changed}`);
  t.same(check(), [
    [D1, 'differs', 3, 'rows', 'partners'],
    [D2, 'equal', 3],
  ]);
});

t.test('hostile names stay what they are', async (t) => {
  const names = [
    '__proto__',
    'constructor',
    '\\u{202e}moc',
    '<img src=x onerror=alert(1)>',
    'a\\"b',
    'x'.repeat(300),
  ];
  const one = made(t);
  one.day(
    'daemon',
    D1,
    names.map((senderDomain, i) => rcpt(`10:00:0${i}`, { queueId: `Q${i}`, senderDomain })),
  );
  for (let i = 0; i < 2; i++)
    t.same(
      read([one])
        .partners.map(({ domain }) => domain)
        .sort(),
      [...names].sort(),
    );
});
