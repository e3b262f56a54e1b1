/** Slices of work: others run in between, the result and the error arrive. */
import t from 'tap';
import type { Work } from '../../src/core/work.ts';
import { inSlices, isWork, SLICE_MS } from '../../src/net/slices.ts';
import { least } from '../measured.ts';

const none = (): void => {};

/** Work of so many steps, each of which takes a slice, however fast the machine is. */
function* busy(steps: number, result: string): Work<string> {
  for (let step = 0; step < steps; step++) {
    const end = performance.now() + SLICE_MS + 1;
    while (performance.now() < end);
    yield;
  }
  if (result === '') throw new Error('our own bug');
  return result;
}

t.test('short work is done in its first slice', async (t) => {
  t.equal(inSlices(busy(0, 'done'), none), 'done');
  t.throws(() => inSlices(busy(0, ''), none), { message: 'our own bug' });
  t.ok(isWork(busy(0, 'done')));
  for (const other of [undefined, null, 'text', {}, { next: 1 }, Promise.resolve()]) t.notOk(isWork(other));
});

t.test('long work lets others run', async (t) => {
  let turns = 0;
  let open = true;
  const turn = (): void => {
    turns++;
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  let slices = 0;
  const work = inSlices(busy(5, 'done'), () => slices++);
  t.type(work, Promise);
  t.equal(await work, 'done');
  open = false;
  t.ok(slices > 1, `${slices} slices`);
  t.ok(turns >= slices, `${turns} turns of others`);
  const failing = inSlices(busy(2, ''), none);
  t.type(failing, Promise);
  await t.rejects(Promise.resolve(failing), { message: 'our own bug' });
});

t.test('of several works one has each turn of the event loop', async (t) => {
  const share = await least(0.5, async () => {
    const began = performance.now();
    const order: number[] = [];
    const works = Array.from({ length: 5 }, (_, i) => inSlices(busy(4, 'done'), () => order.push(i)));
    let most = 0;
    let last = performance.now();
    let open = true;
    const turn = (): void => {
      most = Math.max(most, performance.now() - last);
      last = performance.now();
      if (open) setImmediate(turn);
    };
    setImmediate(turn);
    await Promise.all(works);
    open = false;
    t.same(order.slice(0, 5), [0, 1, 2, 3, 4], 'in the order in which they asked');
    return most / (performance.now() - began);
  });
  t.ok(share < 0.5, `at most ${Math.round(share * 100)} % of the time between two turns of others`);
});

t.test('what fails in its turn does not keep the others from theirs', async (t) => {
  const results = await Promise.allSettled(['', 'done'].map((text) => inSlices(busy(2, text), none)));
  t.match(results, [{ status: 'rejected' }, { status: 'fulfilled', value: 'done' }]);
});
