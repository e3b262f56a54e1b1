/** The daemon reads what `tlsward alarms run` keeps, and shows it. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { Alarm } from '../../src/alarms/alarmState.ts';
import { NOTHING_SAVED, saveAlarms } from '../../src/alarms/run/stateFile.ts';
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
  t.strictSame(await file.look(at('good')), { lookedAtMs: 1, firing: [] });
  t.strictSame(await file.look(at('good')), { lookedAtMs: 1, firing: [] }, 'again');
});
