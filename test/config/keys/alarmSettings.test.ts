/**
 * The keys of `[alarms]`: what is read, what is refused, and where the section may stand.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { Report } from '../../../src/config/ini/problem.ts';
import type { AlarmSettings } from '../../../src/config/keys/alarmSettings.ts';
import { readAlarms } from '../../../src/config/keys/readAlarms.ts';
import { loadConfig } from '../../../src/config/load/load.ts';

function read(lines: Readonly<Record<string, string>>): { settings: AlarmSettings; problems: string[] } {
  const report = new Report();
  const entries = Object.entries(lines).map(([key, value], i) => ({ key, value, line: i + 2 }));
  const settings = readAlarms({ kind: 'alarms', name: '', entries, file: 'a.ini', line: 1 }, true, report);
  return { settings, problems: report.problems(['a.ini']).map(({ where, found }) => `${where} ${found}`) };
}

test('the defaults', async (t) => {
  t.strictSame(read({}), {
    problems: [],
    settings: {
      mail: null,
      command: null,
      alertmanager: null,
      forMs: 120_000,
      repeatMs: 14_400_000,
      quietHours: null,
      watchdogMs: null,
      intervalMs: 30_000,
      windowMs: 3_600_000,
      failures: 5,
      failureShare: 0.1,
      destinations: 5,
      partnerCertificateDays: 14,
      directories: [],
      state: '/var/lib/tlsward/alarms/state',
    },
  });
});

test('what is written', async (t) => {
  const { settings, problems } = read({
    mail: 'ops@example.org',
    command: '/usr/local/bin/page  --team mail',
    alertmanager: 'https://am.example.org/prefix/',
    for: '0s',
    repeat: '1d',
    'quiet-hours': '22:00-06:30',
    watchdog: '1m',
    'failure-share': '5%',
    'partner-certificate-days': '30',
    directories: '/srv/mx2, /srv/mx3',
  });
  t.strictSame(problems, []);
  t.match(settings, {
    mail: 'ops@example.org',
    command: ['/usr/local/bin/page', '--team', 'mail'],
    alertmanager: 'https://am.example.org/prefix',
    forMs: 0,
    repeatMs: 86_400_000,
    quietHours: { from: 1320, to: 390 },
    watchdogMs: 60_000,
    failureShare: 0.05,
    partnerCertificateDays: 30,
    directories: ['/srv/mx2', '/srv/mx3'],
  });
});

test('every mistake is reported', async (t) => {
  const { problems } = read({
    mail: 'nobody',
    command: 'page',
    alertmanager: 'http://user:secret@am.example.org',
    for: '5',
    repeat: '1s',
    'quiet-hours': '22:00-22:00',
    window: '2d',
    failures: '0',
    'failure-share': '100%',
    directories: 'srv',
    state: 'state',
    colour: 'red',
  });
  t.equal(problems.length, 12);
  for (const [i, key] of [
    'mail',
    'command',
    'alertmanager',
    'for',
    'repeat',
    'quiet-hours',
    'window',
  ].entries())
    t.match(problems[i], `[alarms] ${key} `);
});

test('once, in the main file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-alarms-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'more'), { mode: 0o755 });
  const main = join(folder, 'tlsward.ini');
  const service = '[service]\npolicy-listen = inet:127.0.0.1:0\ninclude = more/*.ini\n';
  writeFileSync(main, `${service}[alarms]\nfailures = 7\n[domains]\n* = may\n`);
  const good = loadConfig(main);
  t.ok(good.ok);
  if (good.ok) t.equal(good.alarms.failures, 7);
  t.match(
    good.notices.map(({ text }) => text),
    [/nothing matches/, /without evidence/],
  );
  writeFileSync(join(folder, 'more', 'x.ini'), '[alarms]\ncommand = /bin/true\n');
  writeFileSync(main, `${service}[alarms]\n[alarms]\n[alarms x]\n[domains]\n* = may\n`);
  const bad = loadConfig(main);
  t.notOk(bad.ok);
  if (!bad.ok)
    t.strictSame(
      bad.problems.map(({ line, found }) => `${line} ${found}`),
      ['5 a second [alarms]', '6 "[alarms x]"', '6 a second [alarms]', '1 [alarms] in an included file'],
    );
});
