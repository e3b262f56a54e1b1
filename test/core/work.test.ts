/** Work that can be interrupted: the same result, whether it is or not. */
import t from 'tap';
import { AT_ONCE, allAtOnce, mapped, type Work } from '../../src/core/work.ts';

t.test('mapped is map, with interruptions', async (t) => {
  const list = Array.from({ length: 3 * AT_ONCE + 1 }, (_, i) => i);
  t.same(
    allAtOnce(mapped(list, (one, i) => one * 2 - i)),
    list.map((one, i) => one * 2 - i),
  );
  t.same(allAtOnce(mapped([], () => 1)), []);
  let steps = 0;
  for (const _ of mapped(list, (one) => one)) steps++;
  t.equal(steps, 3, 'one for each full portion');
});

t.test('what the work throws is thrown', async (t) => {
  function* failing(): Work<number> {
    yield;
    throw new Error('no');
  }
  t.throws(() => allAtOnce(failing()), { message: 'no' });
});
