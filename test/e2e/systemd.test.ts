/**
 * The units run by a real systemd, as an administrator installs them: the user and folders from sysusers.d and tmpfiles.d,
 * the production table of contrib/, the program where the unit expects it, all confinement in force.
 *
 * A container that may not mount cannot run this; then it is skipped with the reason, in continuous integration too. Where
 * it can run, it must pass.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { policyRequest } from '../daemon/startDaemon.ts';
import { root } from '../root.ts';
import { UNIT_DIR } from '../units.ts';
import { type Booted, boot, bootable, journalOf, mustRun } from './harness/booted.ts';
import { installProgram } from './harness/installed.ts';

/** One policy request on a new connection; prints the action, or the error's code. */
const ASK = `
import { connect } from 'node:net';
const socket = connect('/var/spool/postfix/tlsward/policy.sock');
let text = '';
socket.on('data', (chunk) => { text += chunk; if (text.endsWith('\\n\\n')) { console.log(text.slice(0, 60).trim()); process.exit(); } });
socket.on('error', (error) => { console.log(error.code); process.exit(1); });
socket.on('close', () => { console.log('closed'); process.exit(1); });
socket.write(${JSON.stringify(policyRequest())});
setTimeout(() => { console.log('no answer'); process.exit(1); }, 60_000);
`;

const REFUSED = /^action=530 5\.7\.0 bank\.example requires TLS/;
const as = (user: string, group: string) =>
  `setpriv --reuid=${user} --regid=${group} --clear-groups node /srv/ask.mjs`;
const ask = as('postfix', 'postfix');
const SOCKETS = 'tlsward-policy.socket tlsward-milter.socket tlsward-socketmap.socket';

const reason = bootable();
if (reason) process.stderr.write(`SKIPPED: units are not started for real: ${reason}\n`);

t.test('units under systemd', { skip: reason }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-units-'));
  chmodSync(dir, 0o755);
  installProgram(join(dir, 'lib'));
  writeFileSync(join(dir, 'ask.mjs'), ASK);
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  cpSync(fileURLToPath(new URL('contrib/tables/', root)), join(dir, 'tables'), { recursive: true });
  const machine: Booted = await boot([
    `${join(dir, 'lib')}:/usr/lib/tlsward`,
    `${join(dir, 'ask.mjs')}:/srv/ask.mjs`,
    `${join(dir, 'systemd')}:/srv/systemd`,
    `${join(dir, 'tables')}:/srv/tables`,
    `${process.execPath}:/usr/bin/node`,
  ]);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const { sh } = machine;
  const journal = () => journalOf(machine, 'tlsward', 80);
  const ok = mustRun(machine, journal);

  /** Waits until this run of the unit has logged what each pattern says: journald may be later than the start. */
  const logged = async (t: Test, ...patterns: RegExp[]): Promise<void> => {
    const run =
      'journalctl --sync; journalctl --no-pager -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID --value tlsward)';
    let text = (await sh(run)).text;
    for (let i = 0; i < 240 && !patterns.every((pattern) => pattern.test(text)); i += 1) {
      await setTimeout(250);
      text = (await sh(run)).text;
    }
    for (const pattern of patterns) t.match(text, pattern);
  };

  await ok(`
    cp /srv/systemd/*.service /srv/systemd/*.socket /etc/systemd/system/
    cp /srv/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    cp /srv/systemd/tlsward.tmpfiles.conf /usr/lib/tmpfiles.d/tlsward.conf
    systemd-sysusers && systemd-tmpfiles --create tlsward.conf
    install -o root -g tlsward -m 0640 /srv/tables/tlsward.ini /etc/tlsward/tlsward.ini
    install -o root -g tlsward -m 0640 /srv/tables/domains.d/partners.ini /etc/tlsward/domains.d/partners.ini
    cp -p /etc/tlsward/tlsward.ini /etc/tlsward/good
    systemctl daemon-reload`);
  const pid = () => ok('systemctl show -p MainPID --value tlsward');
  const active = async () => (await sh('systemctl is-active tlsward')).text.trimEnd();

  await t.test('start, confined', async (t) => {
    await ok('systemctl start tlsward');
    const files = await ok(
      'for i in $(seq 300); do [ -S /run/tlsward/control.sock ] && break; sleep 0.3; done; ' +
        "stat -c '%a %U %G %n' /var/spool/postfix/tlsward/* /run/tlsward/* /var/lib/tlsward",
    );
    t.equal(
      files,
      [
        '660 tlsward postfix /var/spool/postfix/tlsward/milter.sock',
        '660 tlsward postfix /var/spool/postfix/tlsward/policy.sock',
        '660 tlsward postfix /var/spool/postfix/tlsward/socketmap.sock',
        '600 tlsward tlsward /run/tlsward/control.sock',
        '700 tlsward tlsward /var/lib/tlsward',
      ].join('\n'),
    );
    const status = await ok(`cat /proc/${await pid()}/status`);
    t.match(status, /^CapBnd:\t0+$/m);
    t.match(status, /^NoNewPrivs:\t1$/m);
    t.match(status, /^Seccomp:\t2$/m);
    t.match(await ok(ask), REFUSED, 'Postfix is answered');
    await logged(t, /"listener":"socketmap","address":"inherited descriptor/); // systemd holds the sockets
    await ok(`systemctl enable --now tlsward.service ${SOCKETS}`);
    t.equal(
      await ok(`systemctl is-active ${SOCKETS}`),
      'active\nactive\nactive',
      'units can be enabled while the service runs',
    );
    t.match(await sh(as('nobody', 'nogroup')), { status: 1, text: /^EACCES/ }, 'others cannot connect');
    t.match(
      await ok('node /usr/lib/tlsward/build/bundle/main.js status'),
      new RegExp(await pid()),
      'root can ask',
    );
  });

  await t.test('reload', async (t) => {
    const before = await pid();
    await ok(
      "echo '[domain new.example]\npolicy = partner' >> /etc/tlsward/tlsward.ini; systemctl reload tlsward",
    );
    await logged(t, /new\.example/); // what changed
    await ok("echo 'polcy = may' >> /etc/tlsward/tlsward.ini");
    const refused = await sh('systemctl reload tlsward');
    t.not(refused.status, 0, 'a refused table is a failed reload');
    await logged(t, /polcy.*did you mean/);
    t.equal(await pid(), before, 'the daemon goes on');
    t.match(await ok(ask), REFUSED, 'with the old table');
  });

  await t.test('the journal has priorities, and the JSON as it was written', async (t) => {
    const lines = async (...options: string[]): Promise<string[]> => {
      const text = await ok(`journalctl -u tlsward --no-pager -o cat ${options.join(' ')}`);
      return text.split('\n').filter((line) => line.startsWith('{'));
    };
    const levels = async (...options: string[]): Promise<Set<number>> =>
      new Set((await lines(...options)).map((line) => (JSON.parse(line) as { level: number }).level));
    t.ok((await levels()).has(30), 'every line is JSON');
    t.same(await levels('-p err'), new Set([50]), 'the refused reload');
    t.notOk((await levels('-p warning')).has(30));
    t.equal(
      await ok("journalctl -u tlsward --no-pager -o cat _COMM=node | grep -c ' listening on ' || true"),
      '0',
    );
    t.match(
      await ok('node /usr/lib/tlsward/build/bundle/main.js log --all'),
      / error config\.rejected: mistakes; the old table stays; /,
    );
  });

  await t.test('mistakes, crashes and stop', async (t) => {
    t.not((await sh('systemctl restart tlsward')).status, 0, 'a start with mistakes fails at once');
    await sh(`for i in 1 2 3; do timeout 2 ${ask}; done`);
    t.equal(await ok('systemctl is-active tlsward-policy.socket'), 'active', 'however often Postfix asks');
    await ok('cp -p /etc/tlsward/good /etc/tlsward/tlsward.ini');
    const back = async (): Promise<void> => {
      await ok(`for i in $(seq 200); do ${ask} > /run/answer && break; sleep 0.25; done; cat /run/answer`);
      t.match(await ok('cat /run/answer'), REFUSED);
    };
    await back();
    t.pass('and is tried again until they are corrected');
    const before = await pid();
    await ok(`kill -KILL ${before}`);
    await back();
    t.not(await pid(), before, 'a killed daemon comes back');
    // stopped while it still starts, it would have ended by a signal
    await ok('until systemctl is-active -q tlsward; do sleep 0.1; done');
    await ok('systemctl stop tlsward');
    t.equal(await ok('systemctl show -p Result --value tlsward'), 'success');
    t.match(await ok('ls /var/spool/postfix/tlsward'), /policy\.sock/, 'the sockets stay with systemd');
    await ok(`systemctl stop ${SOCKETS}`);
    t.equal(await ok('ls /var/spool/postfix/tlsward'), '');
    await ok(
      "sed -i 's,^.service.$,&\\ncontrol-listen = unix:/run/nowhere/control.sock,' /etc/tlsward/tlsward.ini",
    );
    const begun = performance.now();
    t.not((await sh('systemctl start tlsward')).status, 0, 'a start fails when serve cannot open a socket');
    t.ok(performance.now() - begun < 80_000, 'and does not wait for what cannot come');
    t.match(
      await journal(),
      /"event":"service\.failed","why":"cannot bind unix:\/run\/nowhere\/control\.sock: the folder does not exist"/,
    );
    await ok('cp -p /etc/tlsward/good /etc/tlsward/tlsward.ini && systemctl restart tlsward');
    t.match(await ok(ask), REFUSED, 'a start that returns has opened every socket');
    await ok(`systemctl stop tlsward ${SOCKETS}`);
    t.equal(await ok('ls /var/spool/postfix/tlsward'), '', 'sockets are removed');
  });

  await t.test('socket activation', async (t) => {
    await ok(`systemctl start ${SOCKETS}`);
    t.equal(await active(), 'inactive');
    t.match(await ok(ask), REFUSED, 'the first request starts it');
    await ok('systemctl start tlsward'); // has begun already; returns when it is complete
    t.equal(await active(), 'active');
    await logged(t, /"event":"listener\.open","listener":"policy","address":"inherited descriptor/);
    const restart = `(for i in $(seq 8); do ${ask} || ${ask}; done) > /run/answers & systemctl restart tlsward; wait; cat /run/answers`;
    const answers = (await ok(restart))
      .split('\n')
      .filter((line) => line !== 'closed' && line !== 'ECONNRESET');
    t.equal(answers.length, 8);
    t.ok(
      answers.every((line) => REFUSED.test(line)),
      'a restart refuses nobody',
    );
  });

  await t.test('sockets of the configuration beside those of systemd', async (t) => {
    await ok(`sed 's,^milter-listen = .*,milter-listen = inet:127.0.0.1:8452,' /etc/tlsward/good >/etc/tlsward/tlsward.ini
      systemctl restart tlsward`);
    await ok('for i in $(seq 240); do [ -S /run/tlsward/control.sock ] && break; sleep 0.25; done');
    await logged(
      t,
      /"listener":"milter","address":"inherited descriptor/,
      /"listener":"milter","address":"inet:127\.0\.0\.1:8452"/,
    );
    await ok(`cp -p /etc/tlsward/good /etc/tlsward/tlsward.ini; systemctl stop tlsward ${SOCKETS}`);
  });

  await t.test('without Postfix', async (t) => {
    await ok(`mv /var/spool/postfix/tlsward /var/spool/postfix/away
      printf '[service]\\nmilter-listen = unix:/run/tlsward/milter.sock\\n[domains]\\nbank.example = encrypt\\n' >/etc/tlsward/tlsward.ini
      systemctl start tlsward`);
    t.equal(await active(), 'active');
    t.match(await sh('systemctl is-active tlsward-milter.socket'), { text: /^inactive/ });
    await ok(`systemctl stop tlsward; cp -p /etc/tlsward/good /etc/tlsward/tlsward.ini
      mv /var/spool/postfix/away /var/spool/postfix/tlsward`);
  });

  await t.test('MemoryDenyWriteExecute would end it', async (t) => {
    await ok(`mkdir -p /run/systemd/system/tlsward.service.d
      printf '[Service]\\nMemoryDenyWriteExecute=yes\\n' > /run/systemd/system/tlsward.service.d/wx.conf
      systemctl daemon-reload`);
    t.not((await sh('systemctl start tlsward')).status, 0);
    t.match(await ok('systemctl show -p Result --value tlsward'), /signal|core-dump/);
  });
});
