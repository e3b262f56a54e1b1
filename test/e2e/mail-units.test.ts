/**
 * systemd/tlsward-notices.service and tlsward-tlsrpt-send.service run by a real systemd beside a Postfix, with all their
 * confinement: mail waits for a partner without TLS, its author gets one notice in a mailbox, and one more when it has been
 * delivered; the partner gets a report about its sessions of the day before, once.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, mustRun } from './harness/booted.ts';
import { dayLasts, until } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { e2eSkip } from './harness/requirements.ts';

const reason = bootable() || e2eSkip(['postfix', 'unbound']);
if (reason) process.stderr.write(`SKIPPED: units are not started for real: ${reason}\n`);

const UNITS = ['tlsward-collect.service', 'tlsward-notices.service', 'tlsward-tlsrpt-send.service'];
const STREAM = '/var/lib/tlsward/evidence/collector';
/** Who was told and what was sent: the folder of each unit. */
const STATE = ['notices', 'tlsrpt'];

const TABLE = `[service]
policy-listen = unix:/var/spool/postfix/tlsward/policy.sock
evidence = /var/lib/tlsward/evidence
host-name = mx.local.example
local-domains = local.example
resolver = 127.0.0.1
notify-sender-after = 1s
notify-domains = local.example
tlsrpt-send = mail
tlsrpt-organization = The Post Office
tlsrpt-contact = tlsrpt@local.example

[domain plain.example]
deliver = encrypt
`;

const MAIN_CF = [
  'inet_interfaces = loopback-only',
  'inet_protocols = ipv4',
  'mydestination = local.example, reports.example',
  'mynetworks = 127.0.0.0/8',
  'alias_maps =',
  'mail_spool_directory = /var/mail',
  'smtp_tls_loglevel = 1',
  'smtp_tls_security_level = encrypt',
  'transport_maps = inline:{ { plain.example = smtp:[mx.plain.example]:2525 } }',
];

const UNBOUND = `server:
  interface: 127.0.0.1
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  local-zone: "example." static
  local-data: 'plain.example. MX 10 mx.plain.example.'
  local-data: 'mx.plain.example. A 127.0.0.1'
  local-data: '_smtp._tls.plain.example. TXT "v=TLSRPTv1; rua=mailto:alice@reports.example"'
remote-control:
  control-enable: no
`;

const WARD = '/srv/ward';
/** A mail server without STARTTLS on port 2525, which takes everything. */
const SINK = `import { TlsSink } from '${WARD}/build/test/e2e/harness/peers/tls-sink.js';
await TlsSink.start({ tls: null, port: 2525 });
`;

t.test('the units that send mail', { skip: reason }, async (t) => {
  // records are moved to yesterday: today must not end meanwhile
  await dayLasts(300_000);
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-mail-units-'));
  chmodSync(dir, 0o755);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  for (const [name, text] of Object.entries({
    'tlsward.ini': TABLE,
    'unbound.conf': UNBOUND,
    'sink.mjs': SINK,
  }))
    writeFileSync(join(dir, name), text);
  const checkout = fileURLToPath(root);
  const machine = await boot([
    `${dir}:/srv/test`,
    `${join(dir, 'lib')}:/usr/lib/tlsward`,
    `${process.execPath}:/usr/bin/node`,
    `${join(checkout, 'build')}:${WARD}/build`,
    `${join(checkout, 'package.json')}:${WARD}/package.json`,
  ]);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const said = async () => (await machine.sh('journalctl --sync; journalctl -n 80 --no-pager -o cat')).text;
  const ok = mustRun(machine, said);
  const wait = (what: string, script: string) =>
    until(
      60_000,
      what,
      async () => (await machine.sh(script)).status === 0,
      () => '',
      300,
    ).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await said()}`, { cause: error });
    });
  const mailbox = () => ok('cat /var/mail/alice 2>/dev/null || true');
  const subjects = async () =>
    [...(await mailbox()).matchAll(/^Subject: (.*(?:\n[ \t].*)*)/gm)].map((match) =>
      match[1]!.replaceAll(/\n\s+/g, ' '),
    );

  await ok(`
    cp ${UNITS.map((name) => `/srv/test/systemd/${name}`).join(' ')} /etc/systemd/system/
    cp /srv/test/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    cp /srv/test/systemd/tlsward.tmpfiles.conf /usr/lib/tmpfiles.d/tlsward.conf
    systemd-sysusers tlsward.conf; systemd-tmpfiles --create tlsward.conf
    # a report at once, whatever the hour
    sed -i 's/--spread 8/--spread 0/' /etc/systemd/system/tlsward-tlsrpt-send.service
    install -D -m 0640 -g tlsward /srv/test/tlsward.ini /etc/tlsward/tlsward.ini
    systemctl daemon-reload
    useradd -m alice; rm -f /var/mail/alice /etc/resolv.conf
    echo nameserver 127.0.0.1 >/etc/resolv.conf
    ${MAIN_CF.map((line) => `postconf -e '${line}'`).join('; ')}
    systemd-run --unit=dns unbound -c /srv/test/unbound.conf
    systemd-run --unit=sink /usr/bin/node /srv/test/sink.mjs
    systemctl start postfix tlsward-collect tlsward-notices`);
  await ok("printf 'Subject: x\\n\\ntext\\n' | sendmail -f alice@local.example bob@plain.example");

  // ---- a notice, and what comes after it

  await wait('notice', 'grep -q "^Subject: Your message" /var/mail/alice');
  t.same(await subjects(), ['Your message to plain.example has not been delivered yet']);
  t.match(await mailbox(), /^Return-Path: <>/m, 'from nobody');
  await ok('systemctl restart tlsward-notices');
  await wait('record of the failure', `grep -q '"recipient":"[^"]*plain.example"' ${STREAM}/*.jsonl`);
  await ok("postconf -e 'smtp_tls_security_level = may'; postfix reload");
  // a queue manager that is being reloaded does not hear of a flush
  await wait('all-clear', 'postqueue -f; [ "$(grep -c "^Subject: " /var/mail/alice)" = 2 ]');
  t.match((await subjects())[1], /plain\.example has left$/);
  t.equal(
    await ok('systemctl stop tlsward-notices; systemctl show -p Result --value tlsward-notices'),
    'success',
  );

  // ---- a report about yesterday

  await wait('record of the delivery', `grep -q '"outcome":"sent"' ${STREAM}/*.jsonl`);
  await ok(`systemctl stop tlsward-collect; cd ${STREAM}
    today=$(date -u +%F); day=$(date -u -d yesterday +%F)
    sed "s/\\"time\\":\\"$today/\\"time\\":\\"$day/g" $today.jsonl >$day.jsonl
    chown tlsward: $day.jsonl; rm $today.*`);
  await ok('systemctl start tlsward-tlsrpt-send');
  await wait('report', 'grep -q "^TLS-Report-Domain: plain.example" /var/mail/alice');
  t.match(await ok('systemctl show -p Result --value tlsward-tlsrpt-send'), 'success');
  await ok('systemctl start tlsward-tlsrpt-send');
  t.equal((await subjects()).length, 3, 'once');
  for (const name of STATE)
    t.equal(await ok(`stat -c '%U %a' /var/lib/tlsward/${name}`), 'tlsward 700', name);
});
