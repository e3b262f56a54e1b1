/** Which records belong together: by queue id, host and time. */
import t from 'tap';
import { isSameHost, livesOf } from '../../src/trace/lives.ts';
import type { Found, Place } from '../../src/trace/places.ts';
import { readRecord } from '../../src/trace/readRecord.ts';
import { delivery, type MadeRecord, message, verdict } from './madeDays.ts';

const PLACE: Place = { directory: 'a', streams: [], keys: [], keyTrouble: '' };
let n = 0;

function found(stream: 'daemon' | 'collector', made: MadeRecord, place = PLACE): Found {
  const text = JSON.stringify({ v: 1, n: n++, host: 'mx.example.org', ...made }).replaceAll(
    /"<([^>]+)>"/g,
    '"$1"',
  );
  return { place, stream, day: made.time.slice(0, 10), record: readRecord(Buffer.from(text))! };
}

/** Lives as the minutes of their records. */
function lives(...all: readonly Found[]): string[] {
  return livesOf(all).map(
    ({ queueId, found }) =>
      `${queueId}: ${found.map(({ record }) => `${record.type[0]}${record.time.slice(11, 16)}`).join(' ')}`,
  );
}

const at = (time: string): string => `2026-11-20T${time}.000Z`;

t.test('a queue id that is given again', async (t) => {
  const ID = { queueId: '4A' };
  const other = { queueId: '4A', messageId: '<second@bank.example>' };
  t.same(
    lives(
      found('daemon', verdict(at('10:00:00'), ID)),
      found('daemon', verdict(at('11:00:00'), ID)),
      found('collector', message(at('10:00:00'), ID)),
      found('collector', delivery(at('10:00:02'), ID)),
      found('collector', message(at('11:00:01'), other)),
      found('collector', delivery(at('11:00:01'), ID)),
      found('collector', delivery(at('11:05:00'), ID)),
    ),
    ['4A: v10:00 m10:00 d10:00', '4A: v11:00 m11:00 d11:00 d11:05'],
    'each delivery belongs to the nearest earlier arrival',
  );
  t.same(
    lives(found('daemon', verdict(at('10:00:00'), ID)), found('daemon', verdict(at('18:00:00'), ID))),
    ['4A: v10:00', '4A: v18:00'],
    'without deliveries: by the time between',
  );
  t.same(
    lives(
      found('daemon', verdict(at('10:00:00'), ID)),
      found('collector', message(at('10:00:01'), ID)),
      found('collector', delivery(at('10:00:02'), { ...ID, outcome: 'deferred' })),
      found('collector', message(at('13:00:00'), ID)),
      found('collector', delivery(at('13:00:02'), ID)),
    ),
    ['4A: v10:00 m10:00 d10:00 m13:00 d13:00'],
    'the same Message-ID again is the same message, after a restart of the collector',
  );
});

t.test('a log with whole seconds', async (t) => {
  const ID = { queueId: '4A' };
  t.same(
    lives(
      found('daemon', verdict('2026-11-20T10:00:00.800Z', ID)),
      found('collector', delivery('2026-11-20T10:00:00.000Z', ID)),
    ),
    ['4A: v10:00 d10:00'],
    'the delivery was in that second, not at its beginning',
  );
});

t.test('names of a host', async (t) => {
  t.ok(isSameHost('mx', 'MX.example.org'));
  t.notOk(isSameHost('mx.example.org', 'mx.example.net'));
  t.notOk(isSameHost('mx', 'mx2.example.org'));
  const ID = { queueId: '4A' };
  const other: Place = { ...PLACE, directory: 'b' };
  t.equal(
    livesOf([
      found('daemon', verdict(at('10:00:00'), ID)),
      found('collector', delivery(at('10:00:01'), { ...ID, host: 'srv7' })),
    ]).length,
    1,
    'one directory, one name each',
  );
  t.equal(
    livesOf([
      found('daemon', verdict(at('10:00:00'), ID)),
      found('collector', delivery(at('10:00:01'), { ...ID, host: 'srv7' })),
      found('collector', delivery(at('10:00:01'), { ...ID, host: 'srv8' })),
    ]).length,
    3,
    'a log of several hosts',
  );
  t.equal(
    livesOf([
      found('daemon', verdict(at('10:00:00'), ID)),
      found('collector', delivery(at('10:00:01'), { ...ID, host: 'srv7' }), other),
    ]).length,
    2,
    'two directories',
  );
  t.same(
    lives(
      found('daemon', verdict(at('10:00:00'), { queueId: undefined })),
      found('daemon', verdict(at('10:00:00'), { queueId: undefined })),
    ),
    [': v10:00', ': v10:00'],
    'without a queue id each is alone',
  );
});
