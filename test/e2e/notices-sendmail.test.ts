/**
 * `tlsward notices run` beside a real Sendmail: a message that a row keeps waiting brings its author one notice, and one
 * more when it has left; a queue that may not be read says nothing of what is in it; and the notice to an author whose
 * mailbox bounces makes no further mail but Sendmail's own to its postmaster.
 */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { Daemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { RUN } from './harness/mta/sendmail-config.ts';
import { sendmailPrograms, sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { inNamespaces, SendmailProcess } from './harness/mta/sendmail-process.ts';
import { makeConfig, makeFiles } from './harness/mta/sendmail-setup.ts';
import { NoticesProcess } from './harness/noticesProcess.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { Syslog } from './harness/peers/syslog.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { freePorts, portOpen } from './harness/processes.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'openssl']) || sendmailSkip();
const HOST = 'mx.tlsward.example';
const WAIT_MS = 60_000;
/** Nobody, who may list the queue and not read what is in it. */
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];

t.setTimeout(300_000);

/** `port`: of Sendmail; `sinks`: of all that it delivers to. */
function mcOf(cf: string, port: number, sinks: number): string {
  const deliver = fileURLToPath(new URL('contrib/sendmail/deliver.mc', root));
  return `include(\`${cf}/m4/cf.m4')dnl
include(\`${cf}/debian/autoconf.m4')dnl
OSTYPE(\`debian')dnl
define(\`confHOST_STATUS_DIRECTORY', \`')dnl
define(\`confDOMAIN_NAME', \`${HOST}')dnl
define(\`QUEUE_DIR', \`${RUN}/queue')dnl
define(\`STATUS_FILE', \`${RUN}/statistics')dnl
define(\`confPID_FILE', \`${RUN}/pid')dnl
define(\`confCONTROL_SOCKET_NAME', \`')dnl
define(\`confSERVICE_SWITCH_FILE', \`${RUN}/service.switch')dnl
define(\`HELP_FILE', \`')dnl
undefine(\`ALIAS_FILE')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confLOG_LEVEL', \`14')dnl
define(\`confCONNECTION_RATE_THROTTLE', \`0')dnl
define(\`confMAX_DAEMON_CHILDREN', \`0')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confDELAY_LA', \`0')dnl
define(\`confDOUBLE_BOUNCE_ADDRESS', \`postmaster@pm.example')dnl
define(\`confCACERT', \`${RUN}/ca.pem')dnl
define(\`confCACERT_PATH', \`${RUN}/certs')dnl
define(\`ESMTP_MAILER_ARGS', \`TCP $h ${sinks}')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`access_db', \`hash -o -T<TMPF> ${RUN}/access')dnl
DAEMON_OPTIONS(\`Family=inet, Name=MTA, Addr=127.0.0.1, Port=${port}')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
MAILER(\`smtp')dnl
include(\`${deliver}')dnl
`;
}

t.test('an author is told once that mail waits, and once that it has left', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-ns-'));
  t.teardown(() => removeFolder(dir));
  chmodSync(dir, 0o755);
  const syslog = await Syslog.listen(join(dir, 'log.sock'));
  t.teardown(() => syslog.close());
  makeFiles(dir, HOST, ca);
  chmodSync(join(dir, 'queue'), 0o755);
  const [port = 0, sinks = 0] = await freePorts(2);
  const { m4, cf, sendmail, libraries } = sendmailPrograms();
  makeConfig(dir, m4, mcOf(cf, port, sinks));

  let last = 100;
  const sink = async (domain: string, answer: (recipient: string) => string | null = () => null) => {
    const host = `127.0.0.${++last}`;
    const made = await TlsSink.start({ tls: null, host, port: sinks, answer });
    t.teardown(() => made.stop());
    appendFileSync(join(dir, 'etc/hosts'), `${host} ${domain}\n`);
    return made;
  };
  const authors = await sink('our.example');
  const closed = await sink('closed.example', (to) => (to === '' ? null : '550 5.1.1 no such user'));
  const postmaster = await sink('pm.example');
  const bank = await sink('bank.example');
  const slow = await sink('slow.example');
  const rows = (deliver: string): string =>
    `[domain bank.example]\ndeliver = ${deliver}\n[domain slow.example]\ndeliver = encrypt\n`;
  const daemon = await Daemon.create({
    protocols: ['socketmap', 'control'],
    socketDir: join(dir, 'tlsward'),
    service: { 'notify-sender-after': '2s', 'notify-domains': 'our.example, closed.example' },
    tables: rows('encrypt'),
  });
  t.teardown(() => daemon.close());
  await daemon.start();

  const program = [sendmail, `-C${RUN}/sendmail.cf`];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LD_LIBRARY_PATH: libraries };
  const mta = new SendmailProcess(inNamespaces(dir, HOST, [...program, '-bD', '-q2s']), env);
  t.teardown(() => mta.stop());
  await mta.ready(
    WAIT_MS,
    () => portOpen(port),
    () => syslog.text.slice(-4000),
  );
  const mailq = join(dir, 'mailq');
  const shut = join(dir, 'shut');
  const listing = (before: readonly string[]): string =>
    [command('unshare'), ...inNamespaces(dir, HOST, [...before, ...program, '-bp', '-v'])]
      .map(quoted)
      .join(' ');
  writeFileSync(
    mailq,
    `#!/bin/sh
export LD_LIBRARY_PATH=${quoted(libraries)}
[ -e ${quoted(shut)} ] || exec ${listing([])}
exec ${listing([command('setpriv'), ...NOBODY])}
`,
    { mode: 0o755 },
  );
  const programs = ['--postqueue', join(dir, 'absent'), '--mailq', mailq];
  const state = join(dir, 'state');
  mkdirSync(state);
  const notices = new NoticesProcess(
    ['--config', daemon.configFile, ...programs, '--smtp', `127.0.0.1:${port}`],
    state,
    // as the clock of Sendmail, whose /etc has no time zone
    (argv) => [command('env'), 'TZ=UTC', ...argv],
  );
  t.teardown(() => notices.end('SIGKILL'));
  const waiting = (): string[] => readdirSync(join(dir, 'queue')).filter((name) => name.startsWith('qf'));
  const log = (): string => `${syslog.text.slice(-3000)}\n${notices.text.slice(-3000)}`;

  const client = await openSession(port);
  for (const [from, to] of [
    ['alice@our.example', 'bob@bank.example'],
    ['user@closed.example', 'bob@slow.example'],
  ] as const)
    t.match((await client.send({ from, to: [to] })).last.text, /accepted/);
  await client.quit();
  await until(
    WAIT_MS,
    'two messages that wait',
    () => (syslog.text.match(/encryption too weak 0 less than 128/g) ?? []).length >= 2,
    log,
  );
  t.equal((await daemon.command('queue', ...programs)).status, 1);
  notices.start();
  await until(WAIT_MS, 'the notice', () => authors.messages.length > 0, log);
  const [note] = authors.messages;
  t.same([note!.sender, note!.recipients], ['', ['alice@our.example']], 'the null sender');
  t.match(words(note!.content), /Subject: Your message to bank\.example has not been delivered yet/);
  t.match(words(note!.content), /Auto-Submitted: auto-replied/);
  t.match(words(note!.content), /To bob@bank\.example .* Reference \w{14} \(no STARTTLS offered\)/);
  await until(WAIT_MS, 'the bounce', () => postmaster.messages.length > 0, log);

  // it ends with 0, and names messages that it cannot read
  writeFileSync(shut, '');
  await notices.logs('notices.trouble', 1, ({ what }) => what === 'queue');
  const refused = await daemon.command('queue', ...programs);
  t.match(refused, { status: 69, stderr: /lines of the queue cannot be read/ });
  await notices.looks(3);
  t.equal(authors.messages.length, 1, 'what cannot be read has not left');
  rmSync(shut);
  await notices.logs('notices.well', 1, ({ what }) => what === 'queue');
  await notices.looks(2);
  t.equal(authors.messages.length, 1, 'once');

  daemon.setTables(rows('may'));
  t.equal((await daemon.command('reload')).status, 0);
  await until(WAIT_MS, 'the message', () => bank.messages.length > 0, log);
  await until(WAIT_MS, 'the other notice', () => authors.messages.length > 1, log);
  const left = words(authors.messages[1]!.content);
  t.match(left, /Subject: Your message to bank\.example waits no longer/);
  t.match(left, /Either it has been delivered, or/);
  t.equal(authors.messages[1]!.sender, '');
  await notices.looks(2);
  t.equal(await notices.end('SIGTERM'), 0);
  t.equal(authors.messages.length, 2);
  t.equal(closed.received.flatMap(({ refused: no }) => no).length, 1, 'the other author was written to once');
  t.equal(postmaster.messages.length, 1, 'and the postmaster');
  t.same([slow.messages.length, waiting().length], [0, 1], 'nothing else is under way');
  t.notMatch(notices.text, /(?:alice|user|bob)@/, 'no local part is logged');
});

/** For sh(1). */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Without line ends and columns. */
function words(text: string | null): string {
  return (text ?? '').replace(/\s+/g, ' ');
}
