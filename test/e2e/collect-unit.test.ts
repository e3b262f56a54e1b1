/**
 * systemd/tlsward-collect.service and tlsward-tlsrpt.socket run by the systemd of Debian 13, beside its journald and its
 * Postfix, which sends mail to receivers with and without TLS: the collector and its journalctl are killed, journald is
 * started anew and its files are rotated while mail flows, the journal is emptied while nobody reads it, and journald's
 * rate limit strikes. Each delivery is recorded once, as the receiver saw it, or there is a gap where it would be.
 *
 * Root: `node build/test/e2e/harness/mta/postfix-root.js trixie`.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, mustRun } from './harness/booted.ts';
import { pause, until } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { findRoot } from './harness/mta/postfix-releases.ts';
import { createCa } from './harness/peers/ca.ts';
import { findCommand, skipReason } from './harness/requirements.ts';

const EVIDENCE = '/var/lib/tlsward/evidence';
const WARD = '/srv/ward';
/** How long the collector believes no plaintext behind a gap (collect/processes.ts), and a bit. */
const UNSURE_MS = 6000;
/** Between what a receiver saw and the line of it. */
const SLACK_MS = 5000;
const CONFIG = `[service]
policy-listen = unix:/var/spool/postfix/tlsward/policy.sock
evidence = ${EVIDENCE}
host-name = mx.example.org
privacy = full
[domains]
a.example = may
`;
const MAIN_CF = [
  'inet_protocols = ipv4',
  'mynetworks = 127.0.0.0/8',
  'smtpd_peername_lookup = no',
  'alias_maps =',
  'smtp_tls_security_level = may',
  'smtp_tls_loglevel = 1',
  'smtp_tlsrpt_enable = yes',
  'smtp_tlsrpt_socket_name = tlsward/tlsrpt.sock',
  'transport_maps = inline:{ { tls.example = smtp:[127.0.0.1]:2525 }, { plain.example = smtp:[127.0.0.1]:2526 },' +
    ' { rpt.example = smtp:rpt.example:2525 } }',
];
/** `$1` datagrams of libtlsrpt as user postfix, as a process of Postfix sends them: without waiting. */
const DATAGRAMS = `setpriv --reuid=postfix --regid=postfix --clear-groups perl -MSocket -e '
  socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die $!;
  connect($s, pack_sockaddr_un("/var/spool/postfix/tlsward/tlsrpt.sock")) or die $!;
  send($s, qq({"dpv":"1","d":"d$_.example","policies":[{"policy-type":9,"f":0}]}), MSG_DONTWAIT) or die $! for (split / /, $ARGV[0]);'`;

/** A line of a delivery that never was. */
const forged = (recipient: string) =>
  `logger -p mail.info -t 'postfix/smtp[77]' 'AAAAAAAAAA: to=<${recipient}>, relay=127.0.0.1[127.0.0.1]:25, ` +
  `delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 ok)'`;

interface Found {
  readonly type: string;
  readonly recipient?: string;
  readonly outcome?: string;
  readonly time: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
  readonly count: number | null;
  readonly domain?: string;
  readonly tls: { readonly state: string; readonly protocol?: string; readonly why?: string };
}

const found = findRoot('trixie');
const cannot = bootable();
const missing = found === null ? ['no root of trixie'] : cannot === false ? [] : [cannot];
if (findCommand('openssl') === null) missing.push('no command openssl');
const skip = skipReason(missing, process.env.TLSWARD_E2E === 'required' && cannot === false);
if (skip) process.stderr.write(`SKIPPED: the unit that collects is not started for real: ${skip}\n`);

t.test('the unit that collects', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-collect-'));
  chmodSync(dir, 0o755);
  const ca = createCa();
  const { key, cert } = ca.issue('mx', { subject: '/CN=mx.rpt.example', san: ['mx.rpt.example'] });
  writeFileSync(join(dir, 'mx.pem'), `${key}${cert}`);
  writeFileSync(join(dir, 'tlsward.ini'), CONFIG);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  const checkout = fileURLToPath(root);
  const machine = await boot(
    [
      `${dir}:/srv/test`,
      `${join(dir, 'lib')}:/usr/lib/tlsward`,
      `${join(checkout, 'build')}:${WARD}/build`,
      `${join(checkout, 'package.json')}:${WARD}/package.json`,
    ],
    found?.dir,
  );
  t.teardown(async () => {
    await machine.close();
    ca.remove();
    rmSync(dir, { recursive: true });
  });
  const said = async () =>
    (
      await machine.sh(
        'journalctl -n 60 --no-pager -o short-precise _SYSTEMD_UNIT=tlsward-collect.service + UNIT=tlsward-collect.service',
      )
    ).text;
  const ok = mustRun(machine, said);
  const wait = (what: string, probe: () => Promise<boolean>) =>
    until(30_000, what, probe, () => '', 200).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await said()}`, { cause: error });
    });
  const records = async (): Promise<Found[]> =>
    (await ok(`cat ${EVIDENCE}/collector/*.jsonl`)).split('\n').map((line) => JSON.parse(line) as Found);
  const has = (text: string) => machine.sh(`grep -qs '${text}' ${EVIDENCE}/collector/*.jsonl`);
  const recorded = async (text: string) => (await has(text)).status === 0;
  const starts = async () => Number(await ok(`cat ${EVIDENCE}/collector/*.jsonl | grep -c '"type":"start"'`));
  const phase = (name: string) => ok(`echo ${name} >/run/phase.new && mv /run/phase.new /run/phase`);
  /** Recipients of a phase are recorded again. */
  const flows = (name: string) => wait(`records of ${name}`, () => recorded(`"recipient":"${name}-`));

  /** Lines of what became of mail. */
  const mailLog = async () => (await ok('cat /run/mail.log')).split('\n');
  /** All that Postfix took in a phase that is over has arrived and is recorded; `next` is the phase since. */
  const settled = async (name: string, next: string): Promise<void> => {
    await wait(`mail of ${next}`, async () =>
      (await mailLog()).some((line) => line.startsWith(`accepted ${next}-`)),
    );
    await wait(`every record of ${name}`, async () => {
      const text = await ok(`cat ${EVIDENCE}/collector/*.jsonl`);
      const taken = (await mailLog()).flatMap((line) =>
        line.startsWith(`accepted ${name}-`) ? [line.slice(9)] : [],
      );
      return taken.every((one) => text.includes(`"recipient":"${one}"`));
    });
  };
  /** So many more messages of a phase have arrived. */
  const arrive = async (name: string, more: number): Promise<void> => {
    const count = async () => (await mailLog()).filter((line) => line.startsWith(`received ${name}-`)).length;
    const before = await count();
    await wait(`mail of ${name}`, async () => (await count()) >= before + more);
  };

  await ok(`
    cp /srv/test/systemd/tlsward-collect.service /srv/test/systemd/tlsward-tlsrpt.socket /etc/systemd/system/
    cp /srv/test/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    cp /srv/test/systemd/tlsward.tmpfiles.conf /usr/lib/tmpfiles.d/tlsward.conf
    systemd-sysusers tlsward.conf; systemd-tmpfiles --create tlsward.conf
    install -m 0640 -g tlsward /srv/test/tlsward.ini /etc/tlsward/tlsward.ini
    mkdir -p /etc/systemd/system/tlsward-collect.service.d /etc/systemd/system/postfix.service.d
    printf '[Service]\\nRestartSec=300ms\\n' >/etc/systemd/system/tlsward-collect.service.d/test.conf
    printf '[Service]\\nLogRateLimitIntervalSec=5s\\nLogRateLimitBurst=200\\n' >/etc/systemd/system/postfix.service.d/test.conf
    systemctl daemon-reload
    echo nameserver 127.0.0.1 >/etc/resolv.conf; touch /etc/aliases
    ${MAIN_CF.map((line) => `postconf -e '${line}'`).join('; ')}
    echo steady >/run/phase
    systemd-run --unit=mail sh -c 'exec node ${WARD}/build/test/e2e/harness/journal/mail.js /srv/test/mx.pem >/run/mail.log'
    systemctl start tlsward-tlsrpt.socket
    systemctl start postfix
    for i in $(seq 900); do grep -qs ready /run/mail.log && exit; sleep 0.1; done; journalctl -u mail; exit 1`);
  const tlsrpt =
    (await machine.sh('ldd $(postconf -h daemon_directory)/smtp | grep -q libtlsrpt')).status === 0;
  if (!tlsrpt) process.stderr.write('SKIPPED: this Postfix has no TLSRPT, so it reports no handshake\n');

  await ok('systemctl start tlsward-collect; touch /run/send');
  await flows('steady');
  await pause(UNSURE_MS);
  await ok(`${DATAGRAMS} '1 2 3'`);
  if (tlsrpt) await ok("printf 'Subject: x\\n\\ntext\\n' | sendmail -f alice@local.example bob@rpt.example");
  await ok(forged('forged-by-root@tls.example'));
  await ok(`setpriv --reuid=1000 --regid=1000 --clear-groups ${forged('forged@tls.example')}`);
  await phase('sure');

  // ---- killed while mail flows

  const main = 'systemctl show -p MainPID --value tlsward-collect';
  const kills = [
    `kill -KILL $(${main})`,
    'systemctl restart systemd-journald',
    'systemctl kill -s KILL tlsward-collect',
    'journalctl --rotate',
    `kill -KILL $(cat /proc/$(${main})/task/*/children)`,
    `kill -KILL $(${main})`,
  ];
  let begun = 1;
  for (const script of kills) {
    await ok(script);
    if (script.includes('KILL')) begun++;
    await wait(`${begun} starts after: ${script}`, async () => (await starts()) === begun);
    await pause(700 + 600 * Math.random());
  }

  // ---- the journal is emptied while nobody reads

  await phase('away');
  await settled('sure', 'away');
  await ok('systemctl kill -s KILL tlsward-collect; systemctl stop tlsward-collect');
  await arrive('away', 6);
  await ok('sleep 1; journalctl --sync; journalctl --rotate --vacuum-time=1us');
  await phase('back');
  // the socket starts it, and kept what came before
  await ok(`${DATAGRAMS} '4 5'`);
  await flows('back');
  await pause(UNSURE_MS);
  await phase('again');
  await arrive('again', 6);

  // ---- journald holds lines back

  await phase('flooded');
  await settled('again', 'flooded');
  await ok('touch /run/flood');
  await arrive('flood', 1);
  // mail that is sent when all of the flood has been taken
  await arrive('flooded', 6);
  // until all of it has left, and for an interval of the limit longer
  await wait('end of the flood', async () => !(await ok('mailq')).includes('flood-'));
  await pause(UNSURE_MS);
  await wait('what journald suppressed', () => recorded('"why":"systemd-journald: Suppressed'));
  await phase('after');
  await flows('after');
  await ok('rm /run/send');
  await wait('end of what is sent', async () => (await mailLog()).at(-1) === 'stopped');
  await wait('empty queue', async () => (await ok('mailq')).includes('empty'));
  await wait('every record', async () => {
    const text = await ok(`cat ${EVIDENCE}/collector/*.jsonl`);
    const last = (await mailLog()).filter((line) => line.startsWith('accepted after-'));
    return last.length > 0 && last.every((line) => text.includes(`"recipient":"${line.slice(9)}"`));
  });
  await ok('systemctl stop tlsward-collect');
  t.equal(await ok('systemctl show -p Result,ExecMainStatus --value tlsward-collect | xargs'), 'success 0');

  // ---- what is recorded is what happened

  const all = await records();
  const log = (await ok('cat /run/mail.log')).split('\n').map((line) => line.split(' '));
  const accepted = log.flatMap(([word, one]) => (word === 'accepted' ? [one!] : []));
  const seen = new Map(
    log.flatMap(([word, one, how, at]) =>
      word === 'received' ? [[one!, { how: how!, at: Number(at) }] as const] : [],
    ),
  );
  t.ok(
    accepted.every((one) => seen.has(one)),
    'every message arrived',
  );
  const gaps = all.filter(({ type }) => type === 'gap');
  for (const { from, to, count, why } of gaps) t.comment(`gap ${from} to ${to}: ${count} ${why}`);
  const covered = (at: number) =>
    gaps.some(({ from, to }) => Date.parse(from) <= at + SLACK_MS && at <= Date.parse(to) + SLACK_MS);
  const deliveries = new Map<string, Found[]>(accepted.map((one) => [one, []]));
  for (const one of all)
    if (one.type === 'delivery' && one.outcome === 'sent') deliveries.get(one.recipient ?? '')?.push(one);
  const problems: string[] = [];
  const counts = new Map<string, [number, number]>();
  for (const [recipient, them] of deliveries) {
    const { how, at } = seen.get(recipient) ?? { how: '', at: Number.NaN };
    const of = recipient.split('-')[0]!;
    const sure = ['sure', 'again', 'after'].includes(of);
    const count = counts.get(of) ?? [0, 0];
    counts.set(of, count);
    count[0] += them.length;
    count[1]++;
    if (them.length > 1 || (them.length === 0 && (sure || !covered(at))))
      problems.push(`${recipient}: ${them.length} records`);
    for (const { tls } of them) {
      const right = how === 'plain' ? tls.state === 'plain' : tls.state === 'tls' && tls.protocol === how;
      // the gap of lines that journald left out lasts until its interval ends, which may be after the flood
      const known = sure && !covered(at);
      if (!right && (known || tls.state !== 'unknown'))
        problems.push(`${recipient}: ${how}, and recorded as ${JSON.stringify(tls)}`);
    }
  }
  for (const [of, [records, total]] of counts) t.comment(`${of}: ${records} records of ${total} deliveries`);
  t.same(
    all.flatMap(({ recipient }) => (recipient?.startsWith('forged') ? [recipient] : [])),
    ['forged-by-root@tls.example'],
    'what a person logs is no delivery',
  );
  t.same(problems, [], 'each delivery once, as the receiver saw it');
  for (const of of ['away', 'flood']) t.ok(counts.get(of)![0] < counts.get(of)![1], `${of}: lines were lost`);
  t.match(
    gaps.map(({ why }) => why).join('\n'),
    /the entry that was read last is gone[\s\S]*systemd-journald: Suppressed \d+ messages from postfix.service/,
  );

  const reports = all.filter(({ type }) => type === 'tlsrpt');
  const handshakes = reports.map(({ domain }) => domain);
  const expected = [
    'd1.example',
    'd2.example',
    'd3.example',
    ...(tlsrpt ? ['rpt.example'] : []),
    'd4.example',
    'd5.example',
  ];
  t.same(handshakes, expected, 'what was reported of handshakes');
  t.match(
    reports,
    expected.map(() => ({ policies: [{ policy: 'no-policy-found', ok: true }] })),
  );
  t.match(await ok('node /usr/lib/tlsward/build/bundle/main.js evidence verify'), /collector/);
});
