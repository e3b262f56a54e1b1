/**
 * What is owed: told once, tried again ever more rarely where it was not taken, given up after a day.
 */
import { test } from 'tap';
import type { Notice } from '../../../src/alarms/alarmState.ts';
import { watchdogOf } from '../../../src/alarms/notices.ts';
import { type Output, type Owed, owe, settle } from '../../../src/alarms/run/outbox.ts';

const NOTICE: Notice = { alarm: watchdogOf(0), state: 'firing', audience: 'people' };

test('taken, not taken, given up', async (t) => {
  let works = true;
  const told: string[] = [];
  const untold: string[] = [];
  const tell = async (one: Owed): Promise<string> => {
    told.push(one.output);
    return works || one.output !== 'mail' ? '' : 'no way';
  };
  const settled = (owed: readonly Owed[], now: number) =>
    settle(owed, now, tell, ({ output, tries }, why) => void untold.push(`${output} ${tries} ${why}`));
  const all = (['log', 'evidence', 'mail', 'command'] as const satisfies readonly Output[]).map((output) =>
    owe(output, NOTICE, 0),
  );
  t.strictSame(await settled(all, 0), []);
  t.strictSame(told.splice(0), ['log', 'evidence', 'mail', 'command']);
  works = false;
  let left = await settled([...all, owe('mail', NOTICE, 0)], 0);
  t.strictSame(told.splice(0), ['log', 'evidence', 'mail', 'command'], 'the second mail is not tried then');
  t.strictSame(untold.splice(0), ['mail 1 no way', 'mail 1 no way']);
  t.equal(left.length, 2);
  left = await settled(left, 5000);
  t.strictSame(told, [], 'it waits');
  let tries = 0;
  for (let now = 10_000; now < 86_400_000; now += 10_000) {
    left = await settled(left, now);
    tries += told.splice(0).length;
  }
  t.ok(tries > 100 && tries < 400, `${tries} tries in a day`);
  t.strictSame(untold, []);
  works = true;
  t.strictSame(await settled(left, 87_100_000), []);
  t.strictSame(told.splice(0), ['mail', 'mail'], 'none was forgotten');
  works = false;
  left = await settled([owe('mail', NOTICE, 0)], 0);
  t.strictSame(await settled(left, 86_400_001), []);
  t.strictSame(untold, ['mail 1 no way', 'mail 1 no way'], 'given up');
});

test('there is a limit, and what is beyond it is said', async (t) => {
  const untold: string[] = [];
  const many = Array.from({ length: 1010 }, () => owe('command', NOTICE, 0));
  const left = await settle(
    many,
    0,
    async () => 'no',
    (_, why) => void untold.push(why),
  );
  t.equal(left.length, 1000);
  t.equal(untold.filter((why) => why === 'more than 1000 wait').length, 10);
});
