/** A day counted from evidence: one source a directory, own reports left out, records by their own time. */
import { join } from 'node:path';
import t from 'tap';
import { readDay } from '../../../../src/tlsrpt/send/run/readDay.ts';
import { openPlace } from '../../../../src/trace/places.ts';
import { delivery, MadeEvidence, type MadeRecord, newFolder } from '../../../trace/madeDays.ts';

const DAY = '2026-11-29';
const at = (clock: string) => `${DAY}T${clock}.000Z`;

const to = (domain: string, time: string, more: Readonly<Record<string, unknown>> = {}): MadeRecord =>
  delivery(time, {
    recipient: `<bob@${domain}>`,
    recipientDomain: domain,
    relay: { host: `mx.${domain}`, address: '198.51.100.7', port: 25 },
    demanded: { level: 'may', from: 'log' },
    tls: { state: 'tls', protocol: 'TLSv1.3', peer: 'trusted', how: 'joined' },
    ...more,
  });
const handshake = (domain: string, time: string): MadeRecord => ({
  time,
  type: 'tlsrpt',
  leg: 'outbound',
  domain,
  policies: [{ policy: 'no-policy-found', ok: true }],
  source: { kind: 'tlsrpt', position: '' },
});
const message = (queueId: string, time: string): MadeRecord => ({
  time,
  type: 'message',
  queueId,
  messageId: '<x@tlsward-tlsrpt.example.org>',
  sender: '<>',
  source: { kind: 'file', position: '1' },
});

function counts(
  t: Parameters<typeof newFolder>[0],
  ...directories: readonly Readonly<Record<string, readonly MadeRecord[]>>[]
) {
  const folder = newFolder(t);
  const places = directories.map((days, i) => {
    const made = new MadeEvidence(join(folder, `evidence-${i}`), `mx${i}.example.org`);
    for (const [name, records] of Object.entries(days)) {
      const [stream = '', day = ''] = name.split(' ');
      made.day(stream as 'collector', day, records);
    }
    return openPlace(made.directory);
  });
  const read = readDay(places, DAY, 'example.org');
  const sessions = read.counts.map(({ domain, policies }) => [
    domain,
    policies.reduce((sum, one) => sum + one.successful, 0),
    policies.reduce((sum, one) => sum + one.failed, 0),
  ]);
  return { ...read, sessions };
}

const TWO = [to('a.example', at('10:00:00')), to('a.example', at('11:00:00'), { queueId: 'B' })];

t.test('one source', async (t) => {
  const deliveries = counts(t, { [`collector ${DAY}`]: TWO });
  t.same(deliveries.sessions, [['a.example', 2, 0]]);
  t.same(deliveries.sources, [{ host: 'mx0.example.org', source: 'deliveries' }]);
  const both = counts(t, {
    [`collector ${DAY}`]: [
      ...TWO,
      handshake('a.example', at('10:00:00')),
      handshake('b.example', at('12:00:00')),
    ],
  });
  t.same(
    both.sessions,
    [
      ['a.example', 1, 0],
      ['b.example', 1, 0],
    ],
    'never both',
  );
  t.same(both.sources, [{ host: 'mx0.example.org', source: 'handshakes' }]);
  const mixed = counts(
    t,
    { [`collector ${DAY}`]: TWO },
    { [`collector ${DAY}`]: [handshake('a.example', at('10:00:00'))] },
  );
  t.same(mixed.sessions, [['a.example', 3, 0]], 'two directories');
});

t.test('records count by their own time', async (t) => {
  const read = counts(t, {
    'collector 2026-11-28': [to('a.example', '2026-11-28T23:59:59.999Z')],
    [`collector ${DAY}`]: [
      to('a.example', at('00:00:00'), { queueId: 'B' }),
      to('a.example', '2026-11-30T00:00:00.000Z', { queueId: 'C' }),
    ],
    // the collector was behind, or the clock was set back
    'collector 2026-11-30': [to('a.example', at('23:59:59'), { queueId: 'D' })],
  });
  t.same(read.sessions, [['a.example', 2, 0]]);
});

t.test('mail that carries reports', async (t) => {
  const reports = [message('R1', '2026-11-28T23:00:00.000Z'), message('R2', at('09:00:00'))];
  const own = [
    to('a.example', at('09:00:01'), { queueId: 'R1', delay: 36_000 }),
    to('a.example', at('09:00:02'), { queueId: 'R2', delay: 2 }),
  ];
  const deliveries = counts(t, {
    'collector 2026-11-28': [reports[0]!],
    [`collector ${DAY}`]: [reports[1]!, ...own, ...TWO],
  });
  t.same(deliveries.sessions, [['a.example', 2, 0]]);
  t.equal(deliveries.own, 2);
  const shook = [at('09:00:01'), at('09:00:02'), at('10:00:00')].map((time) => handshake('a.example', time));
  const handshakes = counts(t, {
    'collector 2026-11-28': [reports[0]!],
    [`collector ${DAY}`]: [reports[1]!, ...own, ...shook],
  });
  t.same(handshakes.sessions, [['a.example', 1, 0]]);
  const again = counts(t, {
    [`collector ${DAY}`]: [
      reports[1]!,
      own[1]!,
      { ...message('R2', at('12:00:00')), messageId: '<other@b.example>' },
      to('b.example', at('12:00:01'), { queueId: 'R2' }),
    ],
  });
  t.same(again.sessions, [['b.example', 1, 0]], 'a queue id that comes again');
});

t.test('what was demanded', async (t) => {
  const told = (domain: string, reply: string, time = at('08:00:00')): MadeRecord => ({
    time,
    type: 'map',
    leg: 'outbound',
    map: 'deliver',
    key: domain,
    status: 'OK',
    reply,
    row: { pattern: '*', at: 'tls.ini:1' },
    table: { hash: 'ab'.repeat(32), generation: 1 },
  });
  const verified = {
    demanded: undefined,
    agent: 'postfix/smtp',
    tls: { state: 'tls', peer: 'verified', how: 'joined' },
  };
  const read = counts(t, {
    [`daemon ${DAY}`]: [
      told('sts.example', 'OK secure match=mx.sts.example servername=hostname'),
      told('dane.example', 'OK dane-only'),
      told('changed.example', 'OK secure match=a.example'),
      told('changed.example', 'OK secure match=b.example', at('08:30:00')),
    ],
    [`collector ${DAY}`]: ['sts', 'dane', 'changed', 'nobody'].map((name) =>
      to(`${name}.example`, at('10:00:00'), { ...verified, queueId: name }),
    ),
  });
  const types = read.counts.flatMap(({ domain, policies }) =>
    policies.map(({ policy }) => [domain, policy.type, policy.domain]),
  );
  t.same(types, [
    ['changed.example', 'no-policy-found', 'changed.example'],
    ['dane.example', 'tlsa', 'mx.dane.example'],
    ['sts.example', 'secure', 'sts.example'],
  ]);
  t.equal(read.unknown, 1, 'verified, and nobody said by what');
});
