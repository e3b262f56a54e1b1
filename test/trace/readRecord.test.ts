/** What is a record, and what a hand made of one. */
import t from 'tap';
import { readRecord } from '../../src/trace/readRecord.ts';

const GAP = {
  v: 1,
  n: 7,
  time: '2026-11-30T01:02:03.456Z',
  type: 'gap',
  host: 'mx.example.org',
  from: '2026-11-30T01:02:03.456Z',
  to: '2026-11-30T01:02:03.456Z',
  count: 1,
  why: 'x',
};

const read = (more: object = {}) => readRecord(Buffer.from(JSON.stringify({ ...GAP, ...more })));

t.test('a record', async (t) => {
  t.same(read(), GAP);
  t.same(read({ future: { a: 1 } }), { ...GAP, future: { a: 1 } }, 'a field of another release');
});

t.test('no record', async (t) => {
  for (const more of [
    { v: 2 },
    { n: -1.5 },
    { n: 2 ** 53 },
    { type: 'constructor' },
    { type: 'verdict' },
    { host: 1 },
    { count: '1' },
    { time: 'yesterday' },
    { time: '2026-13-45T99:99:99.999Z' },
    { time: '2026-02-30T01:02:03.456Z' },
    { from: '2026-11-31T01:02:03.456Z' },
  ])
    t.equal(read(more), null, JSON.stringify(more));
  for (const text of ['', '[]', 'null', '{', '"x"']) t.equal(readRecord(Buffer.from(text)), null, text);
});
