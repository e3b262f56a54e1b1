/**
 * The Debian package on Debian 12 and 13, each booted with its own systemd, Postfix and Node.js: installed, upgraded from the
 * version before, upgraded with a broken table, removed and purged, while a client sends one message after the other. Each
 * message is counted: what the client was told is delivered must be delivered, once, and nothing may be refused for good.
 *
 * Roots: `node build/test/e2e/harness/mta/postfix-root.js bookworm` (and trixie). The package is built twice, as another
 * version and as this one; this one twice more, for the same bytes.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { without } from '../tools.ts';
import { boot, bootable } from './harness/booted.ts';
import { findRoot } from './harness/mta/postfix-releases.ts';
import { skipReason } from './harness/requirements.ts';

const NODE = { bookworm: 18, trixie: 20 } as const;
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
const BEFORE = '0.0.9';
const required = process.env.TLSWARD_E2E === 'required';

/** Builds the package as `as`; returns its path below `folder`. */
function build(as: string, folder: string): string {
  const env = { ...process.env, TLSWARD_DEB_VERSION: as };
  const cwd = fileURLToPath(root);
  execFileSync(join(cwd, 'contrib/debian/build'), { cwd, env, stdio: 'pipe' });
  const name = `tlsward_${as}_all.deb`;
  copyFileSync(join(cwd, 'build', name), join(folder, name));
  return join(folder, name);
}

/**
 * Sends messages until /run/stop exists, each until it is accepted, as an MTA does: what is refused for now is tried again.
 * Prints a line for each try that was refused and for each message that was accepted.
 */
const CLIENT = `
import { connect } from 'node:net';
import { existsSync } from 'node:fs';
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const SAY = ['EHLO client.example', 'MAIL FROM:<a@bank.example>', 'RCPT TO:<tester@example.org>', 'DATA', null];
function send(number) {
  return new Promise((resolve) => {
    const socket = connect(25, '127.0.0.1');
    let text = '';
    let at = -1;
    socket.setTimeout(30000, () => socket.destroy(new Error('timeout')));
    socket.on('error', (error) => resolve('000 ' + error.message));
    socket.on('close', () => resolve('000 closed'));
    socket.on('data', (chunk) => {
      text += chunk;
      const line = /^(\\d{3}) [^\\r]*\\r\\n/m.exec(text);
      if (line === null) return;
      text = '';
      at++;
      if (line[1] >= '400' || at === SAY.length) { resolve(line[0].trim()); socket.end('QUIT\\r\\n'); return; }
      socket.write(SAY[at] === null ? 'Subject: number ' + number + '\\r\\n\\r\\ntext\\r\\n.\\r\\n' : SAY[at] + '\\r\\n');
    });
  });
}
for (let number = 1; !existsSync('/run/stop'); number++) {
  for (;;) {
    const reply = await send(number);
    console.log(number + ' ' + reply);
    if (reply.startsWith('2')) break;
    await wait(200);
  }
  await wait(50);
}
`;

/** Prints the reply to RCPT for a sender of the domain that the first argument names. */
const TOLD = `
import { connect } from 'node:net';
const say = ['EHLO c.example', 'MAIL FROM:<a@' + process.argv[2] + '>', 'RCPT TO:<tester@example.org>'];
const socket = connect(25, '127.0.0.1');
let text = '';
socket.on('data', (chunk) => {
  text += chunk;
  const line = /^\\d{3} [^\\r]*\\r\\n/m.exec(text);
  if (line === null) return;
  text = '';
  const next = say.shift();
  if (next === undefined) { console.log(line[0].trim()); socket.destroy(); } else socket.write(next + '\\r\\n');
});
`;

/** A private Postfix of the root: everything by main.cf, mail for tester@example.org into a mailbox. */
const POSTFIX = `
compatibility_level = 3.6
myhostname = mx.example.org
mydestination = example.org
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
mynetworks =
alias_maps =
maillog_file = /var/log/postfix.log
smtpd_recipient_restrictions = reject_unauth_destination
`;

const dir = mkdtempSync(join(tmpdir(), 'tlsward-package-'));
chmodSync(dir, 0o755);
t.teardown(() => rmSync(dir, { recursive: true }));
const cannot = bootable();

t.test('the package itself', { skip: without('dpkg-deb', 'dpkg') }, async (t) => {
  const first = readFileSync(build(version, dir));
  t.ok(readFileSync(build(version, dir)).equals(first), 'the same commit gives the same bytes');
  build(BEFORE, dir);
  const reason = without('lintian', 'lintian');
  if (reason !== false) return;
  const deb = join(dir, `tlsward_${version}_all.deb`);
  const argv = ['--fail-on', 'error,warning', '--allow-root', '--no-tag-display-limit', deb];
  t.equal(
    execFileSync('lintian', argv, { encoding: 'utf8', stdio: 'pipe' }),
    '',
    'lintian has nothing to say',
  );
});

for (const [release, node] of Object.entries(NODE) as ['bookworm' | 'trixie', number][]) {
  const found = findRoot(release);
  const missing = found === null ? [`no root of ${release}`] : cannot === false ? [] : [cannot];
  // as for the units: a container that may not mount cannot run this, in continuous integration either
  const skip = skipReason(missing, required && cannot === false);
  t.test(`${release}: install, upgrade, remove, purge with mail flowing`, { skip }, async (t) => {
    const place = join(dir, release);
    mkdirSync(place);
    writeFileSync(join(place, 'client.mjs'), CLIENT);
    writeFileSync(join(place, 'told.mjs'), TOLD);
    const machine = await boot([`${dir}:/srv/debs`, `${place}:/srv/test`], found?.dir);
    t.teardown(() => machine.close());
    const ok = async (script: string): Promise<string> => {
      const { status, text } = await machine.sh(script);
      if (status === 0) return text.trimEnd();
      const more = await machine.sh('journalctl -n 40 --no-pager -o cat; tail -n 20 /var/log/postfix.log');
      throw new Error(`${script}\nstatus ${status}\n${text}\n${more.text}`);
    };
    const apt = (words: string) => ok(`DEBIAN_FRONTEND=noninteractive apt-get -q -y ${words} </dev/null`);
    const tried = async () =>
      (await ok('journalctl -u client -o cat --no-pager'))
        .split('\n')
        .filter((line) => /^\d+ \d{3} /.test(line));
    /** Some messages more are accepted. */
    const flows = async (what: string): Promise<void> => {
      const count = async () => (await tried()).filter((line) => /^\d+ 2/.test(line)).length;
      const before = await count();
      for (let tries = 0; tries < 60 && (await count()) < before + 3; tries++) await ok('sleep 0.5');
      t.ok((await count()) >= before + 3, `mail flows ${what}`);
    };
    /** What a client that sends mail from this domain is told at RCPT, over a session without TLS. */
    const told = (domain: string) => ok(`node /srv/test/told.mjs ${domain}`);

    await ok(`cat >/etc/postfix/main.cf <<'END'${POSTFIX}END
      [ -e /etc/postfix/master.cf ] || cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
      useradd -m tester; systemctl start postfix; systemctl restart postfix
      systemd-run --unit=client node /srv/test/client.mjs`);
    await flows('before');
    const settings = await ok('postconf -n; postconf -M');

    const installed = await apt(`install /srv/debs/tlsward_${BEFORE}_all.deb`);
    t.notMatch(installed, /warning|error/i, installed);
    t.equal(await ok('postconf -n; postconf -M'), settings, 'Postfix is as it was');
    t.equal(await ok('systemctl is-active tlsward; systemctl is-enabled tlsward'), 'active\nenabled');
    t.match(await ok('tlsward --version'), new RegExp(`^tlsward ${BEFORE}, Node.js ${node}\\.`));
    t.equal(
      await ok("stat -c '%U:%G:%a' /etc/tlsward /etc/tlsward/tlsward.ini | xargs"),
      'root:tlsward:750 root:tlsward:640',
    );
    t.match(await ok('man -w tlsward tlsward.ini 2>&1 || ls /usr/share/man/man5'), /tlsward/);
    await flows('with the package installed');

    await ok(`printf '[domains]\\nbank.example = observed\\nclosed.example = encrypt\\n' >/etc/tlsward/domains.d/own.ini
      sed -i 's/^include/trusted-clients =\\n&/' /etc/tlsward/tlsward.ini
      cp -p /etc/tlsward/tlsward.ini /root/edited.ini; cp -p /etc/postfix/main.cf /root/main.cf
      systemctl restart tlsward && cat /usr/lib/tlsward/contrib/postfix/both.main.cf >>/etc/postfix/main.cf && postfix reload`);
    await flows('through the daemon');
    t.match(
      await ok('journalctl -u tlsward -o cat --no-pager | grep tx.verdict | tail -n 1'),
      /"would":"reject"/,
    );
    t.match(await told('closed.example'), /^530 5\.7\.0 .*closed\.example requires TLS/);

    const pid = () => ok('systemctl show -p MainPID --value tlsward');
    const old = await pid();
    await apt(`install /srv/debs/tlsward_${version}_all.deb`);
    t.match(await ok('tlsward --version'), new RegExp(`^tlsward ${version.replaceAll('.', '\\.')},`));
    t.not(await pid(), old, 'the new version runs');
    t.equal(
      await ok('cmp /etc/tlsward/tlsward.ini /root/edited.ini; cat /etc/tlsward/domains.d/own.ini | wc -l'),
      '3',
      'edits stay',
    );
    t.match(await told('closed.example'), /^530 5\.7\.0 /);
    await flows('through the new version');

    const running = await pid();
    await ok("echo 'broken = nonsense' >>/etc/tlsward/domains.d/own.ini");
    t.match(
      await apt(`install --reinstall /srv/debs/tlsward_${version}_all.deb`),
      /own\.ini:4.*[\s\S]*not restarted/,
    );
    t.equal(await pid(), running, 'a broken table keeps what runs');
    await flows('through it');
    await ok("sed -i '/^broken/d' /etc/tlsward/domains.d/own.ini && systemctl reload tlsward");

    const temporary = (await tried()).filter((line) => /^\d+ [04]/.test(line));
    t.comment(`${release}: ${(await tried()).length} tries, put off: ${JSON.stringify(temporary)}`);
    t.strictSame(
      temporary.filter((line) => /^\d+ 000 .*REFUSED/.test(line)),
      [],
      'no connection was refused',
    );

    const removed = await apt('remove tlsward');
    t.match(removed, /warning: Postfix still asks tlsward/);
    t.match(await machine.sh('systemctl is-active tlsward tlsward-policy.socket'), {
      text: 'inactive\ninactive\n',
    });
    t.equal(await ok('ls /var/spool/postfix/tlsward'), '', 'sockets are gone');
    await ok('cp -p /root/main.cf /etc/postfix/main.cf && postfix reload');
    await flows('after it is removed');
    await ok('echo key >/var/lib/tlsward/mark.key');
    const purged = await apt('purge tlsward');
    t.match(purged, /kept: \/etc\/tlsward \(1 files/);
    t.match(purged, /kept: \/var\/lib\/tlsward \(1 files/);
    t.equal(await ok('cat /var/lib/tlsward/mark.key; ls -A /etc/tlsward'), 'key\ndomains.d');
    t.equal(await ok('postconf -n; postconf -M'), settings, 'Postfix is as it was');

    await ok('touch /run/stop; while systemctl -q is-active client; do sleep 0.2; done');
    await ok('for i in $(seq 50); do mailq | grep -q empty && break; sleep 0.2; done; mailq | grep empty');
    const all = await tried();
    const accepted = all.filter((line) => /^\d+ 2/.test(line)).map((line) => line.split(' ')[0]!);
    const delivered = (await ok("sed -n 's/^Subject: number //p' /var/mail/tester")).split('\n');
    t.ok(accepted.length >= 20, `${accepted.length} messages`);
    t.strictSame(delivered.sort(), accepted.sort(), 'each was delivered once');
    t.strictSame(
      all.filter((line) => /^\d+ 5/.test(line)),
      [],
      'none was refused for good',
    );
  });
}
