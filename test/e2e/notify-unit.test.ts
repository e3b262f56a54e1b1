/**
 * systemd/tlsward-notify.conf run by the systemd of Debian 13: the daemon is ready when it has answered itself, says what it
 * does, and is started anew when it hangs. The same with systemd-notify(1), as Debian 12 needs it. And the unit of the
 * alarms beside it, which tells of the daemon that hung.
 *
 * Root: `node build/test/e2e/harness/mta/postfix-root.js trixie`.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, mustRun } from './harness/booted.ts';
import { until } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { findRoot } from './harness/mta/postfix-releases.ts';
import { skipReason } from './harness/requirements.ts';

const CONFIG = `[service]
policy-listen = unix:/var/spool/postfix/tlsward/policy.sock
milter-listen = unix:/var/spool/postfix/tlsward/milter.sock
socketmap-listen = unix:/var/spool/postfix/tlsward/socketmap.sock
evidence = /var/lib/tlsward/evidence
host-name = mx.example.org
[alarms]
for = 0s
interval = 1s
[domains]
bank.example = encrypt
* = may
`;
const NO_OPEN_FILE = '[Service]\nOpenFile=\nNotifyAccess=all\n';

const found = findRoot('trixie');
const cannot = bootable();
const missing = found === null ? ['no root of trixie'] : cannot === false ? [] : [cannot];
const skip = skipReason(missing, process.env.TLSWARD_E2E === 'required' && cannot === false);
if (skip) process.stderr.write(`SKIPPED: the watchdog is not tried for real: ${skip}\n`);

t.test('ready, watched, and started anew when it hangs', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-notify-'));
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'tlsward.ini'), CONFIG);
  writeFileSync(join(dir, 'older.conf'), NO_OPEN_FILE);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  const binds = [`${dir}:/srv/test`, `${join(dir, 'lib')}:/usr/lib/tlsward`];
  const machine = await boot(binds, found?.dir);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const said = async () =>
    (
      await machine.sh(
        'systemctl status tlsward --no-pager -l; journalctl -n 40 --no-pager -u tlsward -u tlsward-alarms',
      )
    ).text;
  const ok = mustRun(machine, said);
  const show = (key: string) => ok(`systemctl show -P ${key} tlsward`);
  const wait = (what: string, probe: () => Promise<boolean>) =>
    until(30_000, what, probe, () => '', 200).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await said()}`, { cause: error });
    });

  await ok(`
    cp /srv/test/systemd/tlsward.service /srv/test/systemd/tlsward-alarms.service /srv/test/systemd/*.socket /etc/systemd/system/
    cp /srv/test/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    cp /srv/test/systemd/tlsward.tmpfiles.conf /usr/lib/tmpfiles.d/tlsward.conf
    systemd-sysusers tlsward.conf; systemd-tmpfiles --create tlsward.conf
    install -m 0640 -g tlsward /srv/test/tlsward.ini /etc/tlsward/tlsward.ini
    mkdir -p /etc/systemd/system/tlsward.service.d
    sed 's/^WatchdogSec=.*/WatchdogSec=8s/' /srv/test/systemd/tlsward-notify.conf >/etc/systemd/system/tlsward.service.d/notify.conf
    printf '[Service]\\nRestartSec=1s\\n' >/etc/systemd/system/tlsward.service.d/test.conf
    systemctl daemon-reload
    systemctl start tlsward tlsward-alarms`);
  t.equal(await show('Type'), 'notify');
  t.match(await show('StatusText'), /^2 rows, \d+ connections?, \d+ questions$/, 'what it says of itself');
  t.equal(await show('NotifyAccess'), 'main', 'it is its own process that says so');
  const opened = async () =>
    (await machine.sh('journalctl --sync; journalctl -u tlsward -o cat | grep -c listener.open')).text.trim();
  // its log is written behind its work
  await wait('lines of its listeners', async () => Number(await opened()) >= 4);
  t.equal(await opened(), '4', 'what was handed over to tell systemd is no listener');
  const first = await show('MainPID');
  await ok('sleep 9');
  t.equal(await show('MainPID'), first, 'a daemon that answers is left alone');
  t.equal(await show('NRestarts'), '0');
  const questions = await ok('journalctl --sync; journalctl -u tlsward -o cat | grep -c tx.verdict || true');
  t.equal(questions, '0', 'and its questions to itself are no verdicts');
  await ok(`kill -STOP ${first}`);
  await wait('start after it hung', async () => (await show('NRestarts')) !== '0');
  t.match(await ok('journalctl --sync; journalctl -u tlsward -o cat'), /Watchdog timeout/);
  await wait('ready again', async () => (await show('ActiveState')) === 'active');
  t.not(await show('MainPID'), first);
  const alarms = 'node /usr/lib/tlsward/build/bundle/main.js alarms --json';
  await wait(
    'end of the alarm',
    async () =>
      (await machine.sh('journalctl -u tlsward-alarms -o cat | grep alarm.resolved | grep -q daemon-down'))
        .status === 0,
  );
  t.equal(await ok('journalctl -u tlsward-alarms -o cat | grep alarm.firing | grep -c daemon-down'), '1');
  const recorded = `grep -q '"kind":"daemon-down","state":"resolved"' /var/lib/tlsward/evidence/alarms/*.jsonl`;
  await wait('record of its end', async () => (await machine.sh(recorded)).status === 0);
  t.match(JSON.parse((await machine.sh(alarms)).text), { late: false, host: 'mx.example.org' });
  t.match(await ok('node /usr/lib/tlsward/build/bundle/main.js health --max-age 1m || true'), /^TLSWARD /);

  await ok(`cp /srv/test/older.conf /etc/systemd/system/tlsward.service.d/older.conf
    systemctl daemon-reload; systemctl reset-failed tlsward; systemctl restart tlsward`);
  t.match(await show('StatusText'), /^2 rows, /, 'by systemd-notify(1)');
  const second = await show('MainPID');
  await ok('sleep 9');
  t.equal(await show('MainPID'), second, 'and it is left alone');
});
