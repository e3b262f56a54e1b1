/** Turns: one at a time for each name, a pause between two, and others are not kept waiting. */
import t from 'tap';
import { Turns } from '../../src/probe/turns.ts';

t.test('one after another', async (t) => {
  const turns = new Turns();
  const events: string[] = [];
  const work = (name: string, ms: number) => async () => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, ms));
    events.push(`${name} ends`);
    return name;
  };
  const all = [
    turns.take('mx', 60, work('first', 40)),
    turns.take('mx', 0, work('second', 1)),
    turns.take('other', 0, work('beside', 1)),
  ];
  const begun = performance.now();
  t.same(await Promise.all(all), ['first', 'second', 'beside']);
  t.same(events, [
    'first begins',
    'beside begins',
    'beside ends',
    'first ends',
    'second begins',
    'second ends',
  ]);
  t.ok(performance.now() - begun >= 95, 'with a pause');
});

t.test('a failure lets the next one in', async (t) => {
  const turns = new Turns();
  const failed = turns.take('mx', 0, () => Promise.reject(new Error('no')));
  const next = turns.take('mx', 0, async () => 'yes');
  await t.rejects(failed, /no/);
  t.equal(await next, 'yes');
});
