/** The kept reports of others as the alarms read them: each file once, new ones counted once, across restarts. */
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ReportedCounts } from '../../src/alarms/run/stateFile.ts';
import { OthersReported } from '../../src/cli/alarmReported.ts';
import { ReportStore } from '../../src/tlsrpt/store.ts';
import { failure, kept } from '../report/page/fixtureReported.ts';
import { newFolder } from '../trace/madeDays.ts';

const DAY_MS = 86_400_000;
const dayBefore = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
const expired = failure('certificate-expired', 14, { mxHost: 'mx1.example.org' });
/** A file of this moment is left to the next look. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 60));
const failing = (name: string) => kept(name, dayBefore(1), 106, [expired]);

test('new reports are counted once, by whichever process', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state);
  let others = new OthersReported(state);
  t.strictSame(
    others.look(null, Date.now()),
    { look: { conditions: [], unjudged: [] }, counts: null, trouble: '' },
    'nothing was ever read',
  );
  await store.add(failing('A'));
  let counts: ReportedCounts | null = null;
  const looked = async () => {
    await aMoment();
    const found = others.look(counts, Date.now());
    counts = found.counts;
    t.equal(found.trouble, '');
    return {
      reports: counts?.reports,
      failed: counts?.failed,
      kinds: found.look.conditions.map(({ subject }) => subject),
    };
  };
  const kinds = ['A, certificate-expired'];
  t.strictSame(
    await looked(),
    { reports: 1, failed: 14, kinds },
    'the folder was made since the process began',
  );
  t.strictSame(await looked(), { reports: 1, failed: 14, kinds });
  await store.add(kept('B', dayBefore(40), 5));
  t.strictSame(
    await looked(),
    { reports: 2, failed: 14, kinds },
    'an old one counts, and says nothing of now',
  );
  await store.add(kept('A', dayBefore(0), 5));
  t.strictSame(await looked(), { reports: 3, failed: 14, kinds: [] }, 'a later report has none');
  // reports that come between two processes are those of the second one
  others = new OthersReported(state);
  await store.add(failing('C'));
  t.strictSame(await looked(), { reports: 4, failed: 28, kinds: ['C, certificate-expired'] });
  t.match(counts, { week: { reporters: 2, failed: 28 }, successful: 222 });
});

test('what was there before the first state is not new', async (t) => {
  const state = newFolder(t);
  await new ReportStore(state).add(failing('A'));
  await aMoment();
  const { counts, look } = new OthersReported(state).look(null, Date.now());
  t.match(counts, { reports: 0, failed: 0, week: { failed: 14 } });
  t.equal(look.conditions.length, 1, 'but it is an alarm');
});

test('files that are no report, or cannot be read', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state);
  await store.add(failing('A'));
  const folder = join(state, 'tlsrpt/reports');
  const [name = ''] = readdirSync(folder);
  const names = ['0', '1', '2', '3'].map((digit) => `${dayBefore(1)}-${digit.repeat(32)}.json`);
  writeFileSync(join(folder, names[0]!), '{"v":1}');
  writeFileSync(join(folder, names[1]!), '{"v":1,"policies":[null]}');
  writeFileSync(join(folder, names[2]!), '[');
  mkdirSync(join(folder, names[3]!));
  const others = new OthersReported(state);
  await aMoment();
  t.match(others.look(null, Date.now()), { trouble: '', look: { conditions: [{ count: 14 }] } });
  rmSync(join(folder, name));
  t.strictSame(others.look(null, Date.now()).look.conditions, [], 'a file that is gone says nothing');
  if (process.geteuid?.() === 0) return;
  chmodSync(folder, 0);
  t.match(others.look(null, Date.now()), {
    trouble: /reports: EACCES$/,
    look: { unjudged: ['reported-failures'] },
  });
  chmodSync(folder, 0o700);
});
