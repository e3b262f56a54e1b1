/** The longest time for which the process was held: who is named, how often it is told, and what the timer sees. */
import t from 'tap';
import { LOOP_DELAY_WARN_MS, LoopWatch, type Served } from '../../src/net/loopWatch.ts';

const MILTER: Served = { protocol: 'milter', conn: 7, peer: 'unix' };

function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

t.test('work on a connection', async (t) => {
  const told: [number, Served | null, number][] = [];
  const watch = new LoopWatch((ms, served, leftOut) => told.push([ms, served, leftOut]));
  t.teardown(() => watch.stop());
  t.match(watch.report(), {
    longestMs: 0,
    at: '',
    serving: '',
    overThreshold: 0,
    thresholdMs: LOOP_DELAY_WARN_MS,
  });
  watch.worked(performance.now() - 20, MILTER);
  const short = watch.report();
  t.ok(short.longestMs >= 20, 'short work is the longest so far');
  t.equal(short.serving, 'milter');
  t.equal(told.length, 0, 'and no line');
  watch.worked(performance.now() - 5000, MILTER);
  watch.worked(performance.now() - 4000, { ...MILTER, protocol: 'policy' });
  t.match(watch.report(), { serving: 'milter', overThreshold: 2, at: /^\d{4}-\d\d-\d\dT/ });
  t.ok(watch.report().longestMs >= 5000);
  t.equal(told.length, 1, 'one line for many');
  t.match(told[0], [Number, MILTER, 0]);
});

t.test('what nobody owns up to', async (t) => {
  const told: (Served | null)[] = [];
  const watch = new LoopWatch((_, served) => told.push(served));
  t.teardown(() => watch.stop());
  hold(800);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const { longestMs, serving, overThreshold } = watch.report();
  t.ok(longestMs >= 500, `${longestMs} ms`);
  t.equal(serving, '');
  t.ok(overThreshold >= 1);
  t.equal(told[0], null);
});

t.test('what a connection owns up to is not told again by the timer', async (t) => {
  const told: (Served | null)[] = [];
  const watch = new LoopWatch((_, served) => told.push(served));
  t.teardown(() => watch.stop());
  const begun = performance.now();
  hold(800);
  watch.worked(begun, MILTER);
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(watch.report().serving, 'milter');
  t.same(told, [MILTER]);
});
