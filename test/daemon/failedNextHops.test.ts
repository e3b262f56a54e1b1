/** Last known results of servers: what they say, for how long, and how many there are. */
import t from 'tap';
import type { Active } from '../../src/daemon/active.ts';
import {
  FAILED_FOR_MS,
  FailedNextHops,
  MAX_FAILED,
  MAX_KNOWN_BYTES,
} from '../../src/daemon/failedNextHops.ts';
import { MapListeners } from '../../src/daemon/mapListeners.ts';
import { Maps } from '../../src/daemon/mapService.ts';
import { tableOf } from '../core/buildTables.ts';

const NOW = 1_700_000_000_000;
const why = 'did not offer it';

t.test('what fails the lower level fails the higher, not the other way round', async (t) => {
  const known = new FailedNextHops();
  known.remember('mx.a.example', { host: 'mx', level: 'encrypt', why }, NOW);
  known.remember('mx.b.example', { host: 'mx', level: 'verify', why: 'other name' }, NOW);
  t.match(known.failed('mx.a.example', 'encrypt', NOW), { why, seenAt: NOW });
  t.match(known.failed('mx.a.example', 'verify', NOW), { why });
  t.equal(known.failed('mx.b.example', 'encrypt', NOW), null);
  t.match(known.failed('mx.b.example', 'verify', NOW), { why: 'other name' });
  t.equal(known.failed('mx.c.example', 'verify', NOW), null);
  known.remember('mx.a.example', { host: 'mx', level: 'verify', why: 'other name' }, NOW + 1);
  t.match(
    known.failed('mx.a.example', 'encrypt', NOW + 1),
    { why, seenAt: NOW + 1 },
    'says less, so it does not replace',
  );
});

t.test('for an hour', async (t) => {
  const known = new FailedNextHops();
  known.remember('mx.a.example', { host: 'mx', level: 'encrypt', why }, NOW);
  t.ok(known.failed('mx.a.example', 'encrypt', NOW + FAILED_FOR_MS));
  t.equal(known.failed('mx.a.example', 'encrypt', NOW + FAILED_FOR_MS + 1), null);
  known.remember('mx.b.example', { host: 'mx', level: 'encrypt', why }, NOW + 10);
  known.sweep(NOW + FAILED_FOR_MS + 1);
  t.equal(known.size, 1);
  known.remember('mx.a.example', { host: 'mx', level: 'verify', why: 'other name' }, NOW + 2 * FAILED_FOR_MS);
  t.equal(
    known.failed('mx.a.example', 'encrypt', NOW + 2 * FAILED_FOR_MS),
    null,
    'an old result does not live on',
  );
});

t.test('bounded, the oldest go first', async (t) => {
  const known = new FailedNextHops();
  for (let i = 0; i <= MAX_FAILED; i++)
    known.remember(`mx${i}.example`, { host: 'mx', level: 'encrypt', why }, NOW + i);
  t.equal(known.size, MAX_FAILED);
  const last = NOW + MAX_FAILED + 2;
  t.equal(known.failed('mx0.example', 'encrypt', last), null);
  t.ok(known.failed('mx1.example', 'encrypt', last));
  t.equal(
    known.failed('mx1.example', 'encrypt', NOW - 120_000),
    null,
    'not before it was seen: the clock was set back',
  );
  known.remember('mx1.example', { host: 'mx', level: 'encrypt', why }, NOW + MAX_FAILED + 1);
  known.remember('new.example', { host: 'mx', level: 'encrypt', why }, NOW + MAX_FAILED + 2);
  t.ok(known.failed('mx1.example', 'encrypt', last), 'seen again is young again');
  t.equal(known.failed('mx2.example', 'encrypt', last), null);
  // and in bytes
  for (let i = 0; i < MAX_FAILED; i++)
    known.remember(`${'x'.repeat(2000)}${i}.example`, { host: 'mx', level: 'encrypt', why }, last + i);
  t.ok(known.size < 4000 && known.memory.used <= MAX_KNOWN_BYTES, `${known.size}, ${known.memory.used}`);
  t.ok(known.failed(`${'x'.repeat(2000)}${MAX_FAILED - 1}.example`, 'encrypt', last + MAX_FAILED));
  known.remember('x'.repeat(100_000), { host: 'mx', level: 'encrypt', why }, last + MAX_FAILED);
  t.equal(known.failed('x'.repeat(100_000), 'encrypt', last + MAX_FAILED), null, 'no name of a host');
  known.sweep(last + 3 * MAX_FAILED + FAILED_FOR_MS);
  t.equal(known.memory.used, 0);
});

t.test('learnt from the questions of one connection', async (t) => {
  const known = new FailedNextHops();
  const active = {
    table: tableOf([]),
    postfixVersion: [3, 7],
    ways: { relayhost: null, fallbacks: new Map() },
  };
  const log = { mapAnswer: () => {} };
  const maps = new Maps(
    () => active as unknown as Active,
    new MapListeners(log, { mapAnswer: () => {} }),
    known,
    {
      find: () => Promise.reject(new Error('not asked')),
    },
  );
  const [one, two] = [
    { conn: 1, peer: 'a' },
    { conn: 2, peer: 'b' },
  ];
  const refused = '4.7.4 TLS is required, but was not offered by host mx.shared.example[192.0.2.1]';
  const ask = (map: string, key: string, peer: typeof one) => maps.answer({ map, key }, peer);
  await ask('deliver-encrypt', 'A.example', one);
  await ask('deliver-verify', '[relay.example]:587', two);
  await ask('deliver', 'ordinary.example', one);
  await ask('status-encrypt', refused, one);
  await ask('status-verify', '4.7.5 Server certificate not verified', two);
  await ask('deliver-encrypt', 'b.example', one);
  await ask('status-encrypt', '2.0.0 250 kept', one);
  const now = Date.now();
  t.match(known.failed('a.example', 'encrypt', now), { host: 'mx.shared.example', nextHop: 'a.example' });
  t.match(known.failed('[relay.example]:587', 'verify', now), { why: 'had a certificate for another name' });
  t.equal(known.failed('[relay.example]:587', 'encrypt', now), null);
  t.equal(
    known.size,
    2,
    'the server itself, the ordinary delivery and the one that went well are not among them',
  );
  await ask('status-encrypt', refused, { conn: 3, peer: 'c' });
  t.ok(known.failed('mx.shared.example', 'encrypt', now), 'without a question before it: the server');
});
