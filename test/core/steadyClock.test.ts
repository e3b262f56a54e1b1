/**
 * The clock by which things are kept, with clocks of the test's own.
 */
import { test } from 'tap';
import { clockSteps, steadyClock } from '../../src/core/steadyClock.ts';

test('it goes on when the wall clock is set back, and follows when that is set forward', async (t) => {
  let wall = 1_000_000;
  let monotonic = 50;
  const clock = steadyClock(
    () => wall,
    () => monotonic,
  );
  const pass = (ms: number): void => {
    wall += ms;
    monotonic += ms;
  };
  t.equal(clock(), 1_000_000);
  pass(1000.5);
  t.equal(clock(), 1_001_000);
  wall -= 500_000;
  t.equal(clock(), 1_001_000, 'set back');
  pass(2000);
  t.equal(clock(), 1_003_000, 'and time goes on');
  wall += 900_000;
  t.equal(clock(), 1_403_000, 'set forward');
  wall -= 400_000;
  pass(10);
  t.equal(clock(), 1_403_010, 'and right again');
});

test('steps of the wall clock, each told once, and no drift', async (t) => {
  let wall = 1_000_000;
  let monotonic = 50;
  const step = clockSteps(
    () => wall,
    () => monotonic,
  );
  const pass = (ms: number, more = 0): void => {
    wall += ms + more;
    monotonic += ms;
  };
  pass(86_400_000);
  t.equal(step(), 0);
  pass(1000, 3_600_000);
  t.equal(step(), 3_600_000);
  t.equal(step(), 0);
  pass(5, -7_200_000);
  t.equal(step(), -7_200_000);
  for (let i = 0; i < 100; i++) {
    pass(1000, 900);
    t.equal(step(), 0, 'a clock that is slewed');
  }
});
