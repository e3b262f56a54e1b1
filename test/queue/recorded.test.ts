/** Who waits by the records: the last attempt decides, also across months and where recipients cannot be told apart. */
import { test } from 'tap';
import type { DeliveryRecord } from '../../src/evidence/record.ts';
import { RecordedWaiting } from '../../src/queue/recorded.ts';

const at = (minutes: number): string => new Date(Date.UTC(2026, 10, 30, 6, minutes)).toISOString();

function attempt(
  minutes: number,
  outcome: DeliveryRecord['outcome'],
  fields: Partial<DeliveryRecord> = {},
): DeliveryRecord {
  return {
    v: 1,
    n: 0,
    type: 'delivery',
    host: 'mx.example.org',
    leg: 'outbound',
    time: at(minutes),
    queueId: 'AAAAA1',
    recipient: 'h:2026-11:aaaaaaaaaaaaaaaa@bank.example',
    recipientDomain: 'bank.example',
    tls: { state: 'unknown' },
    outcome,
    reply: 'Server certificate not verified',
    source: { kind: 'file', position: '1' },
    ...fields,
  };
}

function waiting(...attempts: readonly DeliveryRecord[]): ReturnType<RecordedWaiting['result']>['messages'] {
  const all = new RecordedWaiting();
  for (const one of attempts) all.add(one);
  return all.result().messages;
}

test('the last attempt decides', async (t) => {
  t.match(
    waiting(attempt(0, 'deferred'), attempt(9, 'deferred', { tls: { state: 'tls', why: 'expired' } })),
    [
      {
        id: 'AAAAA1',
        state: 'deferred',
        arrived: Date.parse(at(0)),
        recipients: [{ address: '@bank.example', noted: 'expired' }],
      },
    ],
  );
  for (const end of ['sent', 'bounced', 'expired'] as const)
    t.strictSame(waiting(attempt(0, 'deferred'), attempt(9, end)), [], end);
  t.strictSame(waiting(attempt(0, 'sent')), []);
  const other = { recipient: 'h:2026-11:bbbbbbbbbbbbbbbb@bank.example' };
  t.equal(
    waiting(attempt(0, 'deferred'), attempt(0, 'deferred', other), attempt(9, 'sent'))[0]?.recipients.length,
    1,
    'one of two left',
  );
  t.equal(waiting(attempt(0, 'deferred'), attempt(9, 'sent', { queueId: 'BBBBB2' })).length, 1);
  t.equal(waiting(attempt(0, 'deferred'), attempt(9, 'sent', { host: 'mx2.example.org' })).length, 1);
});

test('a message to two domains is one', async (t) => {
  const second = { recipient: '@clinic.example', recipientDomain: 'clinic.example' };
  const found = waiting(attempt(3, 'deferred'), attempt(1, 'deferred', second));
  t.match(found, [{ arrived: Date.parse(at(1)), recipients: { length: 2 } }]);
  t.equal(found.length, 1);
});

test('another month has other pseudonyms for the same recipients', async (t) => {
  const later = { recipient: 'h:2026-12:cccccccccccccccc@bank.example' };
  t.strictSame(waiting(attempt(0, 'deferred'), attempt(1200, 'sent', later)), []);
  t.match(waiting(attempt(0, 'deferred'), attempt(1200, 'deferred', later)), [
    { arrived: Date.parse(at(0)), recipients: { length: 1 } },
  ]);
});

test('recipients that are not told apart count by the newest round', async (t) => {
  const one = { recipient: '@bank.example' };
  const round = [attempt(0, 'deferred', one), attempt(0, 'deferred', one), attempt(0, 'sent', one)];
  t.match(waiting(...round), [{ recipients: { length: 2 } }]);
  t.match(waiting(...round, attempt(9, 'sent', one), attempt(9, 'deferred', one)), [
    { recipients: { length: 1 } },
  ]);
  t.strictSame(waiting(...round, attempt(9, 'sent', one), attempt(9, 'sent', one)), []);
});

test('what is followed has a limit', async (t) => {
  const all = new RecordedWaiting(2);
  for (const id of ['A', 'B', 'C']) all.add(attempt(0, 'deferred', { queueId: id }));
  t.match(all.result(), { beyond: true, messages: { length: 2 } });
  t.strictSame([all.has('A'), all.has('C')], [true, false]);
  all.add(attempt(1, 'sent', { queueId: 'A' }));
  t.notOk(all.has('A'));
  all.add(attempt(2, 'deferred', { queueId: 'D' }));
  t.strictSame(
    all.result().messages.map(({ id }) => id),
    ['B', 'D'],
    'room again',
  );
});
