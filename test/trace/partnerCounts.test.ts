/** Counts for a statement: nothing twice, and what is not known by itself. */
import t from 'tap';
import { type Class, inboundClass, outboundClass, together } from '../../src/trace/classes.ts';
import { PartnerCounts } from '../../src/trace/partnerCounts.ts';
import type { Place } from '../../src/trace/places.ts';
import { readRecord } from '../../src/trace/readRecord.ts';
import { delivery, type MadeRecord, verdict } from './madeDays.ts';

const PLACE: Place = { directory: 'a', streams: [], keys: [], keyTrouble: '' };

function recordOf(made: MadeRecord, n = 1) {
  const text = JSON.stringify({ v: 1, n, host: 'mx.example.org', ...made }).replaceAll(
    /"<([^>]+)>"/g,
    '"$1"',
  );
  return readRecord(Buffer.from(text))!;
}

function counted(...all: readonly MadeRecord[]): PartnerCounts {
  const counts = new PartnerCounts('bank.example');
  for (const [n, made] of all.entries())
    counts.add({ place: PLACE, stream: 'daemon', day: '2026-11-20', record: recordOf(made, n) });
  return counts;
}

/** Those that are not 0. */
function some(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, number]) => number !== 0));
}

const at = (time: string): string => `2026-11-20T${time}.000Z`;
const RCPT = { protocol: 'policy', stage: 'RCPT' };

t.test('answers about one message are one message', async (t) => {
  const counts = counted(
    verdict(at('10:00:00'), { ...RCPT, queueId: undefined }),
    verdict(at('10:00:01'), RCPT),
    verdict(at('10:00:02'), { ...RCPT, action: 'reject' }),
    verdict(at('10:00:03'), { ...RCPT, stage: 'DATA' }),
    verdict(at('10:00:04')),
    verdict(at('18:00:04')),
    verdict(at('18:00:04'), { queueId: '4OTHER' }),
    verdict(at('18:00:04'), { queueId: '4OTHER', host: 'mx2.example.org' }),
  );
  t.same(
    some(counts.from.came.messages),
    { tls: 4 },
    'an id after hours is another message, and on another host',
  );
  t.same(some(counts.from.came.answers), { tls: 1 });
  t.same(some(counts.from.came.refused), {});
  t.same(some(counts.to.came.messages), {});
});

t.test('the last answer about a whole message decides', async (t) => {
  const refused = counted(verdict(at('10:00:00'), RCPT), verdict(at('10:00:04'), { action: 'defer' }));
  t.same(some(refused.from.came.messages), {});
  t.same(some(refused.from.came.refused), { tls: 1 });
  const kept = counted(verdict(at('10:00:00'), RCPT), verdict(at('10:00:01'), { ...RCPT, action: 'reject' }));
  t.same(some(kept.from.came.messages), { tls: 1 }, 'a refused recipient leaves the others');
  const without = counted(
    verdict(at('10:00:00'), { queueId: undefined, action: 'reject', tls: { state: 'plain' } }),
  );
  t.same(some(without.from.came.refused), { plain: 1 });
  const breach = counted(
    verdict(at('10:00:00'), { would: 'reject', breach: 'encrypt', tls: { state: 'plain' } }),
  );
  t.equal(breach.from.came.breaches, 1);
});

t.test('deliveries', async (t) => {
  const to = {
    recipient: '<alice@bank.example>',
    recipientDomain: 'bank.example',
    sender: '<bob@example.org>',
  };
  const counts = counted(
    delivery(at('10:00:00'), to),
    delivery(at('10:00:00'), { ...to, tls: { state: 'tls', peer: 'trusted' } }),
    delivery(at('10:00:00'), { ...to, tls: { state: 'unknown', why: 'no line' } }),
    delivery(at('10:00:00'), { ...to, tls: { state: 'unknown', how: 'local' } }),
    delivery(at('10:00:00'), {
      ...to,
      tls: { state: 'plain' },
      relay: { host: 'localhost', address: '127.0.0.1' },
    }),
    delivery(at('10:00:00'), {
      ...to,
      tls: { state: 'plain' },
      relay: { host: 'x', address: 'private/lmtp' },
    }),
    delivery(at('10:00:00'), { ...to, tls: { state: 'plain' } }),
    delivery(at('10:00:00'), { ...to, outcome: 'deferred' }),
    delivery(at('10:00:00'), { ...to, outcome: 'bounced' }),
    delivery(at('10:00:00'), { ...to, outcome: 'expired' }),
    delivery(at('10:00:00'), { ...to, outcome: 'filtered' }),
    delivery(at('10:00:00'), {
      ...to,
      recipient: '<x@sub.bank.example>',
      recipientDomain: 'sub.bank.example',
    }),
  );
  t.same(some(counts.to.went.sent), { verified: 1, tls: 1, plain: 1, unknown: 1, inside: 3 });
  t.same([counts.to.went.deferred, counts.to.went.failed, counts.to.went.filtered], [1, 2, 1]);
  t.same(some(counts.from.went.sent), {}, 'the sender is another');
});

t.test('the words for a session', async (t) => {
  const inbound = (fields: Readonly<Record<string, unknown>>): Class =>
    inboundClass(recordOf(verdict(at('10:00:00'), { ...fields })) as never);
  t.equal(inbound({}), 'tls');
  t.equal(inbound({ tls: { state: 'tls', certificate: 'trusted' } }), 'verified');
  t.equal(inbound({ tls: { state: 'tls', certificate: 'untrusted' } }), 'tls');
  t.equal(inbound({ tls: { state: 'unknown' } }), 'unknown');
  t.equal(inbound({ client: '::1', tls: { state: 'plain' } }), 'inside');
  t.equal(inbound({ client: '127.0.0.1.example', tls: { state: 'plain' } }), 'plain');
  const outbound = (fields: Readonly<Record<string, unknown>>): Class =>
    outboundClass(recordOf(delivery(at('10:00:00'), fields)) as never);
  for (const peer of ['anonymous', 'untrusted', 'trusted', 'Verified'])
    t.equal(outbound({ tls: { state: 'tls', peer } }), 'tls', peer);
  t.equal(outbound({ tls: { state: 'tls' } }), 'tls');
  for (const [one, other, both] of [
    ['plain', 'tls', 'unknown'],
    ['tls', 'plain', 'unknown'],
    ['unknown', 'tls', 'tls'],
    ['plain', 'unknown', 'plain'],
    ['tls', 'verified', 'tls'],
    ['inside', 'verified', 'unknown'],
    ['verified', 'verified', 'verified'],
  ] as const)
    t.equal(together(one, other), both, `${one} and ${other}`);
});

t.test('rows and tables', async (t) => {
  const counts = counted(
    verdict(at('10:00:00')),
    verdict(at('11:00:00'), { table: { hash: 'cd'.repeat(32), generation: 2 } }),
    verdict(at('10:30:00'), { host: 'mx2.example.org' }),
  );
  t.match(counts.rows, [{ pattern: 'bank.example', level: 'encrypt', count: 3 }]);
  t.equal(counts.tables.get('mx.example.org')?.hash, 'cd'.repeat(32), 'the last one');
  t.equal(counts.tables.get('mx2.example.org')?.hash, 'ab'.repeat(32));
});
