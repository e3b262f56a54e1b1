/** The text of Sendmail 8.17.1.9 (mailq.txt, mailq-v.txt are what it printed), and what other queues of it look like. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { isMailqHeading, MailqReader } from '../../src/queue/mailqText.ts';
import type { QueuedMessage } from '../../src/queue/queued.ts';
import { root } from '../root.ts';

const NOW = new Date(2026, 10, 30, 8, 0).getTime();

function read(text: string, now = NOW): QueuedMessage[] {
  const reader = new MailqReader(now);
  const found = text.split('\n').map((line) => reader.push(line));
  return [...found, reader.end()].filter((one) => one !== null);
}

const text = (name: string): string => readFileSync(new URL(`test/queue/${name}`, root), 'utf8');

test('what Sendmail printed, with and without -v', async (t) => {
  const long = read(text('mailq-v.txt'));
  t.equal(long.length, 14);
  t.same(long[1], {
    id: '6AU6JBAi031120',
    state: 'deferred',
    arrived: new Date(2026, 10, 30, 6, 19).getTime(),
    sender: 'alice@our.example',
    recipients: [
      {
        address: 'u@auto-wrong.example',
        reason: 'u@auto-wrong.example... auto-wrong.example not listed in SANs',
      },
    ],
    moreRecipients: 0,
  });
  t.same(
    read(text('mailq.txt')).map(({ id }) => id),
    long.map(({ id }) => id),
  );
  t.equal(
    read(text('mailq.txt'))[1]?.recipients[0]?.reason,
    'u@auto-wrong.example... auto-wrong.example not listed in SAN',
    'cut at 60 characters',
  );
  for (const line of text('mailq.txt').split('\n').slice(0, 2)) t.ok(isMailqHeading(line), line);
});

test('other states and shapes', async (t) => {
  const found = read(
    [
      '\t\t/var/spool/mqueue/q1 (3 requests)',
      '-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------',
      '6AU6J9uD030872*      5 Mon Nov 30 06:19 <alice@our.example>',
      '                 8BITMIME   (Deferred: Connection refused by mx.bank.example.)',
      '\t\t\t\t\t <u@bank.example>',
      '\t\t\t\t\t  (---root---)',
      '\t\t\t\t\t v@bank.example',
      '6AU6J9uD030873X  12345 Thu Dec 31 23:59 ',
      '\t\t\t\t\t w@bank.example',
      '6AU6J9uD030874 (no control file)',
      '\t\t/var/spool/mqueue/q2 is empty',
      '\t\tTotal requests: 3',
      '',
    ].join('\n'),
  );
  t.same(
    found.map(({ id, state, recipients }) => [
      id,
      state,
      recipients.map(({ address, reason }) => [address, reason]),
    ]),
    [
      [
        '6AU6J9uD030872',
        'active',
        [
          ['u@bank.example', 'Deferred: Connection refused by mx.bank.example.'],
          ['v@bank.example', 'Deferred: Connection refused by mx.bank.example.'],
        ],
      ],
      ['6AU6J9uD030873', 'deferred', [['w@bank.example', '']]],
    ],
  );
  t.same(
    found.map(({ sender }) => sender),
    ['alice@our.example', ''],
  );
  t.equal(
    found[1]?.arrived,
    new Date(2025, 11, 31, 23, 59).getTime(),
    'last year: it lies ahead in this one',
  );
});

test('recipients with reasons of their own', async (t) => {
  const [one] = read(
    [
      '6AU6J9uD030872        5      30020 Nov 30 06:19 alice@our.example',
      '                 (Deferred)',
      '\t\t\t\t\t\t<a@one.example>',
      '\t\t (first)',
      '\t\t\t\t\t\t<b@two.example>',
      '\t\t (second)',
    ].join('\n'),
  );
  t.same(one?.recipients, [
    { address: 'a@one.example', reason: 'first' },
    { address: 'b@two.example', reason: 'second' },
  ]);
});

test('what could not be read', async (t) => {
  const unread = (...lines: readonly string[]): number => {
    const reader = new MailqReader(NOW);
    for (const line of lines) reader.push(line);
    reader.end();
    return reader.unread;
  };
  const heading = (n: string): string[] => [
    `\t\t/q1 (${n})`,
    '-----Q-ID----- --Size-- -Priority- ---Q-Time---',
  ];
  const entry = [
    '6AU6J9uD030872        5      30020 Nov 30 06:19 a@our.example',
    '\t\t\t\t\t\tb@one.example',
  ];
  const total = (n: number): string => `\t\tTotal requests: ${n}`;
  t.equal(unread(...text('mailq-v.txt').split('\n')), 0);
  t.equal(unread('/q is empty', total(0)), 0);
  t.equal(unread(...heading('1 request'), ...entry, '/q2 is empty', total(1)), 0);
  t.equal(
    unread(...heading('2 requests'), ...entry, '6AU6J9uD030873 (job completed)', total(2)),
    0,
    'it left',
  );
  // as it printed them, with status 0
  const refused = 'gatherq: cannot open "/q2": Permission denied';
  t.equal(unread(...heading('1 request'), ...entry, refused, '/q2 is empty', total(1)), 1);
  t.equal(unread(refused, '/q2 is empty', ...heading('1 request'), ...entry, total(1)), 1);
  t.ok(isMailqHeading(refused));
  const [one, two] = ['6AUHmfHH006984 (Permission denied)', '6AUHmfNr006968 (Permission denied)'];
  t.equal(unread(...heading('2 requests'), one!, two!, total(2)), 2);
  t.equal(unread(...heading('2 requests'), ...entry, one!, total(2)), 1);
  const version = '3AU6J9uD030872Version number in queue file (99) greater than max (8)';
  const bad = [
    ...heading('3 requests'),
    ...entry,
    version,
    '  (no control file)',
    ' short  (no control file)',
  ];
  t.equal(unread(...bad, total(3)), 2);
  const cut = heading('3 requests, only 1 printed');
  t.equal(unread(...cut, ...entry, total(3)), 2, 'MaxQueueRunSize');
  t.ok(isMailqHeading(cut[0]!));
  t.equal(unread(...heading('1 request'), ...entry, 'You are not permitted to see the queue', total(1)), 1);
  t.equal(unread(...heading('1 request'), ...entry), 1, 'the end is missing');
  t.equal(unread(), 1);
  t.same(
    read([...entry, one, '                 (Deferred)'].join('\n'))[0]?.recipients,
    [{ address: 'b@one.example', reason: '' }],
    'what follows is not of the message before',
  );
});

test('no queue', async (t) => {
  t.same(read('/var/spool/mqueue is empty\n\t\tTotal requests: 0\n'), []);
  t.same(read(''), []);
  t.same(read(`${'('.repeat(100_000)}\n\t\t\tx`), []);
  t.notOk(isMailqHeading('-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------'));
});
