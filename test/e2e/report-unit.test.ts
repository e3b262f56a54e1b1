/**
 * systemd/tlsward-report.service run by a real systemd, with all its confinement: it reads the evidence and no key, and the
 * mail server on port 25 gets the report; without an address it fails and says so.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { delivery, MadeEvidence, verdict } from '../trace/madeDays.ts';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, journalOf, mustRun } from './harness/booted.ts';
import { dayLasts, until } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { e2eSkip } from './harness/requirements.ts';

const reason = bootable() || e2eSkip();
if (reason) process.stderr.write(`SKIPPED: units are not started for real: ${reason}\n`);
const EVIDENCE = '/var/lib/tlsward/evidence';

/** Takes one message and writes down what it was told. */
const SINK = `
const { createServer } = require('node:net');
const { writeFileSync } = require('node:fs');
createServer((socket) => {
  // who only looks whether it listens is gone before the greeting
  socket.on('error', () => undefined);
  let text = '';
  let data = false;
  socket.write('220 mx\\r\\n');
  socket.on('data', (chunk) => {
    text += chunk;
    if (data) {
      if (!text.endsWith('\\r\\n.\\r\\n')) return;
      data = false;
      writeFileSync('/root/message', text);
      socket.write('250 ok\\r\\n');
      return;
    }
    const line = text.slice(text.lastIndexOf('\\n', text.length - 2) + 1);
    if (/^DATA/.test(line)) { data = true; socket.write('354 go on\\r\\n'); }
    else if (/^QUIT/.test(line)) socket.end('221 bye\\r\\n');
    else socket.write('250 ok\\r\\n');
  });
}).listen(25, '127.0.0.1');
`;

t.test('the unit that sends a report', { skip: reason }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-report-'));
  chmodSync(dir, 0o755);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  mkdirSync(join(dir, 'srv'));
  writeFileSync(join(dir, 'srv/sink.js'), SINK);
  const evidence = new MadeEvidence(join(dir, 'srv/evidence'), 'mx.example.org');
  // what is yesterday to the unit
  await dayLasts(300_000);
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  evidence.day('daemon', day, [
    verdict(`${day}T10:00:00.000Z`),
    verdict(`${day}T11:00:00.000Z`, {
      code: '3FQ80002',
      queueId: 'B',
      action: 'reject',
      tls: { state: 'plain' },
    }),
  ]);
  evidence.day('collector', day, [delivery(`${day}T10:00:01.000Z`)]);
  const machine = await boot([
    `${join(dir, 'lib')}:/usr/lib/tlsward`,
    ...['systemd', 'srv'].map((name) => `${join(dir, name)}:/srv/${name}`),
    `${process.execPath}:/usr/bin/node`,
  ]);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const journal = () => journalOf(machine, 'tlsward-report');
  const ok = mustRun(machine, journal);
  await ok(`
    cp /srv/systemd/tlsward-report.service /srv/systemd/tlsward-report.timer /etc/systemd/system/
    cp /srv/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    systemd-sysusers tlsward.conf
    install -d -o tlsward -g tlsward -m 0700 /var/lib/tlsward
    cp -r /srv/srv/evidence ${EVIDENCE}
    echo secret >${EVIDENCE}/daemon/evidence.key
    chown -R tlsward:tlsward ${EVIDENCE}; chmod 0600 ${EVIDENCE}/daemon/evidence.key
    mkdir -p /etc/tlsward; printf '[service]\\nmilter-listen = inet:127.0.0.1:8452\\nevidence = ${EVIDENCE}\\n[domains]\\nbank.example = encrypt\\n' >/etc/tlsward/tlsward.ini
    chgrp -R tlsward /etc/tlsward
    systemctl daemon-reload
    systemctl stop postfix 2>/dev/null; systemd-run --unit=sink --collect /usr/bin/node /srv/srv/sink.js`);
  await until(
    30_000,
    'sink',
    async () => (await machine.sh("bash -c 'exec 3<>/dev/tcp/127.0.0.1/25'")).status === 0,
    () => '',
    200,
  );

  t.not((await machine.sh('systemctl start tlsward-report')).status, 0, 'nobody was named');
  t.match(await journal(), /--mail: found nothing/);
  await ok(`
    mkdir -p /etc/systemd/system/tlsward-report.service.d
    printf '[Service]\\nEnvironment=ADDRESS=postmaster@example.org SINCE=7d\\n' >/etc/systemd/system/tlsward-report.service.d/to.conf
    systemctl daemon-reload; systemctl reset-failed tlsward-report`);
  await ok('systemctl start tlsward-report');
  const message = await ok('cat /root/message');
  t.match(message, /^MAIL FROM:<>/m, 'nothing comes back');
  t.match(message, /^Auto-Submitted: auto-generated\r?$/m);
  t.match(message.replace(/=\r?\n/g, ''), 'Mail with one partner did not get through');
  t.match(message, /Content-Disposition: attachment; filename="tlsward-/);
  t.match(await ok(`ls ${EVIDENCE}/daemon`), /^((?!tally)[\s\S])*$/, 'it wrote nothing');
  t.match(
    await ok('systemctl start tlsward-report.timer; systemctl list-timers --no-pager'),
    'tlsward-report.timer',
  );
});
