/** The daemon reads what `tlsward alarms run` keeps, and shows it. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { Alarm } from '../../src/alarms/alarmState.ts';
import { NOTHING_SAVED, type ReportedCounts, saveAlarms } from '../../src/alarms/run/stateFile.ts';
import { AlarmFile } from '../../src/daemon/firingAlarms.ts';
import { get, startLive } from '../http/asking.ts';

const SINCE = Date.parse('2026-11-30T01:02:03Z');

const alarm = (some: Partial<Alarm>): Alarm => ({
  kind: 'partner-out',
  subject: 'bank.example',
  severity: 'critical',
  summary: 'certificate expired <b>',
  count: 7,
  domains: ['bank.example'],
  advice: [],
  phase: 'firing',
  since: SINCE,
  badSince: SINCE,
  firedAt: SINCE,
  goodSince: null,
  noDataSince: null,
  inhibitedBy: '',
  toldAt: null,
  ...some,
});

test('what fires is on the page and in the metrics', async (t) => {
  const file = join(t.testdir({}), 'state');
  const daemon = await startLive(t, `[domains]\n* = may\n[alarms]\nstate = ${file}\n`);
  t.notMatch((await get(daemon, '/metrics')).body, /tlsward_alarms/, 'nobody looks');
  const alarms = [
    alarm({}),
    alarm({ subject: 'clinic.example' }),
    alarm({ subject: 'x.example', phase: 'pending' }),
  ];
  await saveAlarms(file, { ...NOTHING_SAVED, lookedAt: Date.now(), alarms });
  const { body } = await get(daemon, '/metrics');
  t.match(body, /^tlsward_alarms\{kind="partner-out"\} 2$/m);
  t.match(body, /^tlsward_alarms_last_look_timestamp_seconds [0-9.]+$/m);
  const page = (await get(daemon, '/')).body;
  t.match(page, '2 alarms now.');
  t.match(page, /2026-11-30 01:02 UTC.*bank\.example.*certificate expired &lt;b&gt;/s);
  t.notMatch(page, 'x.example', 'not for long enough yet');
  await saveAlarms(file, { ...NOTHING_SAVED, lookedAt: Date.now() });
  t.match((await get(daemon, '/metrics')).body, /^tlsward_alarms\{kind="none"\} 0$/m);
  await saveAlarms(file, { ...NOTHING_SAVED, lookedAt: SINCE });
  t.match((await get(daemon, '/')).body, 'nobody looked since 2026-11-30 01:02 UTC');
});

test('what others report is on the page and in the metrics, as their claim', async (t) => {
  const file = join(t.testdir({}), 'state');
  const daemon = await startLive(t, `[domains]\n* = may\n[alarms]\nstate = ${file}\n`);
  const week = { reporters: 2, successful: 106, failed: 14 };
  const reported = { throughMs: 1, reports: 7, successful: 1000, failed: 20, newestEndMs: SINCE, week };
  const save = (some: Partial<ReportedCounts> | null) =>
    saveAlarms(file, {
      ...NOTHING_SAVED,
      lookedAt: Date.now(),
      reported: some === null ? null : { ...reported, ...some },
    });
  await save({});
  const { body } = await get(daemon, '/metrics');
  t.match(body, /^tlsward_tlsrpt_reports_total 7$/m);
  t.match(body, /^tlsward_tlsrpt_sessions_total\{result="successful"\} 1000$/m);
  t.match(body, /^tlsward_tlsrpt_sessions_total\{result="failed"\} 20$/m);
  t.match(body, /^tlsward_tlsrpt_newest_report_timestamp_seconds 1796000523$/m);
  const figure = async () =>
    /f-reported[\s\S]*?>([^<]*(?:report|reporters?))</.exec((await get(daemon, '/')).body)?.[1];
  t.equal(await figure(), '14 of 120, by 2 reporters');
  await save({ newestEndMs: null, week: { reporters: 0, successful: 0, failed: 0 } });
  t.equal(await figure(), 'no report');
  t.notMatch((await get(daemon, '/metrics')).body, /newest_report_timestamp/);
  await save(null);
  t.notMatch((await get(daemon, '/metrics')).body, /tlsrpt/, 'none was ever read');
  t.notMatch((await get(daemon, '/')).body, /f-reported/);
});

test('a file that cannot be read says nothing', async (t) => {
  const folder = t.testdir({});
  const at = (name: string): string => join(folder, name);
  mkdirSync(at('folder'));
  writeFileSync(at('text'), 'no JSON');
  writeFileSync(at('other'), '{"v":2,"lookedAt":1,"alarms":[]}');
  writeFileSync(at('null'), 'null');
  writeFileSync(at('long'), `{"v":1,"lookedAt":1,"alarms":[]}${' '.repeat(1024 * 1024)}`);
  writeFileSync(at('good'), '{"v":1,"lookedAt":1,"alarms":[]}');
  symlinkSync(at('good'), at('link'));
  const file = new AlarmFile();
  for (const name of ['absent', 'folder', 'text', 'other', 'null', 'long', 'link'])
    t.equal(await file.look(at(name)), null, name);
  const good = { lookedAtMs: 1, firing: [], reported: null };
  t.strictSame(await file.look(at('good')), good);
  t.strictSame(await file.look(at('good')), good, 'again');
  for (const wrong of [
    '1',
    'null',
    '{}',
    '{"reports":1}',
    '{"reports":"1","successful":1,"failed":1,"week":[]}',
  ]) {
    writeFileSync(at('good'), `{"v":1,"lookedAt":1,"alarms":[],"reported":${wrong}}`);
    t.strictSame(await file.look(at('good')), good, wrong);
  }
});
