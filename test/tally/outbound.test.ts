/** Recipients on their way out: each once, by what became of it last. */
import t from 'tap';
import type { MadeRecord } from '../trace/madeDays.ts';
import {
  at,
  countedOut,
  DAY,
  failed,
  merged,
  NO_STARTTLS,
  PLAIN,
  partner,
  sent,
  some,
  TLS12,
  tallyOf,
  UNKNOWN,
} from './made.ts';

const EXPIRED = {
  outcome: 'expired',
  dsn: undefined,
  reply: 'expired',
  delay: undefined,
  relay: undefined,
  tls: UNKNOWN,
};
const BUSY = 'host mx.example.org[198.51.100.7] said: 450 4.2.0 greylisted (in reply to RCPT TO command)';
const demanded = (level: string) => ({ demanded: { level, from: 'tls=' } });
const EVE = { recipient: '<eve@example.org>' };
const ANY = { recipient: '@example.org' };
const WAITS = { waiting: 1, requiredWaiting: 1 };
const BACK = { returned: 1, requiredReturned: 1 };

t.test('what became of it', async (t) => {
  const cases: readonly (readonly [what: string, counts: object, ...records: MadeRecord[]])[] = [
    ['sent', { tls13: 1, verified: 1 }, sent('10:00:00')],
    ['sent to two', { tls13: 2, verified: 2 }, sent('10:00:00'), sent('10:00:00', EVE)],
    ['plaintext', { plain: 1 }, sent('10:00:00', { tls: PLAIN })],
    ['not known', { unknown: 1 }, sent('10:00:00', { tls: UNKNOWN })],
    ['TLS 1.2, trusted', { tls12: 1 }, sent('10:00:00', { tls: TLS12 })],
    ['waits for TLS', WAITS, failed('10:00:00', NO_STARTTLS)],
    [
      'waits for TLS, tried again and again',
      WAITS,
      failed('10:00:00', NO_STARTTLS),
      failed('10:05:00', NO_STARTTLS),
      failed('10:15:00', 'Server certificate not trusted'),
    ],
    [
      'two wait',
      { waiting: 2, requiredWaiting: 2 },
      failed('10:00:00', NO_STARTTLS),
      failed('10:00:00', NO_STARTTLS, EVE),
    ],
    ['waited, then sent', { tls13: 1, verified: 1 }, failed('10:00:00', NO_STARTTLS), sent('10:05:00')],
    [
      'waited for TLS, then for another reason',
      {},
      failed('10:00:00', NO_STARTTLS),
      failed('10:05:00', BUSY),
    ],
    [
      'waited for another reason, then for TLS',
      WAITS,
      failed('10:00:00', BUSY),
      failed('10:05:00', NO_STARTTLS),
    ],
    [
      'waited, then bounced for TLS',
      BACK,
      failed('10:00:00', NO_STARTTLS),
      failed('10:05:00', NO_STARTTLS, { outcome: 'bounced', dsn: '5.7.4' }),
    ],
    [
      'bounced for another reason',
      { otherFailed: 1 },
      failed('10:00:00', 'host x[192.0.2.1] said: 550 5.1.1 unknown', { outcome: 'bounced', dsn: '5.1.1' }),
    ],
    ['waited for TLS, then given up', BACK, failed('10:00:00', NO_STARTTLS), sent('15:00:00', EXPIRED)],
    [
      'waited for another reason, then given up',
      { otherFailed: 1 },
      failed('10:00:00', BUSY),
      sent('15:00:00', EXPIRED),
    ],
    ['given up, and nothing is known of why', { otherFailed: 1 }, sent('15:00:00', EXPIRED)],
    [
      'privacy = domains: two of one name wait',
      { waiting: 2, requiredWaiting: 2 },
      failed('10:00:00', NO_STARTTLS, ANY),
      failed('10:00:01', NO_STARTTLS, ANY),
    ],
    [
      'privacy = domains: two of one name, again, and one is sent',
      { waiting: 1, requiredWaiting: 1, tls13: 1, verified: 1 },
      failed('10:00:00', NO_STARTTLS, ANY),
      failed('10:00:01', NO_STARTTLS, ANY),
      failed('10:05:00', NO_STARTTLS, ANY),
      failed('10:05:01', NO_STARTTLS, ANY),
      sent('10:15:00', ANY),
      failed('10:15:01', NO_STARTTLS, ANY),
    ],
    [
      'two hosts with one queue id',
      { waiting: 1, requiredWaiting: 1, tls13: 1, verified: 1 },
      failed('10:00:00', NO_STARTTLS),
      sent('10:05:00', { host: 'mx2.example.org' }),
    ],
    [
      'what did not leave',
      { inside: 3 },
      sent('10:00:00', { outcome: 'filtered' }),
      sent('10:00:01', { queueId: 'B', relay: { host: 'f', address: '127.0.0.1', port: 10024 } }),
      sent('10:00:02', {
        queueId: 'C',
        relay: undefined,
        agent: 'local',
        tls: { state: 'unknown', how: 'local' },
      }),
    ],
    ['kept: encrypt', { tls12: 1, kept: 1 }, sent('10:00:00', { tls: TLS12, ...demanded('encrypt') })],
    ['kept: secure', { tls13: 1, verified: 1, kept: 1 }, sent('10:00:00', demanded('secure'))],
    [
      'passed: secure, trusted only',
      { tls12: 1, passed: 1 },
      sent('10:00:00', { tls: TLS12, ...demanded('secure') }),
    ],
    [
      'passed: not known under encrypt',
      { unknown: 1, passed: 1 },
      sent('10:00:00', { tls: UNKNOWN, ...demanded('encrypt') }),
    ],
    ['may demands nothing', { plain: 1 }, sent('10:00:00', { tls: PLAIN, ...demanded('may') })],
    [
      'dane demands nothing of a domain without TLSA',
      { tls12: 1 },
      sent('10:00:00', { tls: TLS12, ...demanded('dane') }),
    ],
    ['dane-only', { tls12: 1, passed: 1 }, sent('10:00:00', { tls: TLS12, ...demanded('dane-only') })],
  ];
  for (const [what, counts, ...records] of cases) {
    const tallies = countedOut(...records);
    t.same(some(tallies.total.out), counts, what);
    t.same(some(tallies.days[0]!.out), counts, what);
  }
});

t.test('across days', async (t) => {
  const NEXT = '2026-11-21';
  const LAST = '2026-11-22';
  const LONG = { delay: 90_000 };
  const waits = tallyOf([
    failed('20:00:00', NO_STARTTLS),
    failed('20:00:00', NO_STARTTLS, { queueId: 'Other' }),
  ]);
  const cases: readonly (readonly [what: string, days: object, ...later: MadeRecord[][]])[] = [
    ['nothing is heard any more', [{ waiting: 2, requiredWaiting: 2 }]],
    ['sent the next day', [WAITS, { tls13: 1, verified: 1 }], [sent('09:00:00', LONG, NEXT)]],
    [
      'still waits',
      [WAITS, WAITS],
      [failed('09:00:00', NO_STARTTLS, LONG, NEXT), failed('10:00:00', NO_STARTTLS, LONG, NEXT)],
    ],
    [
      'still waits, then sent',
      [WAITS, {}, { tls13: 1, verified: 1 }],
      [failed('09:00:00', NO_STARTTLS, LONG, NEXT)],
      [sent('09:00:00', LONG, LAST)],
    ],
    [
      'waits for another reason now',
      [WAITS, {}],
      [failed('09:00:00', BUSY, LONG, NEXT), failed('10:00:00', BUSY, LONG, NEXT)],
    ],
    ['bounced', [WAITS, BACK], [failed('09:00:00', NO_STARTTLS, { ...LONG, outcome: 'bounced' }, NEXT)]],
    ['given up', [WAITS, BACK], [sent('09:00:00', EXPIRED, NEXT)]],
    ['given up two days later', [WAITS, {}, BACK], [], [sent('09:00:00', EXPIRED, LAST)]],
    [
      'another message of the day itself',
      [
        { waiting: 2, requiredWaiting: 2 },
        { tls13: 1, verified: 1 },
      ],
      [sent('09:00:00', { delay: 1 }, NEXT)],
    ],
    [
      'a pseudonym of another month',
      [WAITS, { tls13: 1, verified: 1 }],
      [sent('09:00:00', { ...LONG, recipient: 'h:2026-12:AAAAAAAAAAAAAAAA@example.org' }, NEXT)],
    ],
  ];
  for (const [what, days, ...later] of cases) {
    const more = later.map((records, i) => tallyOf(records, [NEXT, LAST][i]!));
    const tallies = merged('collector', waits, ...more);
    t.same(
      tallies.days.map(({ out }) => some(out)),
      days,
      what,
    );
  }
  const given = merged('collector', waits, tallyOf([sent('09:00:00', EXPIRED, NEXT)], NEXT));
  t.match(
    given.causes.find(({ outcome }) => outcome === 'returned'),
    {
      cause: 'no STARTTLS offered',
      count: 1,
      last: at('09:00:00', NEXT),
      example: '4XyZ1a2b3cz1',
    },
  );
});

t.test('what was demanded, by what the daemon told', async (t) => {
  const told = (time: string, reply: string, more: object = {}): MadeRecord => ({
    time: at(time),
    type: 'map',
    leg: 'outbound',
    map: 'deliver',
    key: 'example.org',
    status: 'OK',
    reply,
    row: { pattern: 'example.org', at: 't.ini:3' },
    table: { hash: 'ab'.repeat(32), generation: 1 },
    ...more,
  });
  const reload = (time: string): MadeRecord => ({
    time: at(time),
    type: 'reload',
    ok: true,
    table: { hash: 'cd'.repeat(32), generation: 2 },
  });
  const plain = sent('12:00:00', { tls: PLAIN });
  const cases: readonly (readonly [
    what: string,
    counts: object,
    told: MadeRecord[],
    delivery?: MadeRecord,
  ])[] = [
    ['nothing', { plain: 1 }, []],
    ['encrypt', { plain: 1, passed: 1 }, [told('09:00:00', 'OK encrypt ciphers=high')]],
    ['later', { plain: 1 }, [told('13:00:00', 'OK encrypt')]],
    ['raised before', { plain: 1, passed: 1 }, [told('09:00:00', 'OK may'), told('11:00:00', 'OK encrypt')]],
    ['raised after', { plain: 1 }, [told('09:00:00', 'OK may'), told('12:30:00', 'OK encrypt')]],
    ['another map', { plain: 1 }, [told('09:00:00', 'OK encrypt', { map: 'deliver-encrypt' })]],
    [
      'the map of a clone',
      { plain: 1, passed: 1 },
      [told('09:00:00', 'OK encrypt', { map: 'deliver-encrypt' })],
      sent('12:00:00', { tls: PLAIN, agent: 'tlsward-encrypt/smtp' }),
    ],
    [
      'the day before',
      { plain: 1, passed: 1 },
      [told('09:00:00', 'OK encrypt', { time: at('23:00:00', '2026-11-19') })],
    ],
    [
      'two days before',
      { plain: 1 },
      [told('09:00:00', 'OK encrypt', { time: at('23:00:00', '2026-11-18') })],
    ],
    ['a table that came in between', { plain: 1 }, [told('09:00:00', 'OK encrypt'), reload('11:00:00')]],
    [
      'and told again',
      { plain: 1, passed: 1 },
      [told('09:00:00', 'OK encrypt'), reload('11:00:00'), told('11:30:00', 'OK encrypt')],
    ],
    [
      'a table that came later',
      { plain: 1, passed: 1 },
      [told('09:00:00', 'OK encrypt'), reload('13:00:00')],
    ],
    [
      'an answer that made mail wait',
      { plain: 1 },
      [told('09:00:00', 'TEMP tlsward: no', { status: 'TEMP' })],
    ],
    [
      'Sendmail',
      { tls12: 1, kept: 1 },
      [told('09:00:00', 'OK TEMP+VERIFY:112', { map: 'access', key: '@example.org' })],
      sent('12:00:00', { tls: { ...TLS12, how: 'sendmail' } }),
    ],
  ];
  for (const [what, counts, answers, delivery = plain] of cases)
    t.same(some(merged('collector', tallyOf([delivery], DAY, answers)).total.out), counts, what);
  const tallies = merged(
    'collector',
    tallyOf([plain, failed('12:01:00', NO_STARTTLS, { queueId: 'B' })], DAY, [
      told('09:00:00', 'OK encrypt'),
    ]),
  );
  t.same(
    tallies.rows.map(({ way, pattern, at, level, plain, passed, waiting }) => [
      way,
      pattern,
      at,
      level,
      plain,
      passed,
      waiting,
    ]),
    [['out', 'example.org', 't.ini:3', 'encrypt', 1, 1, 1]],
  );
  const { required, lastPlain, weakest } = partner(tallies, 'example.org', 'out');
  t.match(required, { pattern: 'example.org', at: 't.ini:3', level: 'encrypt', observed: false });
  t.equal(lastPlain, at('12:00:00'));
  t.equal(weakest, 'plain');
  t.same(
    tallies.causes.map(({ outcome, cause }) => [outcome, cause]),
    [
      ['let pass', 'plaintext'],
      ['waiting', 'no STARTTLS offered'],
    ],
  );
});

t.test('what the reply proves, where nothing is known of the level', async (t) => {
  const { required } = partner(
    countedOut(failed('10:00:00', 'Server certificate not verified')),
    'example.org',
    'out',
  );
  t.same(required, { pattern: '', at: '', level: 'verify', observed: false, time: at('10:00:00') });
});
