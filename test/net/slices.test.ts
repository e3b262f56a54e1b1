/** Slices of work: others run in between, the result and the error arrive. */
import t from 'tap';
import type { Work } from '../../src/core/work.ts';
import { isWork, runRest, runSlice, SLICE_MS, UNFINISHED } from '../../src/net/slices.ts';

function* busy(ms: number, result: string): Work<string> {
  const end = performance.now() + ms;
  while (performance.now() < end) yield;
  if (result === '') throw new Error('our own bug');
  return result;
}

t.test('short work is done in its first slice', async (t) => {
  t.equal(runSlice(busy(0, 'done')), 'done');
  t.throws(() => runSlice(busy(0, '')), { message: 'our own bug' });
  t.ok(isWork(busy(0, 'done')));
  for (const other of [undefined, null, 'text', {}, { next: 1 }, Promise.resolve()]) t.notOk(isWork(other));
});

t.test('long work lets others run', async (t) => {
  const work = busy(5 * SLICE_MS, 'done');
  t.equal(runSlice(work), UNFINISHED);
  let slices = 0;
  let turns = 0;
  let open = true;
  const turn = (): void => {
    turns++;
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  t.equal(await runRest(work, () => slices++), 'done');
  open = false;
  t.ok(slices > 1, `${slices} slices`);
  t.ok(turns >= slices, `${turns} turns of others`);
  const failing = busy(2 * SLICE_MS, '');
  t.equal(runSlice(failing), UNFINISHED);
  await t.rejects(
    runRest(failing, () => {}),
    { message: 'our own bug' },
  );
});

t.test('of several works one has each turn of the event loop', async (t) => {
  const works = Array.from({ length: 5 }, () => busy(4 * SLICE_MS, 'done'));
  const began = performance.now();
  for (const work of works) runSlice(work);
  let most = 0;
  let last = performance.now();
  let open = true;
  const turn = (): void => {
    most = Math.max(most, performance.now() - last);
    last = performance.now();
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  const order: number[] = [];
  await Promise.all(works.map((work, i) => runRest(work, () => order.push(i))));
  open = false;
  t.same(order.slice(0, 5), [0, 1, 2, 3, 4], 'in the order in which they asked');
  t.ok(most < (performance.now() - began) / 2, `${Math.round(most)} ms between two turns of others`);
});

t.test('what fails in its turn does not keep the others from theirs', async (t) => {
  const results = await Promise.allSettled(['', 'done'].map((text) => runRest(busy(1, text), () => {})));
  t.match(results, [{ status: 'rejected' }, { status: 'fulfilled', value: 'done' }]);
});
