/** Beyond their limits tallies still have the totals, keep what harms, and say what they left out. */
import t from 'tap';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { Accounts } from '../../src/tally/accounts.ts';
import { TallyBuilder } from '../../src/tally/buildTally.ts';
import { Merger } from '../../src/tally/mergeTallies.ts';
import { Told } from '../../src/tally/told.ts';
import { DAY, failed, merged, message, NO_STARTTLS, recordOf, sent, some, tallyOf } from './made.ts';

const MESSAGE = recordOf(message('10:00:00', { row: undefined }));

function from(domain: string, i: number): EvidenceRecord {
  return { ...MESSAGE, queueId: `Q${i}`, senderDomain: domain } as EvidenceRecord;
}

t.test('more domains than are told apart', async (t) => {
  const builder = new TallyBuilder(DAY, new Told(), new Accounts(10));
  builder.add(
    recordOf(message('10:00:00', { senderDomain: 'harmed.example', would: 'reject', breach: 'plain' })),
  );
  for (let i = 0; i < 200; i++) builder.add(from(`d${i % 100}.example`, i));
  for (let i = 200; i < 205; i++) builder.add(from('much.example', i));
  const day = builder.finish();
  t.equal(day.partners.length, 10);
  t.ok(day.cut.includes('partners'));
  const found = merged('daemon', day);
  t.same(some(found.total.in), { tls13: 206, passed: 1 });
  t.same(
    found.partners.slice(0, 2).map(({ domain }) => domain),
    ['harmed.example', 'much.example'],
  );
  t.equal(found.others.in.tls13 + found.partners.reduce((sum, one) => sum + one.tls13, 0), 206);
  t.match(found.notes, [
    'On 1 day there was mail with more domains than are told apart: the totals hold, the figures of single domains may be too low.',
  ]);
  const [cipher] = found.ciphers;
  t.equal(cipher?.count, 206, 'sessions of all');
  const one = new Merger(DAY, DAY, 'd99.example');
  one.add('evidence', 'daemon', day);
  t.equal(
    one.finish([]).notes.length,
    day.partners.some(({ domain }) => domain === 'd99.example') ? 0 : 1,
    'of one domain it is said, too',
  );
});

t.test('more domains over all days', async (t) => {
  const merger = new Merger('2026-11-20', '2026-11-21', null, 10);
  for (const [n, day] of ['2026-11-20', '2026-11-21'].entries()) {
    const records = Array.from({ length: 30 }, (_, i) =>
      message('10:00:00', { queueId: `Q${i}`, senderDomain: `d${n}-${i}.example`, row: undefined }, day),
    );
    merger.add('evidence', 'daemon', tallyOf(records, day));
  }
  const found = merger.finish([]);
  t.equal(found.partners.length, 10);
  t.equal(found.total.in.tls13, 60);
  t.equal(found.others.in.tls13, 50);
  t.equal(found.notes.length, 1);
});

t.test('more that waits than is followed', async (t) => {
  const builder = new TallyBuilder(DAY, new Told());
  const waits = recordOf(failed('10:00:00', NO_STARTTLS));
  for (let i = 0; i < 21_000; i++) builder.add({ ...waits, queueId: `Q${i}` } as EvidenceRecord);
  const day = builder.finish();
  t.equal(day.waiting.length, 20_000);
  t.ok(day.cut.includes('waiting'));
  const found = merged('collector', day);
  t.equal(found.total.out.waiting, 21_000);
  t.equal(found.notes.length, 1);
});

t.test('causes beyond the limit of one domain', async (t) => {
  const records = Array.from({ length: 40 }, (_, i) =>
    message('10:00:00', { queueId: `Q${i}`, action: 'reject', rule: `rule ${i}`, row: undefined }),
  );
  const found = merged('daemon', tallyOf(records));
  t.equal(found.causes.length, 12);
  t.equal(found.otherCauses, 28);
  t.equal(found.total.in.refused, 40);
});

t.test('the two streams in one value', async (t) => {
  const merger = new Merger(DAY, DAY, null);
  merger.add('evidence', 'daemon', tallyOf([message('10:00:00', { senderDomain: 'example.org' })]));
  merger.add('evidence', 'collector', tallyOf([sent('10:00:00')]));
  const found = merger.finish([]);
  t.same(
    found.partners.map(({ domain, way }) => [domain, way]),
    [
      ['example.org', 'in'],
      ['example.org', 'out'],
    ],
  );
  t.same(found.recordedDays, { in: 1, out: 1 });
  t.same(
    found.ciphers.map(({ way, protocol, count }) => [way, protocol, count]),
    [
      ['in', 'TLSv1.3', 1],
      ['out', 'TLSv1.3', 1],
    ],
  );
});
