/**
 * `tlsward alarms` and `tlsward health`: what they print and end with, by what the last look left and whether the daemon
 * answers.
 */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Alarm } from '../../src/alarms/alarmState.ts';
import { NOTHING_SAVED, type SavedAlarms, saveAlarms } from '../../src/alarms/run/stateFile.ts';
import { run as alarms } from '../../src/cli/alarms.ts';
import { run as health } from '../../src/cli/health.ts';
import { startDaemon } from '../daemon/startDaemon.ts';
import { newFolder } from '../trace/madeDays.ts';
import { type Said, say } from './runCommand.ts';

const ALARM: Alarm = {
  kind: 'partner-out',
  subject: 'bank.example',
  severity: 'warning',
  summary: 'mail to bank.example fails: certificate expired | (7 of 9 messages)',
  count: 7,
  domains: ['bank.example'],
  advice: ['tlsward trace 4F1'],
  phase: 'firing',
  since: Date.parse('2026-11-30T12:00:00Z'),
  badSince: 0,
  firedAt: 0,
  goodSince: null,
  noDataSince: null,
  inhibitedBy: '',
  toldAt: 0,
};

interface Setting {
  readonly config: string;
  readonly save: (saved: Partial<SavedAlarms>) => Promise<void>;
  readonly list: (...argv: string[]) => Promise<Said>;
  readonly check: (...argv: string[]) => Promise<Said>;
  readonly file: string;
}

async function setting(t: Test, more = ''): Promise<Setting> {
  const folder = newFolder(t);
  const file = join(folder, 'state');
  const daemon = await startDaemon(
    t,
    `max-connections = 100\n[alarms]\nstate = ${file}\n${more}[domains]\n* = may\n`,
  );
  const { config } = daemon;
  return {
    config,
    file,
    save: (saved) => saveAlarms(file, { ...NOTHING_SAVED, lookedAt: Date.now(), host: 'mx', ...saved }),
    list: (...argv) => say(alarms, [...argv, '--config', config]),
    check: (...argv) => say(health, [...argv, '--config', config]),
  };
}

test('what is firing', async (t) => {
  const { save, list, file } = await setting(t);
  t.match(await list(), { code: 75, err: /nothing has looked yet: systemctl enable --now tlsward-alarms/ });
  await save({});
  t.match(await list(), { code: 0, out: /^no alarm; last look 20/ });
  const explained: Alarm = {
    ...ALARM,
    kind: 'partner-certificate',
    phase: 'pending',
    inhibitedBy: 'partner-out',
  };
  await save({
    alarms: [{ ...ALARM, noDataSince: 0 }, explained, { ...ALARM, subject: 'x', phase: 'over' }],
  });
  const { code, out } = await list();
  t.equal(code, 1);
  t.match(out, /^1 alarm; last look/);
  t.match(
    out,
    '\nwarning partner-out: mail to bank.example fails: certificate expired | (7 of 9 messages)\n' +
      '  since 2026-11-30T12:00:00.000Z; no data since 1970-01-01T00:00:00.000Z\n  tlsward trace 4F1\n',
  );
  t.match(out, /not for long enough yet; explained by partner-out/);
  await save({ lookedAt: Date.now() - 600_000 });
  t.match(await list(), {
    code: 75,
    out: /^nobody has looked since .*: systemctl status tlsward-alarms\n(?:no alarm|\d+ alarms?) then; /,
  });
  writeFileSync(file, '{"v":1');
  t.match(await list(), { code: 75 }, 'a damaged file is none');
  t.match(await list('jump'), { code: /UsageError: found "jump", expected run or test/ });
});

test('a test goes to everybody', async (t) => {
  const nobody = await setting(t);
  t.match(await nobody.list('test'), { code: 1, out: /nobody is told but the log/ });
  const told = join(newFolder(t), 'told');
  const command = `/usr/bin/tee ${told}`;
  const { list } = await setting(t, `command = ${command}\nalertmanager = http://127.0.0.1:1\n`);
  t.match(await list('test'), {
    code: 1,
    out: /^command .*: taken\nalertmanager http:\/\/127\.0\.0\.1:1: not taken: ECONNREFUSED\n$/,
  });
  t.match(JSON.parse(readFileSync(told, 'utf8')), { kind: 'test', state: 'firing', severity: 'warning' });
});

test('health by the convention of monitoring plugins', async (t) => {
  const { save, check, config, file } = await setting(t);
  const data = "'failing'=0;10;50;0 'refused'=0;;;0 'deferred'=0;;;0 'alarms'=0;;;0 'age'=0s;;;0";
  t.match(await check(), { code: 0, out: 'TLSWARD OK - the daemon answers\n' }, 'without alarms');
  t.match(await check('--max-age', '10m'), {
    code: 2,
    out: /^TLSWARD CRITICAL - tlsward alarms run has never looked/,
  });
  await save({});
  t.match(await check(), { code: 0, out: `TLSWARD OK - the daemon answers; no alarm | ${data}\n` });
  await save({ alarms: [ALARM], failing: { in: 3, out: 7 } });
  const { code, out } = await check('--warning', '20');
  t.equal(code, 1);
  t.match(
    out,
    /^TLSWARD WARNING - mail to bank\.example fails: certificate expired \/ \(7 of 9 messages\) \| /,
  );
  t.match(out, "'failing'=10;20;50;0 'refused'=3;;;0 'deferred'=7;;;0 'alarms'=1;;;0");
  t.equal(out.split('|').length, 2, 'one bar');
  t.match(await check(), { code: 1, out: /10 messages failed or refused for want of TLS/ });
  t.match(await check('--critical', '10'), { code: 2, out: /^TLSWARD CRITICAL - 10 messages/ });
  await save({ alarms: [{ ...ALARM, severity: 'critical' }] });
  t.match(await check(), { code: 2 });
  await save({ lookedAt: Date.now() - 700_000 });
  t.match(await check(), { code: 1, out: /^TLSWARD WARNING - tlsward alarms run has not looked since/ });
  t.match(await check('--max-age', '1h'), { code: 0 }, 'as it was asked for');
  t.match(await check('--max-age', '10m'), { code: 2, out: /has not looked since/ });
  await save({});
  t.match(await check('--control', '/nonexistent'), {
    code: 2,
    out: /^TLSWARD CRITICAL - cannot reach the daemon/,
  });
  await save({ lookedAt: Date.now() + 7_200_000 });
  t.match(await check('--max-age', '10m'), { code: 2 }, 'a look that is to come is none');
  rmSync(file);
  symlinkSync(file, file);
  t.match(
    await check(),
    { code: 1, out: /^TLSWARD WARNING - .*state: ELOOP/ },
    'what cannot be read is not fine',
  );
  rmSync(file);
  for (const argv of [['--max-age', '10'], ['--warning', 'x'], ['--colour']])
    t.match(await check(...argv), { code: 3, out: /^TLSWARD UNKNOWN - / }, argv.join(' '));
  writeFileSync(config, '[service]\n');
  t.match(await check(), { code: 3, out: /^TLSWARD UNKNOWN - 1 mistake in the configuration/ });
  t.match(await say(health, ['--config', '/nonexistent']), { code: 3, out: /^TLSWARD UNKNOWN/ });
});
