/**
 * systemd/tlsward-probe.service run by a real systemd, with all its confinement: it asks postconf, looks at a server, keeps
 * its certificate where the unit may write, and says when it is another one; a server that is gone makes it fail.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, journalOf, mustRun } from './harness/booted.ts';
import { until } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { createCa } from './harness/peers/ca.ts';
import { e2eSkip } from './harness/requirements.ts';

const reason = bootable() || e2eSkip(['openssl']);
if (reason) process.stderr.write(`SKIPPED: units are not started for real: ${reason}\n`);

/** A mail server with STARTTLS on port 2525, and the certificate that its argument names. */
const SINK = `
const { readFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { TLSSocket } = require('node:tls');
const [cert, key] = ['pem', 'key'].map((kind) => readFileSync('/srv/srv/' + process.argv[2] + '.' + kind));
createServer((socket) => {
  socket.on('error', () => undefined);
  const serve = (link, offer) => link.on('data', function talk(chunk) {
    const line = chunk.toString();
    if (/^EHLO/.test(line)) link.write(offer ? '250-mx\\r\\n250 STARTTLS\\r\\n' : '250 mx\\r\\n');
    else if (/^QUIT/.test(line)) link.end('221 bye\\r\\n');
    else if (/^STARTTLS/.test(line)) {
      link.removeListener('data', talk);
      link.write('220 go\\r\\n');
      const secure = new TLSSocket(link, { isServer: true, cert, key });
      secure.on('error', () => undefined);
      serve(secure, false);
    }
  });
  socket.write('220 mx\\r\\n');
  serve(socket, true);
}).listen(2525, '127.0.0.1');
`;

t.test('the unit that probes partners', { skip: reason }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-probe-'));
  chmodSync(dir, 0o755);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  mkdirSync(join(dir, 'srv'));
  writeFileSync(join(dir, 'srv/sink.js'), SINK);
  const ca = createCa();
  t.teardown(() => ca.remove());
  for (const name of ['old', 'new']) {
    const { cert, key } = ca.issue(name, { subject: `/CN=${name}.example` });
    writeFileSync(join(dir, `srv/${name}.pem`), cert);
    writeFileSync(join(dir, `srv/${name}.key`), key);
  }
  const machine = await boot([
    `${join(dir, 'lib')}:/usr/lib/tlsward`,
    ...['systemd', 'srv'].map((name) => `${join(dir, name)}:/srv/${name}`),
    `${process.execPath}:/usr/bin/node`,
  ]);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const journal = () => journalOf(machine, 'tlsward-probe');
  const ok = mustRun(machine, journal);
  const serve = async (name: string): Promise<void> => {
    await machine.sh('systemctl stop sink');
    await ok(`systemd-run --unit=sink --collect /usr/bin/node /srv/srv/sink.js ${name}`);
    const open = async () => (await machine.sh("bash -c 'exec 3<>/dev/tcp/127.0.0.1/2525'")).status === 0;
    await until(30_000, 'sink', open, () => '', 200);
  };
  await ok(`
    cp /srv/systemd/tlsward-probe.service /srv/systemd/tlsward-probe.timer /etc/systemd/system/
    cp /srv/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    systemd-sysusers tlsward.conf
    install -d -o tlsward -g tlsward -m 0700 /var/lib/tlsward
    mkdir -p /etc/tlsward; printf '[service]\\nsocketmap-listen = inet:127.0.0.1:8453\\n[domain [127.0.0.1]:2525]\\ndeliver = encrypt\\n' >/etc/tlsward/tlsward.ini
    chgrp -R tlsward /etc/tlsward
    systemctl daemon-reload`);
  const inventory = '/var/lib/tlsward/probe/certificates.json';
  const list = '/usr/bin/node /usr/lib/tlsward/build/bundle/main.js certificates';

  await serve('old');
  await ok('systemctl start tlsward-probe');
  t.match(await journal(), /^\[127\.0\.0\.1\]:2525: encrypt holds$/m);
  t.equal(await ok(`stat -c '%U %a' ${inventory}`), 'tlsward 600');
  t.match(await ok(list), /^\[127\.0\.0\.1\]:2525 .* 29 days .*CN=Test Root CA$/m);
  await serve('new');
  await ok('systemctl start tlsward-probe');
  t.match(await journal(), /another key of the certificate at \[127\.0\.0\.1\]/);
  t.match(
    await ok('systemctl show -p Result,ExecMainStatus tlsward-probe'),
    /Result=success/,
    'status 2 is none',
  );
  await ok('systemctl stop sink');
  t.not((await machine.sh('systemctl start tlsward-probe')).status, 0, 'nothing can be told');
  t.match(await ok('systemctl show -p ExecMainStatus tlsward-probe'), 'ExecMainStatus=75');
  t.match(await ok(`cat ${inventory}`), '"what":"key"', 'what was seen stays');
  t.match(
    await ok('systemctl start tlsward-probe.timer; systemctl list-timers --no-pager'),
    'tlsward-probe.timer',
  );
});
