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
