/**
 * `tlsward doctor` beside a real Postfix with the shipped fragments and a daemon that serves it: it finds nothing, mail goes
 * through, and each thing that is then broken with postconf is found by its id, and mended by the command that it prints.
 *
 * The private Postfix listens on loopback only, which doctor takes for listeners of content filters. So it looks at a copy of
 * the configuration in which port 25 and 587 listen everywhere; nothing runs by the copy.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { Daemon } from './harness/daemon.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { parseMain } from './harness/mta/postfix-config.ts';
import { sendmailPrograms, sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { makeConfig } from './harness/mta/sendmail-setup.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const TABLE = '[domains]\nbank.example = encrypt\nclinic.example = verify\n';
const SENDER = 'alice@bank.example';

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly seen: string;
  readonly mend: readonly string[];
}

interface Reply {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly passed: readonly string[];
}

/** `postconf` on the copy, and what must come of it. */
const BROKEN: readonly (readonly [id: string, exit: number, ...postconf: string[]])[] = [
  ['tls-not-offered', 2, '-e', 'smtpd_tls_security_level =', '-PX', 'LISTENER/smtpd_tls_security_level'],
  [
    'milter-default-action',
    2,
    '-e',
    'tlsward_milter = unix:tlsward/milter.sock',
    'milter_default_action = accept',
  ],
  [
    'policy-default-action',
    2,
    '-e',
    'tlsward_policy = check_policy_service unix:tlsward/policy.sock',
    'smtpd_policy_service_default_action = DUNNO',
  ],
  [
    'permit-before-policy',
    2,
    '-e',
    'smtpd_milters =',
    'smtpd_recipient_restrictions = permit_mynetworks, $tlsward_policy',
  ],
  ['entry-not-judged', 2, '-P', 'LISTENER/smtpd_milters=', 'LISTENER/smtpd_recipient_restrictions='],
  [
    'endpoint-elsewhere',
    2,
    '-e',
    'tlsward_milter = inet:127.0.0.1:1',
    'smtpd_milters = { inet:127.0.0.1:1, { x = tlsward } }',
  ],
  ['endpoint-wrong-protocol', 2, '-e', 'smtpd_milters = unix:tlsward/policy.sock'],
  [
    'endpoint-invalid',
    2,
    '-e',
    'tlsward_policy = check_policy_service { unix:tlsward/policy.sock, default_action=DEFER 4.7.1 x }',
  ],
  ['bare-newline', 2, '-e', 'smtpd_forbid_bare_newline = no'],
  ['policy-maps-not-asked', 2, '-e', 'smtp_tls_policy_maps ='],
  [
    'policy-maps-shadowed',
    1,
    '-e',
    'smtp_tls_policy_maps = static:may, socketmap:unix:tlsward/socketmap.sock:deliver',
  ],
  ['policy-maps-wrong-map', 2, '-e', 'smtp_tls_policy_maps = socketmap:unix:tlsward/socketmap.sock:wrong'],
  ['relayhost-without-row', 2, '-e', 'relayhost = [relay.example]:587'],
  ['sends-without-ca', 2, '-e', 'smtp_tls_CAfile ='],
  ['connection-cache', 1, '-e', 'smtp_connection_cache_on_demand = yes'],
  ['smtp-tls-loglevel', 1, '-e', 'smtp_tls_loglevel = 0'],
  ['sends-without-tls', 1, '-e', 'smtp_tls_security_level = none'],
  ['certificate-unreadable', 2, '-e', 'smtpd_tls_cert_file = /no/such/certificate.pem'],
  ['postfix-complaints', 1, '-e', 'smtpd_milter = unix:tlsward/milter.sock'],
];

t.test('doctor', { skip: e2eSkip() }, async (t) => {
  const ca = createCa();
  const fragment = (name: string) =>
    parseMain(readFileSync(new URL(`contrib/postfix/${name}.main.cf`, root), 'utf8'));
  const { smtp_tls_CAfile: _, ...deliver } = fragment('deliver'); // the CA of these tests stays
  const postfix = new Postfix({
    ca,
    localDomains: ['local.example', 'bank.example'],
    main: { ...fragment('both'), ...deliver },
  });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const daemon = await Daemon.create({
    tables: TABLE,
    protocols: ['policy', 'milter', 'socketmap', 'control'],
    socketDir,
    // more than the limit of open files permits is a finding of its own
    service: { 'max-connections': '1000' },
  });
  t.teardown(async () => {
    await postfix.close();
    await daemon.close();
    ca.remove();
  });
  await daemon.start();
  await postfix.start();

  const copy = join(daemon.dir, 'postfix');
  const listener = `0.0.0.0:${postfix.port('smtp')}/inet`;
  const setUp = (): void => {
    cpSync(join(postfix.dir, 'etc'), copy, { recursive: true });
    writeFileSync(
      join(copy, 'master.cf'),
      openMaster(readFileSync(join(copy, 'master.cf'), 'utf8'), postfix),
    );
  };
  const doctor = async (): Promise<{ status: number; reply: Reply; text: string }> => {
    const { status, stdout, stderr } = await daemon.command(
      'doctor',
      '--json',
      '--no-dns',
      '--postfix-config',
      copy,
    );
    t.equal(stderr, '');
    return { status, reply: JSON.parse(stdout) as Reply, text: stdout };
  };
  const postconf = (...args: string[]): void => {
    execFileSync(command('postconf'), ['-c', copy, ...args], { stdio: 'pipe' });
  };

  await t.test('everything is right, and mail is judged', async (t) => {
    setUp();
    const { status, reply, text } = await doctor();
    t.equal(status, 0, text);
    t.same(
      reply.findings.filter(({ severity }) => severity === 'danger' || severity === 'warning'),
      [],
    );
    t.ok(reply.passed.length > 40, `${reply.passed.length} checks passed`);
    const plain = await openSession(postfix.port('plain'), {});
    await plain.mail(SENDER);
    t.equal((await plain.rcpt('bob@local.example')).code, 530);
    await plain.quit();
    const secure = await openSession(postfix.port('smtp'), { tls: true });
    await secure.mail(SENDER);
    t.equal((await secure.rcpt('bob@local.example')).code, 250);
    await secure.quit();
  });

  for (const [id, exit, ...calls] of BROKEN) {
    await t.test(id, async (t) => {
      setUp();
      // words from one option to the next are one call
      let args: string[] = [];
      for (const word of [...calls, '-']) {
        if (word.startsWith('-') && args.length > 0) {
          postconf(...args);
          args = [];
        }
        args.push(word.replace('LISTENER', listener));
      }
      const { status, reply, text } = await doctor();
      t.equal(status, exit, text);
      const found = reply.findings.filter((one) => one.id === id);
      t.ok(found.length > 0, text);
      const mends = found.flatMap(({ mend }) => mend).filter((line) => line.startsWith('postconf '));
      if (mends.length === 0) return;
      for (const line of mends)
        execFileSync('sh', ['-c', line.split('    (')[0]!], { env: { PATH: '/usr/sbin:/usr/bin:/bin' } });
      t.same(
        (await doctor()).reply.findings.filter((one) => one.id === id),
        [],
        `mended by ${mends.join('; ')}`,
      );
    });
  }

  await t.test('the daemon and its files', async (t) => {
    setUp();
    const ids = async () => (await doctor()).reply.findings.map(({ id }) => id);
    daemon.setTables(`${TABLE}new.example = encrypt\n`);
    t.ok((await ids()).includes('table-differs'));
    await daemon.reload();
    t.notOk((await ids()).includes('table-differs'));
    chmodSync(socketDir, 0o700);
    t.ok((await ids()).includes('socket-permission'));
    chmodSync(socketDir, 0o755);
    t.notOk((await ids()).includes('socket-permission'));
    await daemon.stop();
    const { status, reply } = await doctor();
    t.equal(status, 2);
    t.ok(reply.findings.some(({ id, severity }) => id === 'daemon-down' && severity === 'danger'));
    await daemon.start();
  });

  await t.test('for a person', async (t) => {
    setUp();
    const fine = await daemon.command('doctor', '--no-dns', '--postfix-config', copy);
    t.equal(fine.status, 0);
    t.match(fine.stdout, /[0-9]+ checks passed/);
    postconf('-e', 'milter_default_action = accept', 'tlsward_milter = unix:tlsward/milter.sock');
    const { status, stdout } = await daemon.command('doctor', '--no-dns', '--postfix-config', copy);
    t.equal(status, 2);
    t.match(
      stdout,
      /DANGER: milter-default-action: .*\n.*\n {4}mend: postconf -c \S+ -e 'milter_default_action = tempfail'\n/,
    );
  });
});

t.test(
  'a sendmail.cf made of the shipped lines',
  { skip: e2eSkip(['openssl']) || sendmailSkip() },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tlsward-sm-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const socketDir = join(dir, 'tlsward');
    mkdirSync(socketDir, { mode: 0o755 });
    const daemon = await Daemon.create({
      tables: `${TABLE}[domain in.example]\nreceive = verify\nclient-names = mx.in.example\n`,
      protocols: ['milter', 'socketmap', 'control'],
      socketDir,
      service: { 'max-connections': '1000' },
    });
    t.teardown(() => daemon.close());
    await daemon.start();
    const { cf, m4 } = sendmailPrograms();
    const doctor = async (lines: readonly string[], change = (made: string) => made) => {
      makeConfig(dir, m4, lines.join('\n'));
      const made = join(dir, 'sendmail.cf');
      writeFileSync(made, change(readFileSync(made, 'utf8')).replaceAll('/run/tlsward/', `${socketDir}/`));
      const { status, stdout } = await daemon.command('doctor', '--sendmail', made, '--json');
      const { findings } = JSON.parse(stdout) as Reply;
      return { status, text: stdout, ids: findings.map(({ id }) => id) };
    };
    const shipped = (name: string): string =>
      `include(\`${fileURLToPath(new URL(`contrib/sendmail/${name}`, root))}')dnl`;
    const head = [
      `include(\`${cf}/m4/cf.m4')dnl`,
      `include(\`${cf}/debian/autoconf.m4')dnl`,
      "OSTYPE(`debian')dnl",
    ];
    const tls = [
      "define(`confSERVER_CERT', `/etc/mail/tls/mx.pem')dnl",
      "define(`confSERVER_KEY', `/etc/mail/tls/mx.key')dnl",
      "define(`confCACERT', `/etc/mail/tls/ca.pem')dnl",
      "define(`confCACERT_PATH', `/etc/ssl/certs')dnl",
    ];
    const mailers = ["FEATURE(`access_db')dnl", "MAILER(`local')dnl", "MAILER(`smtp')dnl"];
    const whole = await doctor([
      ...head,
      ...tls,
      shipped('tlsward.mc'),
      ...mailers,
      shipped('deliver.mc'),
      '',
    ]);
    t.equal(whole.status, 0, whole.text);
    const bare = await doctor([...head, ...mailers, '']);
    t.equal(bare.status, 2);
    for (const id of [
      'sendmail-not-asked',
      'sendmail-tls-not-offered',
      'sendmail-no-ca',
      'sendmail-map-missing',
    ])
      t.ok(bare.ids.includes(id), id);
    const open = await doctor(
      [...head, ...tls, shipped('tlsward.mc'), ...mailers, shipped('deliver.mc'), ''],
      (made) => made.replace(/, F=T/, '').replace(' -T<TMPF> local:', ' local:'),
    );
    t.equal(open.status, 2);
    for (const id of ['sendmail-filter-fails-open', 'sendmail-map-fails-open'])
      t.ok(open.ids.includes(id), id);
  },
);

/** The listeners that an MX has, on every address; those for tests are left out. */
function openMaster(master: string, postfix: Postfix): string {
  const kept: string[] = [];
  let keeps = true;
  for (const line of master.split('\n')) {
    const address = /^127\.0\.0\.1:([0-9]+) inet/.exec(line);
    if (address !== null)
      keeps = [postfix.port('smtp'), postfix.port('submission')].includes(Number(address[1]));
    else if (!line.startsWith(' ')) keeps = true;
    if (keeps) kept.push(address === null ? line : line.replace('127.0.0.1:', '0.0.0.0:'));
  }
  return kept.join('\n');
}
