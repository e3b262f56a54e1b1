/** How often something may be done. */
import { test } from 'tap';
import { refilled, taken } from '../../src/notices/bucket.ts';

const SIZE = { most: 2, everyMs: 1000 };

test('so many at once, and one more after a time', async (t) => {
  let bucket = refilled(null, SIZE, 0);
  for (const left of [1, 0]) {
    bucket = taken(bucket)!;
    t.equal(bucket.left, left);
  }
  t.equal(taken(bucket), null);
  t.equal(taken(refilled(bucket, SIZE, 999)), null);
  t.same(taken(refilled(bucket, SIZE, 1000)), { left: 0, at: 1000 });
  t.equal(refilled(bucket, SIZE, 1e12).left, 2, 'no more than it holds');
  t.same(refilled({ left: 1, at: 5000 }, SIZE, 1000), { left: 1, at: 1000 }, 'a clock that was set back');
});
