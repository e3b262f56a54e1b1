/**
 * The Debian package on Debian 12 and 13, each booted with its own systemd and Node.js and a Postfix that carries mail:
 * with a filter, a block list, dane and a TLS policy table. The package is installed, set up, observes, enforces one
 * domain, is upgraded from the version before, upgraded with a broken table, removed while Postfix still asks it, put
 * back, undone and purged, while clients and users send mail (harness/flow). Each message is counted: what the client was
 * told is delivered must be delivered, once; nothing else is refused for good, nothing passes a row that is enforced, and
 * whatever comes in while Postfix asks is judged. At the end Postfix is what it was.
 *
 * Roots: `node build/test/e2e/harness/mta/postfix-root.js bookworm` (and trixie). The package is built twice, as another
 * version and as this one; this one twice more, for the same bytes. apt takes the file and needs no network: what the
 * package depends on is in the roots.
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
import { accepted, during, Flow, WARD } from './harness/flow/flow.ts';
import {
  FILTER_FIELD,
  MAIN_CF,
  PORTS,
  STREAMS,
  type Stream,
  type StreamName,
  TLS_POLICY,
  type Try,
} from './harness/flow/streams.ts';
import { findRoot } from './harness/mta/postfix-releases.ts';
import { createCa } from './harness/peers/ca.ts';
import { findCommand, skipReason } from './harness/requirements.ts';

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

/** While the row of bank.example is enforced, with the package there or just not there. */
const ENFORCED = ['enforced', 'upgrade', 'removed', 'gone'];
/** While Postfix asks tlsward. */
const JUDGED = ['observed', ...ENFORCED];

for (const [release, node] of Object.entries(NODE) as ['bookworm' | 'trixie', number][]) {
  const found = findRoot(release);
  const missing = found === null ? [`no root of ${release}`] : cannot === false ? [] : [cannot];
  if (findCommand('openssl') === null) missing.push('no command openssl');
  // as for the units: a container that may not mount cannot run this, in continuous integration either
  const skip = skipReason(missing, required && cannot === false);
  t.test(`${release}: from an MTA that works to tlsward and back, with mail flowing`, { skip }, async (t) => {
    const place = join(dir, release);
    mkdirSync(place);
    writeFileSync(join(place, 'main.cf'), MAIN_CF);
    writeFileSync(join(place, 'tls_policy'), TLS_POLICY);
    const ca = createCa();
    t.teardown(() => ca.remove());
    const { key, cert } = ca.issue(release, { subject: '/CN=mx.example.org', san: ['mx.example.org'] });
    writeFileSync(join(place, 'mx.pem'), `${key}${cert}`);
    const checkout = fileURLToPath(root);
    const machine = await boot(
      [
        `${dir}:/srv/debs`,
        `${place}:/srv/test`,
        `${join(checkout, 'build')}:${WARD}/build`,
        `${join(checkout, 'package.json')}:${WARD}/package.json`,
      ],
      found?.dir,
    );
    t.teardown(() => machine.close());
    const ok = async (script: string): Promise<string> => {
      const { status, text } = await machine.sh(script);
      if (status === 0) return text.trimEnd();
      const more = await machine.sh('journalctl -n 40 --no-pager -o cat; tail -n 20 /var/log/postfix.log');
      throw new Error(`${script}\nstatus ${status}\n${text}\n${more.text}`);
    };
    const apt = (words: string) => ok(`DEBIAN_FRONTEND=noninteractive apt-get -q -y ${words} </dev/null`);
    const flow = new Flow(ok);
    const flows = async (what: string): Promise<void> => {
      await flow.goesOn();
      t.pass(`mail flows ${what}`);
    };
    const settings = () =>
      ok('postconf -n; postconf -Mf; sha256sum /etc/postfix/main.cf /etc/postfix/master.cf');
    const rows = (text: string) => ok(`printf '[domains]\n${text}' >/etc/tlsward/domains.d/own.ini`);
    const doctor = async (): Promise<{ status: number; text: string }> => {
      const { status, text } = await machine.sh('tlsward doctor');
      return { status, text };
    };

    await ok(`cp /srv/test/main.cf /srv/test/tls_policy /srv/test/mx.pem /etc/postfix/
      [ -e /etc/postfix/master.cf ] || cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
      echo nameserver 127.0.0.1 >/etc/resolv.conf; useradd -m tester`);
    await flow.startPeers('/srv/test/mx.pem');
    await ok('systemctl start postfix; systemctl restart postfix');
    await flow.startClient('before');
    await flows('before');
    const before = await settings();

    // ---- install

    const installed = await apt(`install /srv/debs/tlsward_${BEFORE}_all.deb`);
    t.notMatch(installed, /warning|error/i, installed);
    t.equal(await settings(), before, 'Postfix is as it was');
    t.equal(await ok('systemctl is-active tlsward; systemctl is-enabled tlsward'), 'active\nenabled');
    t.match(await ok('tlsward --version'), new RegExp(`^tlsward ${BEFORE}, Node.js ${node}\\.`));
    t.equal(
      await ok("stat -c '%U:%G:%a' /etc/tlsward /etc/tlsward/tlsward.ini | xargs"),
      'root:tlsward:750 root:tlsward:640',
    );
    t.match(await ok('man -w tlsward tlsward.ini 2>&1 || ls /usr/share/man/man5'), /tlsward/);
    await flows('with the package installed');

    // ---- set up, and observe

    // all clients of this machine are on loopback, which is trusted unless told otherwise; open files are as many as it has
    await rows('steady.example = observed\\nbank.example = observed\\n');
    await ok(`sed -i 's/^include/trusted-clients =\\nmax-connections = 1000\\n&/' /etc/tlsward/tlsward.ini
      cp -p /etc/tlsward/tlsward.ini /root/edited.ini; systemctl restart tlsward`);
    const setup = await ok('tlsward setup postfix --apply');
    t.match(setup, /^done: /m, setup);
    t.equal(
      await ok(
        'postconf -h smtpd_recipient_restrictions smtpd_milters smtp_tls_policy_maps smtp_tls_security_level',
      ),
      [
        '$tlsward_policy, permit_mynetworks, reject_unauth_destination, reject_rbl_client rbl.example',
        `inet:127.0.0.1:${PORTS.filter}, $tlsward_milter`,
        'texthash:/etc/postfix/tls_policy, socketmap:unix:tlsward/socketmap.sock:deliver',
        'dane',
      ].join('\n'),
      'what was there is there',
    );
    await flow.phase('observed');
    await flows('through the daemon');
    const green = await doctor();
    t.equal(green.status, 0, green.text);
    const would = await ok(
      `journalctl --sync; journalctl -u tlsward -o cat --no-pager | grep '"event":"tx.verdict"' | grep '"would":"reject"' | grep -o '"sender":"[^"]*"'`,
    );
    t.match(would, /"sender":"steady-\d+@steady\.example"/);
    t.match(would, /"sender":"plain-\d+@bank\.example"/);
    t.notMatch(would, /"sender":"secure-/, 'TLS is what the row asks for');

    // ---- enforce one domain

    await rows('steady.example = observed\\nbank.example = encrypt\\n');
    t.match(await ok('tlsward reload'), /./);
    await flow.phase('enforced');
    await flows('with one domain enforced');

    // ---- upgrade

    const pid = () => ok('systemctl show -p MainPID --value tlsward');
    const old = await pid();
    await flow.phase('upgrade');
    await apt(`install /srv/debs/tlsward_${version}_all.deb`);
    await flow.phase('enforced');
    t.match(await ok('tlsward --version'), new RegExp(`^tlsward ${version.replaceAll('.', '\\.')},`));
    t.not(await pid(), old, 'the new version runs');
    t.equal(
      await ok('cmp /etc/tlsward/tlsward.ini /root/edited.ini; cat /etc/tlsward/domains.d/own.ini | wc -l'),
      '3',
      'edits stay',
    );
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

    // ---- remove while Postfix still asks, and come back

    await flow.phase('removed');
    t.match(await apt('remove tlsward'), /warning: Postfix still asks tlsward/);
    t.match(await machine.sh('systemctl is-active tlsward tlsward-policy.socket'), {
      text: 'inactive\ninactive\n',
    });
    t.equal(await ok('ls /var/spool/postfix/tlsward'), '', 'sockets are gone');
    await flow.phase('gone');
    await ok('sleep 2');
    await flow.phase('removed');
    await apt(`install /srv/debs/tlsward_${version}_all.deb`);
    t.equal(await ok('systemctl is-active tlsward; systemctl is-enabled tlsward'), 'active\nenabled');
    await ok('postqueue -f');
    await flow.phase('enforced');
    await flows('after it has come back');

    // ---- and back

    await flow.phase('undoing');
    t.match(await ok('tlsward setup postfix --undo'), /again what they were/);
    t.equal(await settings(), before, 'Postfix is as it was');
    await flow.phase('undone');
    await flows('without it');
    await ok('echo key >/var/lib/tlsward/mark.key');
    const purged = await apt('purge tlsward');
    t.match(purged, /kept: \/etc\/tlsward \(1 files/);
    t.match(purged, /kept: \/var\/lib\/tlsward \(\d+ files/);
    t.equal(await ok('cat /var/lib/tlsward/mark.key; ls -A /etc/tlsward'), 'key\ndomains.d');
    t.equal(await settings(), before, 'Postfix is as it was');
    await flows('after it is purged');
    await flow.end();

    // ---- the count

    const all = await flow.tries();
    const replies = (tries: readonly Try[], first: RegExp) => tries.filter(({ reply }) => first.test(reply));
    for (const stream of Object.keys(STREAMS) as StreamName[]) {
      const own = all.filter((one) => one.stream === stream);
      const of = (first: RegExp) => replies(own, first).length;
      t.comment(`${release}: ${stream}: ${of(/^2/)} accepted, ${of(/^5/)} refused, ${of(/^[04]/)} put off`);
    }
    const mailbox = await flow.mailbox(FILTER_FIELD, 'X-TLS-Ward');
    t.strictSame(
      mailbox.map(([subject]) => subject).sort(),
      accepted(all, 'mailbox'),
      'each was delivered once',
    );
    const sent = await flow.sent();
    const sentBy = (plain: boolean) =>
      sent.filter(([, protocol]) => (protocol === 'plain') === plain).map(([subject]) => subject);
    t.strictSame(
      sentBy(false).sort(),
      accepted(all, 'tls'),
      'to a partner of the policy table over TLS, once',
    );
    t.strictSame(sentBy(true).sort(), accepted(all, 'plain'), 'and to another one, once');
    t.strictSame(accepted(all, 'nowhere'), [], 'what Postfix refused before is refused');

    const listed = all.filter(({ stream }) => 'refused' in STREAMS[stream]);
    t.strictSame(
      replies(listed, /^5/).filter(({ stream, reply }) => !(STREAMS[stream] as Stream).refused?.test(reply)),
      [],
      'for its own reason',
    );
    t.strictSame(
      replies(during(all, ['gone']), /^2/).filter(({ stream }) => STREAMS[stream].arrives !== 'nowhere'),
      [],
      'nothing comes in while nobody answers',
    );
    t.strictSame(replies(during(all, ENFORCED, 'plain'), /^2/), [], 'no plain session passes the row');
    t.match(
      [
        ...new Set(
          replies(all, /^5/)
            .filter(({ stream }) => stream === 'plain')
            .map(({ reply }) => reply),
        ),
      ],
      [/^530 .*bank\.example requires TLS/],
    );
    t.strictSame(
      replies(all, /^5/).filter(({ stream }) => !['plain', 'listed', 'stranger'].includes(stream)),
      [],
      'nothing else was refused for good',
    );
    t.strictSame(
      replies(all, /^[04]/).filter(
        ({ phases, reply }) =>
          !phases.some((phase) => ['removed', 'gone'].includes(phase)) &&
          // the filter's connection of a session that waited for its client when the daemon ended
          !(phases.includes('upgrade') && reply.startsWith('451 ')),
      ),
      [],
      'and nothing put off but while it was removed, or by a restart in the middle of a session',
    );
    for (const stream of ['steady', 'secure', 'away', 'other'] as const)
      t.ok(replies(all, /^2/).filter((one) => one.stream === stream).length >= 20, `enough of ${stream}`);

    const judged = replies(during(all, JUDGED), /^2/);
    const verdicts = new Set(
      (
        await ok(
          `journalctl --sync; journalctl -u tlsward -o cat --no-pager | grep '"event":"tx.verdict"' | grep -o '"sender":"[^"]*"' | sort -u`,
        )
      )
        .split('\n')
        .map((text) => (JSON.parse(`{${text}}`) as { sender: string }).sender),
    );
    t.ok(judged.length >= 50, `${judged.length} were judged`);
    t.strictSame(
      judged.filter(({ stream, number }) => !verdicts.has(`${stream}-${number}@${STREAMS[stream].domain}`)),
      [],
      'whatever came in meanwhile was judged',
    );
    const marked = new Map(mailbox);
    const fields = (subject: string) => marked.get(subject)?.map((line) => line.split(':')[0]!);
    t.strictSame(
      judged
        .filter(({ stream }) => STREAMS[stream].arrives === 'mailbox')
        .map(({ stream, number }) => `${stream} ${number}`)
        .filter((subject) => !fields(subject)?.includes('X-TLS-Ward')),
      [],
      'and marked',
    );
    t.strictSame(
      mailbox.filter(([subject]) => !fields(subject)?.includes(FILTER_FIELD)).map(([subject]) => subject),
      [],
      'the other filter saw every message',
    );
  });
}
