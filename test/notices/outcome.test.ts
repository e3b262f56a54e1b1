/** What records say of a message that is gone. */
import { test } from 'tap';
import type { DeliveryRecord } from '../../src/evidence/record.ts';
import { outcomeOf } from '../../src/notices/outcome.ts';

const ARRIVED = Date.parse('2026-11-30T10:00:00Z');

function record(
  recipient: string,
  outcome: DeliveryRecord['outcome'],
  state: DeliveryRecord['tls']['state'] = 'unknown',
  time = '2026-11-30T11:00:00.000Z',
): DeliveryRecord {
  const recipientDomain = recipient.slice(recipient.lastIndexOf('@') + 1);
  const source = { kind: 'file', position: '1' };
  return {
    ...{ v: 1, n: 0, time, type: 'delivery', host: 'mx', leg: 'outbound', queueId: 'A1' },
    ...{ recipient, recipientDomain, tls: { state }, outcome, source },
  };
}
const of = (waited: readonly string[], ...records: readonly DeliveryRecord[]) => {
  const { sent, returned } = outcomeOf(records, ARRIVED, waited);
  return [
    ...[...sent].map(([domain, how]) => `${domain} ${how}`),
    ...[...returned].map((one) => `${one} back`),
  ];
};

test('sent', async (t) => {
  const later = record('h:2026-11:A@a.example', 'deferred');
  t.same(of(['a.example'], later, record('h:2026-11:A@a.example', 'sent', 'tls')), ['a.example tls']);
  t.same(of(['a.example'], record('A@a.example', 'sent', 'plain')), ['a.example plain']);
  t.same(of(['a.example'], record('A@a.example', 'sent')), ['a.example unknown']);
  t.same(
    of(
      ['a.example', 'a.example'],
      record('A@a.example', 'sent', 'tls'),
      record('B@a.example', 'sent', 'plain'),
    ),
    ['a.example unknown'],
  );
  t.same(of(['a.example'], record('x@b.example', 'sent', 'tls')), [], 'another domain');
});

test('not sent, or not known to be', async (t) => {
  t.same(of(['a.example']), []);
  t.same(of(['a.example'], record('A@a.example', 'deferred')), []);
  t.same(of(['a.example'], record('A@a.example', 'sent', 'tls'), record('B@a.example', 'deferred')), []);
  t.same(of(['a.example', 'a.example'], record('A@a.example', 'sent', 'tls')), [], 'one of two');
  t.same(of(['a.example', 'a.example'], record('@a.example', 'sent')), [], 'nobody is told apart');
  t.same(
    of(['a.example'], record('A@a.example', 'sent', 'tls', '2026-11-30T09:00:00.000Z')),
    [],
    'an earlier message',
  );
  t.same(of(['a.example'], record('A@a.example', 'filtered')), []);
  for (const outcome of ['bounced', 'expired'] as const)
    t.same(
      of(['a.example', 'b.example'], record('A@a.example', outcome), record('B@b.example', 'sent', 'tls')),
      ['b.example tls', 'a.example back'],
    );
  const many = Array.from({ length: 3000 }, (_, i) =>
    record(`u${i}@a.example`, i === 1500 ? 'deferred' : 'sent'),
  );
  t.same(of(['a.example'], ...many, record('u0@a.example', 'deferred')), []);
});
