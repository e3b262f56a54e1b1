/** A day that has ended is counted in a thread: once, one after the other, and not after the end. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DayTallier } from '../../src/tally/dayTallier.ts';
import { readTally } from '../../src/tally/tallyFile.ts';
import { MadeEvidence, newFolder } from '../trace/madeDays.ts';
import { message } from './made.ts';

const DAYS = ['2026-11-20', '2026-11-21', '2026-11-22'];

t.test('each day gets its tally', async (t) => {
  const made = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  for (const day of DAYS.slice(0, 2)) made.day('daemon', day, [message('10:00:00', {}, day)]);
  const told: [string, string][] = [];
  let all = (): void => {};
  const finished = new Promise<void>((resolve) => {
    all = resolve;
  });
  const done = (day: string, why: string): void => {
    if (told.push([day, why]) === DAYS.length) all();
  };
  const tallier = new DayTallier(made.directory, 'daemon', done, 0);
  t.equal(tallier.memory.used, 0);
  for (const day of DAYS) tallier.ended(day);
  // the thread alone keeps no process alive
  const alive = setInterval(() => {}, 1000);
  await finished;
  clearInterval(alive);
  t.same(
    told,
    DAYS.map((day) => [day, '']),
    'a day without lines needs none',
  );
  for (const day of DAYS.slice(0, 2))
    t.equal(readTally({ directory: made.directory, stream: 'daemon', day })?.records, 2, day);
  t.notOk(existsSync(join(made.directory, 'daemon', `${DAYS[2]}.tally`)));
  await tallier.close();
});

t.test('one that is there is left as it is', async (t) => {
  const [day = ''] = DAYS;
  const made = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  made.day('daemon', day, [message('10:00:00', {}, day)]);
  const file = join(made.directory, 'daemon', `${day}.tally`);
  const run = (): Promise<string> =>
    new Promise((resolve) => {
      const alive = setInterval(() => {}, 1000);
      const done = (_: string, why: string): void => {
        clearInterval(alive);
        resolve(why);
      };
      new DayTallier(made.directory, 'daemon', done, 0).ended(day);
    });
  t.equal(await run(), '');
  const first = readFileSync(file);
  writeFileSync(join(made.directory, 'daemon', `${day}.ckpt`), 'another head');
  t.equal(await run(), '');
  const second = readFileSync(file);
  t.not(second.toString(), first.toString(), 'it did not fit any more');
  t.equal(await run(), '');
  t.equal(readFileSync(file).toString(), second.toString());
});

t.test('why there is none', async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'daemon'), 'no folder');
  const alive = setInterval(() => {}, 1000);
  const why = await new Promise((resolve) => {
    new DayTallier(folder, 'daemon', (_, reason) => resolve(reason), 0).ended('2026-11-20');
  });
  clearInterval(alive);
  t.equal(why, 'not a directory');
});

t.test('nothing begins after the end', async (t) => {
  let told = 0;
  const tallier = new DayTallier(newFolder(t), 'daemon', () => told++, 0);
  tallier.ended('2026-11-20');
  await tallier.close();
  tallier.ended('2026-11-21');
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(told, 0);
});
