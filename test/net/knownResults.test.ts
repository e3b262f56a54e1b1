/** Last known results of servers: what they say, for how long, and how many there are. */
import t from 'tap';
import { KNOWN_FOR_MS, KnownResults, MOST_KNOWN } from '../../src/net/knownResults.ts';

const NOW = 1_700_000_000_000;
const why = 'did not offer it';

t.test('what fails the lower level fails the higher, not the other way round', async (t) => {
  const known = new KnownResults();
  known.remember({ host: 'mx.a.example', level: 'encrypt', why }, NOW);
  known.remember({ host: 'mx.b.example', level: 'verify', why: 'other name' }, NOW);
  t.match(known.failed('mx.a.example', 'encrypt', NOW), { why, seenAt: NOW });
  t.match(known.failed('mx.a.example', 'verify', NOW), { why });
  t.equal(known.failed('mx.b.example', 'encrypt', NOW), null);
  t.match(known.failed('mx.b.example', 'verify', NOW), { why: 'other name' });
  t.equal(known.failed('mx.c.example', 'verify', NOW), null);
  known.remember({ host: 'mx.a.example', level: 'verify', why: 'other name' }, NOW + 1);
  t.match(
    known.failed('mx.a.example', 'encrypt', NOW + 1),
    { why, seenAt: NOW + 1 },
    'says less, so it does not replace',
  );
});

t.test('for an hour', async (t) => {
  const known = new KnownResults();
  known.remember({ host: 'mx.a.example', level: 'encrypt', why }, NOW);
  t.ok(known.failed('mx.a.example', 'encrypt', NOW + KNOWN_FOR_MS));
  t.equal(known.failed('mx.a.example', 'encrypt', NOW + KNOWN_FOR_MS + 1), null);
  known.remember({ host: 'mx.b.example', level: 'encrypt', why }, NOW + 10);
  known.sweep(NOW + KNOWN_FOR_MS + 1);
  t.equal(known.size, 1);
  known.remember({ host: 'mx.a.example', level: 'verify', why: 'other name' }, NOW + 2 * KNOWN_FOR_MS);
  t.equal(
    known.failed('mx.a.example', 'encrypt', NOW + 2 * KNOWN_FOR_MS),
    null,
    'an old result does not live on',
  );
});

t.test('bounded, the oldest go first', async (t) => {
  const known = new KnownResults();
  for (let i = 0; i <= MOST_KNOWN; i++)
    known.remember({ host: `mx${i}.example`, level: 'encrypt', why }, NOW + i);
  t.equal(known.size, MOST_KNOWN);
  t.equal(known.failed('mx0.example', 'encrypt', NOW), null);
  t.ok(known.failed('mx1.example', 'encrypt', NOW));
  known.remember({ host: 'mx1.example', level: 'encrypt', why }, NOW + MOST_KNOWN + 1);
  known.remember({ host: 'new.example', level: 'encrypt', why }, NOW + MOST_KNOWN + 2);
  t.ok(known.failed('mx1.example', 'encrypt', NOW), 'seen again is young again');
  t.equal(known.failed('mx2.example', 'encrypt', NOW), null);
});
