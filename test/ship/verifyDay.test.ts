/** A day on the server is the same, behind, or different; and which record is. */
import { rmSync } from 'node:fs';
import { type Test, test } from 'tap';
import { linesFile } from '../../src/archive/layout.ts';
import { openServer } from '../../src/ship/server.ts';
import { ship } from '../../src/ship/ship.ts';
import { readState, stateFile } from '../../src/ship/state.ts';
import { type Compared, verifyDay } from '../../src/ship/verifyDay.ts';
import { EvidenceFolder } from './evidenceFolder.ts';
import { type FakeClickhouse, startFake } from './fakeClickhouse.ts';

const DAY = '2026-11-29';

interface Scene {
  readonly fake: FakeClickhouse;
  readonly daemon: EvidenceFolder;
  send(): Promise<void>;
  verify(day?: string): Promise<Compared>;
}

async function scene(t: Test): Promise<Scene> {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  const target = fake.target();
  return {
    fake,
    daemon,
    send: async () => {
      await ship({ target, directories: [directory], once: true, intervalMs: 10 }, () => undefined);
    },
    verify: async (day = DAY) => {
      const { position } = readState(stateFile(directory, 'daemon', target));
      return verifyDay(daemon, await openServer(target), day, position);
    },
  };
}

const keyOf = (n: number): string => [DAY, 'mx.example.org', 'daemon', n].join();

test('the same, also without the file, and behind', async (t) => {
  const { daemon, send, verify } = await scene(t);
  t.match(await verify(), { result: 'nothing', text: 'no records of that day' });
  daemon.fill(DAY, 2500);
  t.match(await verify(), { result: 'behind', text: '0 of 2500 records; the others are not sent yet' });
  await send();
  t.match(await verify(), {
    result: 'same',
    host: 'mx.example.org',
    text: '2500 records, with the root that is signed',
  });
  daemon.fill(DAY, 3);
  t.match(await verify(), { result: 'behind', text: '2500 of 2503 records; the others are not sent yet' });
  await send();
  daemon.fill('2026-11-30', 1);
  await send();
  rmSync(linesFile(daemon.folder, DAY));
  t.match(await verify(), { result: 'same' }, 'the signed root is enough');
});

test('one record differs, is missing, or is too much', async (t) => {
  const { fake, daemon, send, verify } = await scene(t);
  daemon.fill(DAY, 2500);
  daemon.fill('2026-11-30', 1);
  await send();
  for (const n of [0, 1, 999, 1000, 1777, 2499]) {
    const row = fake.rows.get(keyOf(n))!;
    fake.rows.set(keyOf(n), { ...row, line: row.line.replace('alice', 'alicf') });
    t.match(await verify(), {
      result: 'differs',
      text: `record ${n} is another on the server (2500 of 2500 are there)`,
    });
    fake.rows.delete(keyOf(n));
    t.match(await verify(), {
      result: 'differs',
      text: `record ${n} is not on the server (2499 of 2500 are there)`,
    });
    fake.rows.set(keyOf(n), row);
  }
  t.match(await verify(), { result: 'same' });
  const row = fake.rows.get(keyOf(7))!;
  fake.rows.set(keyOf(2500), { ...row, n: 2500 });
  t.match(await verify(), {
    result: 'differs',
    text: 'record 2500 is on the server, and only 2500 are signed',
  });
  fake.rows.delete(keyOf(2500));
  fake.rows.set(keyOf(7), { ...row, line: `${row.line} ` });
  rmSync(linesFile(daemon.folder, DAY));
  t.match(await verify(), {
    result: 'differs',
    text: '2500 records, which have not the root that is signed',
  });
});
