/** Messages per recipient on their way in: nothing twice, nothing lost, whoever asked. */
import t from 'tap';
import type { MadeRecord } from '../trace/madeDays.ts';
import { at, countedIn, merged, message, PLAIN, partner, rcpt, some, tallyOf, UNKNOWN } from './made.ts';

const KEPT = { tls13: 1, kept: 1 };
const NO_ID = { queueId: undefined };
const two = { recipients: ['<bob@example.org>', '<eve@example.org>'], recipientCount: 2 };
const REFUSED = { action: 'reject', breach: 'plain', tls: PLAIN, reply: '550 5.7.1 x' };

t.test('who was asked, and what counts', async (t) => {
  const cases: readonly (readonly [what: string, counts: object, ...records: MadeRecord[]])[] = [
    [
      'policy alone: each recipient',
      { tls13: 2, kept: 2 },
      rcpt('10:00:00', NO_ID),
      rcpt('10:00:01', { recipients: ['<eve@example.org>'] }),
    ],
    ['policy alone, one recipient asked about twice', KEPT, rcpt('10:00:00'), rcpt('10:00:00')],
    ['milter alone: all recipients of a message', { tls13: 2, kept: 2 }, message('10:00:00', two)],
    [
      'both: the answer about the message replaces those before',
      { tls13: 2, kept: 2 },
      rcpt('10:00:00', NO_ID),
      rcpt('10:00:01', { recipients: ['<eve@example.org>'] }),
      message('10:00:02', two),
    ],
    [
      'both, by connection: the sender of one is not that of the other',
      { tls13: 1, kept: 1 },
      rcpt('10:00:00', { ...NO_ID, clientPort: 4000, sender: '<Alice@bank.example>' }),
      message('10:00:02', { clientPort: 4000 }),
    ],
    [
      'both, two connections: the other message stays',
      { tls13: 2, kept: 2 },
      rcpt('10:00:00', { ...NO_ID, clientPort: 4000 }),
      rcpt('10:00:00', { ...NO_ID, clientPort: 4001 }),
      message('10:00:02', { clientPort: 4000 }),
    ],
    [
      'policy at DATA, which does not name several recipients',
      { tls13: 3, kept: 3 },
      rcpt('10:00:00', NO_ID),
      rcpt('10:00:01', { recipients: ['<eve@example.org>'] }),
      rcpt('10:00:01', { recipients: ['<joe@example.org>'] }),
      rcpt('10:00:02', { stage: 'DATA', recipients: [], recipientDomains: [], recipientCount: 0 }),
    ],
    [
      'at DATA alone, unnamed: one at least',
      KEPT,
      rcpt('10:00:02', { stage: 'DATA', recipients: [], recipientDomains: [], recipientCount: 0 }),
    ],
    [
      'DATA, then the end of the message: the last counts',
      { putOff: 1, requiredPutOff: 1 },
      rcpt('10:00:00'),
      rcpt('10:00:01', { stage: 'DATA' }),
      message('10:00:02', { action: 'defer', breach: 'unknown', tls: UNKNOWN }),
    ],
    [
      'refused recipients count each, apart from the message',
      { tls13: 1, kept: 1, refused: 2, requiredRefused: 2 },
      rcpt('10:00:00', { ...NO_ID, ...REFUSED }),
      rcpt('10:00:00', { ...NO_ID, ...REFUSED, recipients: ['<eve@example.org>'] }),
      rcpt('10:00:01', NO_ID),
      message('10:00:02'),
    ],
    [
      'accepted by policy, refused by the milter',
      { refused: 1, requiredRefused: 1 },
      rcpt('10:00:00'),
      message('10:00:00', { stage: 'RCPT', ...REFUSED }),
    ],
    [
      'accepted by policy without a queue id, refused by the milter',
      { refused: 1, requiredRefused: 1 },
      rcpt('10:00:00', NO_ID),
      message('10:00:00', { ...NO_ID, stage: 'RCPT', ...REFUSED }),
    ],
    [
      'a message that is refused counts all its recipients',
      { refused: 2, requiredRefused: 2 },
      message('10:00:00', { ...two, ...REFUSED }),
    ],
    [
      'refused at MAIL',
      { refused: 1, requiredRefused: 1 },
      rcpt('10:00:00', {
        ...NO_ID,
        stage: 'MAIL',
        recipients: [],
        recipientDomains: [],
        recipientCount: 0,
        ...REFUSED,
      }),
    ],
    [
      'accepted at MAIL: nothing yet',
      {},
      rcpt('10:00:00', { ...NO_ID, stage: 'MAIL', recipients: [], recipientDomains: [], recipientCount: 0 }),
    ],
    [
      'two hosts with one queue id',
      { tls13: 2, kept: 2 },
      message('10:00:00'),
      message('10:00:01', { host: 'mx2.example.org' }),
    ],
    ['one queue id again after hours', { tls13: 2, kept: 2 }, message('10:00:00'), message('13:00:00')],
    [
      'privacy = domains: recipients of one name are several',
      { tls13: 2, kept: 2 },
      rcpt('10:00:00', { recipients: ['@example.org'] }),
      rcpt('10:00:00', { recipients: ['@example.org'] }),
    ],
    [
      'privacy = domains, both',
      { tls13: 3, kept: 3 },
      rcpt('10:00:00', { ...NO_ID, recipients: ['@example.org'] }),
      rcpt('10:00:00', { recipients: ['@example.org'] }),
      rcpt('10:00:00', { recipients: ['@example.org'] }),
      message('10:00:01', {
        recipients: ['@example.org', '@example.org', '@example.org'],
        recipientCount: 3,
      }),
    ],
    ['held mail travelled', { tls13: 1, passed: 1 }, message('10:00:00', { action: 'hold', breach: 'name' })],
    ['tagged', { plain: 1, passed: 1 }, message('10:00:00', { tagged: true, breach: 'plain', tls: PLAIN })],
    [
      'observed',
      { plain: 1, passed: 1 },
      message('10:00:00', { would: 'reject', breach: 'plain', tls: PLAIN }),
    ],
    ['unknown is never kept', { unknown: 1, passed: 1 }, message('10:00:00', { tls: UNKNOWN })],
    [
      'a cipher that encrypts nothing is plaintext',
      { plain: 1, passed: 1 },
      message('10:00:00', { tls: { state: 'tls', protocol: 'TLSv1.2', cipher: 'NULL-SHA256', bits: 0 } }),
    ],
    [
      'a protocol that nobody knows',
      { unknown: 1, passed: 1 },
      message('10:00:00', { tls: { state: 'tls', protocol: 'QUIC', cipher: 'X', bits: 128 } }),
    ],
    [
      'an old one',
      { older: 1, kept: 1 },
      message('10:00:00', { tls: { state: 'tls', protocol: 'TLSv1.1', cipher: 'AES256-SHA', bits: 256 } }),
    ],
    ['no row: nothing is required', { plain: 1 }, message('10:00:00', { row: undefined, tls: PLAIN })],
    [
      'verified',
      { tls13: 1, verified: 1, kept: 1 },
      message('10:00:00', {
        tls: {
          state: 'tls',
          protocol: 'TLSv1.3',
          cipher: 'X',
          bits: 256,
          certificate: 'trusted',
          commonName: 'bank.example',
        },
      }),
    ],
  ];
  for (const [what, counts, ...records] of cases) {
    const tallies = countedIn(...records);
    t.same(some(tallies.total.in), counts, what);
    const own = tallies.partners.filter(({ way }) => way === 'in');
    t.same(
      own.map(({ domain }) => domain),
      Object.keys(counts).length === 0 ? [] : ['bank.example'],
      what,
    );
  }
});

t.test('what never came from outside', async (t) => {
  for (const fields of [
    { notJudged: 'local', tls: UNKNOWN, row: undefined },
    { notJudged: 'again', tls: UNKNOWN, row: undefined },
    { notJudged: 'trusted-client', tls: UNKNOWN, row: undefined },
    { client: '127.0.0.1' },
    { client: '::1' },
  ])
    t.same(some(countedIn(message('10:00:00', fields)).total.in), { inside: 1 }, JSON.stringify(fields));
  t.same(some(countedIn(rcpt('10:00:00', { notJudged: 'no-mail' })).total.in), {}, 'no mail at all');
});

t.test('by whom', async (t) => {
  const tallies = countedIn(
    message('10:00:00', { queueId: 'A', sender: '<>', senderDomain: undefined, row: undefined }),
    message('10:00:01', { queueId: 'B', sender: undefined, senderDomain: undefined, row: undefined }),
    message('10:00:02', {
      queueId: 'C',
      sender: '@[192.0.2.9]',
      senderDomain: '[192.0.2.9]',
      row: undefined,
    }),
  );
  t.same(
    tallies.partners.map(({ domain }) => domain),
    ['', '<>', '[192.0.2.9]'],
  );
});

t.test('causes, with the last code and the most frequent client', async (t) => {
  const refused = (time: string, code: string, client: string) =>
    rcpt(time, { queueId: undefined, ...REFUSED, code, client });
  const tallies = countedIn(
    refused('10:00:00', 'AAAA0001', '192.0.2.1'),
    refused('12:00:00', 'AAAA0003', '192.0.2.2'),
    refused('11:00:00', 'AAAA0002', '192.0.2.2'),
    message('13:00:00', {
      queueId: 'B',
      would: 'reject',
      breach: 'protocol',
      tls: { state: 'tls', protocol: 'TLSv1', cipher: 'X', bits: 128 },
      code: 'BBBB0001',
    }),
    message('14:00:00', { queueId: 'C', tls: UNKNOWN }),
    message('15:00:00', {
      queueId: 'D',
      action: 'reject',
      rule: 'board',
      route: 'refused',
      reply: '550 5.7.1 no',
      row: undefined,
    }),
  );
  t.same(
    tallies.causes.map(({ outcome, cause, count, first, last, example, peer }) => [
      outcome,
      cause,
      count,
      first.slice(11, 16),
      last.slice(11, 16),
      example,
      peer,
    ]),
    [
      ['refused', 'plaintext', 3, '10:00', '12:00', 'AAAA0003', '192.0.2.2'],
      ['let pass', 'old protocol TLSv1', 1, '13:00', '13:00', 'BBBB0001', '192.0.2.25'],
      ['let pass', 'TLS not reported by the MTA', 1, '14:00', '14:00', '3FQ80001', '192.0.2.25'],
      ['refused', 'rule board', 1, '15:00', '15:00', '3FQ80001', '192.0.2.25'],
    ],
  );
  const bank = partner(tallies, 'bank.example', 'in');
  t.same(bank.notKept, [{ day: '2026-11-20', count: 5 }], 'what a rule refused is no matter of TLS');
  t.equal(bank.required?.level, 'encrypt');
  t.equal(bank.row?.at, '/etc/tlsward/tlsward.ini:12');
});

t.test('the row that decided last', async (t) => {
  const row = { pattern: '.example', at: 't.ini:9', level: 'may', mode: 'observe' };
  const tallies = countedIn(message('10:00:00'), message('11:00:00', { queueId: 'B', row }));
  const { row: last, required } = partner(tallies, 'bank.example', 'in');
  t.same(last, { pattern: '.example', at: 't.ini:9', level: 'may', observed: true, time: at('11:00:00') });
  t.equal(required?.level, 'encrypt');
  t.same(
    tallies.rows.map(({ pattern, tls13, kept }) => [pattern, tls13, kept]),
    [
      ['bank.example', 1, 1],
      ['.example', 1, 0],
    ],
  );
});

t.test('connections', async (t) => {
  const tallies = countedIn(
    rcpt('10:00:00', { clientPort: 1, queueId: undefined }),
    rcpt('10:00:01', { clientPort: 1 }),
    message('10:00:02', { clientPort: 1 }),
    message('10:00:03', { clientPort: 2, queueId: 'B', tls: PLAIN, row: undefined }),
    message('12:00:00', { clientPort: 2, queueId: 'C' }),
    message('12:00:00', { notJudged: 'local', queueId: 'D', client: undefined }),
    message('12:00:00', { queueId: 'E', client: '127.0.0.1' }),
  );
  t.same(tallies.sessions, { in: { all: 3, tls: 2 }, out: null });
  t.same(countedIn(message('10:00:00')).sessions, { in: null, out: null }, 'without a port nobody knows');
  t.same(countedIn().sessions, { in: null, out: null });
});

t.test('a message across midnight', async (t) => {
  const NEXT = '2026-11-21';
  const before = [
    rcpt('23:59:58', { queueId: undefined }),
    rcpt('23:59:59', { recipients: ['<eve@example.org>'] }),
    rcpt('23:59:59', { queueId: '4Other', recipients: ['<joe@example.org>'] }),
    rcpt('12:00:00', { queueId: '4Noon', recipients: ['<joe@example.org>'] }),
  ].sort((a, b) => (a.time < b.time ? -1 : 1));
  const after = [message('00:00:01', two, NEXT), message('00:00:02', { queueId: '4Third' }, NEXT)];
  const tallies = merged('daemon', tallyOf(before), tallyOf(after, NEXT));
  t.same(
    some(tallies.total.in),
    { tls13: 5, kept: 5 },
    'two at noon and unanswered, two and one after midnight',
  );
  t.same(
    tallies.days.map((day) => day.in.tls13),
    [2, 3],
  );
  const alone = merged('daemon', tallyOf(before));
  t.equal(alone.total.in.tls13, 4, 'without the next day they count as they stand');
  const gap = merged(
    'daemon',
    tallyOf(before),
    tallyOf([], NEXT),
    tallyOf([message('00:00:01', two, '2026-11-22')], '2026-11-22'),
  );
  t.equal(gap.total.in.tls13, 6, 'two days later it is another message');
});

t.test('many open messages end in a bounded map, and count', async (t) => {
  const records: MadeRecord[] = [];
  for (let i = 0; i < 300; i++) records.push(rcpt('10:00:00', { queueId: `Q${i}` }));
  t.equal(countedIn(...records).total.in.kept, 300);
});
