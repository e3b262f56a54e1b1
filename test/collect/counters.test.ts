/** What the collector counts of the records that it makes, and the file that tells it: numbers by fixed names, or nothing. */
import { test } from 'tap';
import {
  CollectorCounters,
  countersText,
  MAX_COUNTERS_BYTES,
  parseCounters,
} from '../../src/collect/counters.ts';
import type { Produced } from '../../src/collect/produced.ts';

const delivery = (tls: Record<string, string>, outcome: string): Produced => ({
  time: 0,
  type: 'delivery',
  host: '',
  fields: { tls, outcome },
});

test('deliveries by TLS and outcome, gaps and lines', async (t) => {
  const counters = new CollectorCounters(1000);
  counters.made([
    delivery({ state: 'tls', protocol: 'TLSv1.3' }, 'sent'),
    delivery({ state: 'tls', protocol: 'TLSv1.3' }, 'sent'),
    delivery({ state: 'tls', protocol: 'TLSv1' }, 'deferred'),
    delivery({ state: 'tls', protocol: 'TLSv9"}' }, 'sent'),
    delivery({ state: 'tls' }, 'bounced'),
    delivery({ state: 'plain' }, 'sent'),
    delivery({ state: 'unknown', how: 'joined' }, 'expired'),
    delivery({ state: 'unknown', how: 'local' }, 'sent'),
    { time: 0, type: 'gap', host: '', fields: {} },
    { time: 0, type: 'message', host: '', fields: {} },
  ]);
  counters.read(12, 2, 5000, false, 9000);
  const { deliveries, ...rest } = counters.figures(10_000);
  t.strictSame(rest, {
    startedAtMs: 1000,
    writtenAtMs: 10_000,
    lines: 12,
    unreadable: 2,
    records: 10,
    gapRecords: 1,
    newestLineMs: 5000,
    lagMs: 4000,
  });
  t.equal(deliveries['TLSv1.3'].sent, 2);
  t.equal(deliveries.TLSv1.deferred, 1);
  t.strictSame(deliveries.otherTls, { sent: 1, deferred: 0, bounced: 1, expired: 0 });
  t.equal(deliveries.plain.sent, 1, 'what is unknown is not plain');
  t.equal(deliveries.unknown.expired, 1);
  t.equal(deliveries.local.sent, 1);
  const all = Object.values(deliveries).flatMap((one) => Object.values(one));
  t.equal(
    all.reduce((sum, one) => sum + one, 0),
    8,
  );
});

test('a quiet log is no lag, and a full disk is one', async (t) => {
  const counters = new CollectorCounters(0);
  t.equal(counters.figures(1).lagMs, null, 'nothing was read');
  counters.read(1, 0, 1000, true, 1500);
  t.equal(counters.figures(9000).lagMs, 500, 'of the line when it was read');
  counters.waiting(true);
  t.equal(counters.figures(9000).lagMs, 8000);
  counters.waiting(false);
  counters.read(0, 0, 1000, true, 9000);
  t.equal(counters.figures(9000).lagMs, 0);
  counters.read(1, 0, 10_000, true, 9000);
  t.equal(counters.figures(9000).lagMs, 0, 'a line of the future');
});

test('the file is read back, and nothing else is', async (t) => {
  const counters = new CollectorCounters(1000);
  counters.made([delivery({ state: 'plain' }, 'sent')]);
  const figures = counters.figures(2000);
  const text = countersText(figures);
  t.strictSame(parseCounters(text), figures);
  t.ok(text.length < MAX_COUNTERS_BYTES / 4);
  const most = text.replace(/:\d+/g, `:${Number.MAX_SAFE_INTEGER}`);
  t.ok(most.length < MAX_COUNTERS_BYTES / 2, 'also with the longest numbers');
  for (const other of [
    '',
    'null',
    '[]',
    '{',
    text.slice(0, 40),
    text.replace('"v":1', '"v":2'),
    text.replace('"lines":0', '"lines":-1'),
    text.replace('"lines":0', '"lines":"0"'),
    text.replace('"lines":0', '"lines":1e300'),
    text.replace('"newestLineMs":null', '"newestLineMs":{}'),
    text.replace('"sent":1', '"sent":0.5'),
    text.replace('"plain"', '"pain"'),
    text.replace(/"plain":\{[^}]*\}/, '"plain":null'),
    text.replace(/"deliveries":.*\n/, '"deliveries":null}'),
  ])
    t.equal(parseCounters(other), null, other.slice(0, 60));
  const more = text.replace('"v":1', '"v":1,"evil":"x"').replace('"plain":', '"x\\"}":{"sent":1},"plain":');
  t.strictSame(parseCounters(more), figures, 'names of somebody else are left out');
});
