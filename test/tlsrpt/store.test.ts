/** The folder of reports stays within its limits, knows what it has, and gives back what it kept. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { KEPT_VERSION, type KeptReport } from '../../src/tlsrpt/keptReport.ts';
import { ReportRefused } from '../../src/tlsrpt/refusal.ts';
import { ReportStore } from '../../src/tlsrpt/store.ts';
import { newFolder } from '../trace/madeDays.ts';

const report = (day: string, id: string, more: Partial<KeptReport> = {}): KeptReport => ({
  v: KEPT_VERSION,
  organization: 'reporter.example',
  contact: '',
  id,
  start: `${day}T00:00:00Z`,
  end: `${day}T23:59:59Z`,
  successful: 1,
  failed: 0,
  policies: [],
  morePolicies: 0,
  others: 0,
  dkim: null,
  quirks: [],
  ...more,
});

test('a report is kept once, by who reports, id and range', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state);
  t.same([...store.since('')], [], 'no folder, no report');
  const one = report('2026-11-29', 'a');
  t.equal(store.has(one), false);
  const file = await store.add(one);
  t.match(file, /\/tlsrpt\/reports\/2026-11-29-[0-9a-f]{32}\.json$/);
  t.equal(statSync(file!).mode & 0o777, 0o600);
  t.equal(statSync(join(state, 'tlsrpt/reports')).mode & 0o777, 0o700);
  t.equal(await store.add(one), null);
  t.equal(await store.add({ ...one, organization: 'REPORTER.example', successful: 2 }), null);
  t.equal(store.has(one), true);
  for (const other of [report('2026-11-29', 'b'), report('2026-11-28', 'a'), { ...one, organization: 'x' }])
    t.not(await store.add(other), null);
  t.same([...store.since('2026-11-29')].map(({ organization, id }) => [organization, id]).sort(), [
    ['reporter.example', 'a'],
    ['reporter.example', 'b'],
    ['x', 'a'],
  ]);
  t.equal([...store.since('2026-11-28')].length, 4);
});

test('what is no report of ours is passed over', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state);
  await store.add(report('2026-11-29', 'a'));
  const folder = join(state, 'tlsrpt/reports');
  writeFileSync(join(folder, `2026-11-29-${'0'.repeat(32)}.json`), '{');
  writeFileSync(join(folder, `2026-11-29-${'1'.repeat(32)}.json`), '{"v":2}');
  writeFileSync(join(folder, '.draft-1'), '');
  mkdirSync(join(folder, `2026-11-29-${'2'.repeat(32)}.json`));
  t.same(
    [...store.since('')].map(({ id }) => id),
    ['a'],
  );
});

test('the oldest days go when there is too much', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state, { files: 3, bytes: 4096 });
  for (const day of ['2026-11-03', '2026-11-01', '2026-11-02', '2026-11-04'])
    await store.add(report(day, 'a'));
  const days = () => [...store.since('')].map(({ start }) => start.slice(8, 10));
  t.same(days(), ['02', '03', '04']);
  await store.add(report('2026-11-05', 'x', { quirks: ['q'.repeat(3800)] }));
  t.same(days(), ['05'], 'by bytes, too');
});

test('what was refused is kept with its reason, within a limit', async (t) => {
  const state = newFolder(t);
  const store = new ReportStore(state, { files: 4, bytes: 4096 });
  const refused = new ReportRefused('not-own', 'other.example', 'ours');
  const keep = (text: string): string => store.refuse(Buffer.from(text), 'a.eml', refused, new Date(0));
  const file = keep('one');
  t.equal(keep('one'), file, 'the same takes no more room');
  const folder = join(state, 'tlsrpt/refused');
  t.equal(readdirSync(folder).length, 2);
  for (const text of ['two', 'three', 'four']) keep(text);
  t.equal(readdirSync(folder).length, 4);
});

test('a link in the place of a message is replaced and not followed', async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'target'), 'kept');
  const store = new ReportStore(folder);
  const refused = new ReportRefused('not-own', 'other.example', 'ours');
  const file = store.refuse(Buffer.from('x'), 'a.eml', refused, new Date(0));
  const reason = file.replace(/message$/, 'json');
  for (const one of [file, reason]) {
    rmSync(one);
    symlinkSync(join(folder, 'target'), one);
  }
  store.refuse(Buffer.from('x'), 'a.eml', refused, new Date(0));
  t.equal(readFileSync(join(folder, 'target'), 'utf8'), 'kept');
  t.equal(readFileSync(file, 'utf8'), 'x');
  t.match(readFileSync(reason, 'utf8'), 'not-own');
});

test('a folder that cannot be written is an error of the system', async (t) => {
  if (process.getuid?.() === 0) {
    t.pass('root may write anywhere');
    return;
  }
  const state = newFolder(t);
  chmodSync(state, 0o500);
  await t.rejects(new ReportStore(state).add(report('2026-11-29', 'a')), { code: 'EACCES' });
});
