/** Deliveries to sessions: what is one session, what counts, and under which policy. */
import t from 'tap';
import type { DeliveryRecord } from '../../../src/evidence/record.ts';
import { DeliverySessions, type Demand, namesOf } from '../../../src/tlsrpt/send/fromDeliveries.ts';
import { delivery } from './sessions.ts';

const MAY: Demand = { level: 'may', names: [] };
const count = (records: readonly DeliveryRecord[], demand = MAY): number => {
  const sessions = new DeliverySessions();
  return records.filter((one) => sessions.add(one, demand) !== null).length;
};
const one = (more: Parameters<typeof delivery>[0], demand = MAY) =>
  new DeliverySessions().add(delivery(more), demand);
const to = (name: string, more: Parameters<typeof delivery>[0] = {}) =>
  delivery({ recipient: `h:2026-11:${name}@bank.example`, ...more });
const failed = (reply: string, more: Parameters<typeof delivery>[0] = {}) =>
  ({ outcome: 'deferred', reply, dsn: '4.7.5', ...more }) as const;

t.test('one session', async (t) => {
  t.equal(count([to('a'), to('b'), to('c')]), 1, 'recipients of a message');
  t.equal(count([to('a'), to('a', { time: '2026-11-29T10:00:05.000Z' })]), 2, 'a recipient again');
  t.equal(count([to('a'), to('b', { time: '2026-11-29T10:05:00.000Z' })]), 2, 'minutes later');
  t.equal(count([to('a'), to('b', { reply: '250 queued as 2' })]), 2, 'taken twice');
  t.equal(
    count([to('a'), to('b', { outcome: 'bounced', reply: 'host mx said: 550 no' })]),
    1,
    'one was refused',
  );
  t.equal(count([to('a'), to('b', { queueId: 'B2' })]), 2, 'two messages');
  t.equal(count([to('a'), to('b', { relay: { host: 'mx2.bank.example' } })]), 2, 'two servers');
  t.equal(
    count([to('a'), to('b', { queueId: 'B2', tls: { reused: true } })]),
    1,
    'a connection that was kept',
  );
  const bare = (reply: string) => delivery({ recipient: '@bank.example', reply });
  t.equal(count([bare('250 1'), bare('250 1')]), 1, 'privacy = domains');
});

t.test('what counts', async (t) => {
  t.match(one({}), {
    domain: 'bank.example',
    ok: true,
    policy: { type: 'no-policy-found', server: 'mx.bank.example' },
  });
  t.match(one({ outcome: 'bounced', reply: 'host mx said: 550 5.1.1 no such user', dsn: '5.1.1' }), {
    ok: true,
  });
  for (const [reply, result, reason] of [
    ['TLS is required, but was not offered by host mx.bank.example[192.0.2.1]', 'starttls-not-supported', ''],
    ['Cannot start TLS: handshake failure', 'validation-failure', 'handshake failed'],
  ])
    t.match(one(failed(reply!, { tls: { state: 'unknown' } })), {
      ok: false,
      failures: [{ result, reason, mxHost: 'mx.bank.example', mxAddress: '192.0.2.1' }],
    });
  const named: Demand = { level: 'secure', names: ['mx.bank.example'] };
  for (const [why, result] of [
    ['certificate verification failed: certificate has expired', 'certificate-expired'],
    ['certificate verification failed: hostname mismatch', 'certificate-host-mismatch'],
    ['certificate verification failed: self-signed certificate', 'certificate-not-trusted'],
    ['', 'validation-failure'],
  ])
    t.match(one(failed('Server certificate not verified', { tls: { why: why! } }), named), {
      ok: false,
      policy: { type: 'secure', strings: ['mx.bank.example'] },
      failures: [{ result }],
    });
});

t.test('what does not', async (t) => {
  t.equal(one({ tls: { state: 'plain' } }), null, 'plaintext that was allowed');
  t.equal(one({ tls: { state: 'unknown' } }), null);
  t.equal(one({ tls: { how: 'local' } }), null);
  t.equal(one({ outcome: 'expired' }), null);
  t.equal(one({ relay: { host: '[192.0.2.1]' } }), null, 'no name of a host');
  for (const reply of [
    'TLS is required, but our TLS engine is unavailable',
    'host mx said: 530 5.7.0 Must issue a STARTTLS command first',
    'connect to mx.bank.example[192.0.2.1]:25: Connection refused',
    'lost connection with mx.bank.example',
  ])
    t.equal(one(failed(reply, { tls: { state: 'unknown' } })), null, reply);
});

t.test('the policy', async (t) => {
  const of = (level: string, peer: string, names: readonly string[] = []) =>
    one({ tls: { peer } }, { level, names })?.policy;
  t.match(of('dane-only', 'verified'), { type: 'tlsa', domain: 'mx.bank.example' });
  t.match(of('dane', 'verified'), { type: 'tlsa' });
  t.match(of('dane', 'anonymous'), { type: 'no-policy-found' }, 'there were no TLSA records that count');
  t.match(of('secure', 'verified', ['.bank.example']), { type: 'secure', strings: ['.bank.example'] });
  t.match(of('secure', 'verified'), { type: 'no-policy-found' }, 'a row of our own');
  t.match(of('', 'trusted'), { type: 'no-policy-found' });
  const sessions = new DeliverySessions();
  t.equal(sessions.add(delivery({ tls: { peer: 'verified' } }), { level: '', names: [] }), null);
  t.equal(sessions.unknown, 1, 'verified, and nobody knows by what');
});

t.test('names of an answer', async (t) => {
  t.same(namesOf('OK secure match=mx1.a.example:.b.example servername=hostname'), [
    'mx1.a.example',
    '.b.example',
  ]);
  t.same(namesOf('secure match=a.example policy_type=sts'), ['a.example']);
  for (const reply of [
    'secure',
    'encrypt match=a',
    'dane-only',
    'secure match=a.example:b.exa...',
    '',
    'OK secure x=1',
  ])
    t.same(namesOf(reply), [], reply);
});
