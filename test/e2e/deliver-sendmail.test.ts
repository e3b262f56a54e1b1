/**
 * How mail leaves a real Sendmail that asks the running daemon, by the lines of contrib/sendmail (deliver.mc, sts.mc) as they are
 * shipped: what each receiver saw, what stays in the queue, and that nothing leaves while the daemon is dead.
 *
 * Sendmail is run once a message, delivering it itself (`-odi`), to receivers on loopback addresses that its own /etc/hosts
 * names; all of them listen on one port.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { Daemon } from './harness/daemon.ts';
import { pause, within } from './harness/deadline.ts';
import { RUN } from './harness/mta/sendmail-config.ts';
import { sendmailPrograms, sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { inNamespaces } from './harness/mta/sendmail-process.ts';
import { makeConfig, makeFiles } from './harness/mta/sendmail-setup.ts';
import { createCa } from './harness/peers/ca.ts';
import { startMapStub } from './harness/peers/map-stub.ts';
import { Syslog } from './harness/peers/syslog.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { exited, freePorts } from './harness/processes.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'openssl']) || sendmailSkip();
const HOST = 'mx.tlsward.example';

function mcOf(cf: string, port: number): string {
  const contrib = (name: string): string => fileURLToPath(new URL(`contrib/sendmail/${name}`, root));
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
define(\`confCACERT', \`${RUN}/ca.pem')dnl
define(\`confCACERT_PATH', \`${RUN}/certs')dnl
define(\`ESMTP_MAILER_ARGS', \`TCP $h ${port}')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`access_db', \`hash -o -T<TMPF> ${RUN}/access')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
include(\`${contrib('sts.mc')}')dnl
MAILER(\`smtp')dnl
include(\`${contrib('deliver.mc')}')dnl
`;
}

interface Case {
  readonly to: string;
  /** What the row says; '' for no row. */
  readonly row: string;
  /** The certificate of the server; none without STARTTLS. */
  readonly certificate?: {
    readonly name: string;
    readonly issuer: 'ca' | 'self';
    readonly san?: readonly string[];
  };
  /** Behind `deliver = auto`: the reply of another policy server. */
  readonly published?: string;
  /** The TLS version it was sent under, `plain`, or what the log says of why it waits. */
  readonly want: RegExp;
}

const CASES: readonly Case[] = [
  { to: 'u@nobody.example', row: '', want: /^plain$/ },
  { to: 'u@may.example', row: 'deliver = may', want: /^plain$/ },
  { to: 'u@encrypt.example', row: 'deliver = encrypt', want: /encryption too weak 0 less than 128/ },
  {
    to: 'u@self.example',
    row: 'deliver = encrypt',
    certificate: { name: 'x.example', issuer: 'self' },
    want: /^TLSv1\.3$/,
  },
  {
    to: 'u@long.example',
    row: 'deliver = encrypt\nmin-bits = 300',
    certificate: { name: 'x.example', issuer: 'ca' },
    want: /encryption too weak 256 less than 300/,
  },
  {
    to: 'u@verify.example',
    row: 'deliver = verify',
    certificate: { name: 'verify.example', issuer: 'ca' },
    want: /^TLSv1\.3$/,
  },
  {
    to: 'u@wrong.example',
    row: 'deliver = verify',
    certificate: { name: 'mx.other.example', issuer: 'ca' },
    want: /CN mx\.other\.example does not match wrong\.example/,
  },
  {
    to: 'u@unproven.example',
    row: 'deliver = verify',
    certificate: { name: 'unproven.example', issuer: 'self' },
    want: /authentication failed/,
  },
  { to: 'u@bare.example', row: 'deliver = verify', want: /other side does not support STARTTLS/ },
  {
    to: 'u@named.example',
    row: 'deliver = secure\nserver-names = mx.other.example',
    certificate: { name: 'mx.other.example', issuer: 'ca' },
    want: /^TLSv1\.3$/,
  },
  {
    to: 'u@misnamed.example',
    row: 'deliver = secure\nserver-names = mx.other.example',
    certificate: { name: 'misnamed.example', issuer: 'ca' },
    want: /CN misnamed\.example does not match mx\.other\.example/,
  },
  // no words for it: the table is not silent, so the mail waits
  {
    to: 'u@secure.example',
    row: 'deliver = secure',
    certificate: { name: 'secure.example', issuer: 'ca' },
    want: /the TLS table cannot be asked/,
  },
  { to: 'u@only.example', row: 'deliver = dane-only', want: /the TLS table cannot be asked/ },
  // what the domain publishes
  { to: 'u@auto-nothing.example', row: 'deliver = auto', published: 'NOTFOUND ', want: /^plain$/ },
  {
    to: 'u@auto-sts.example',
    row: 'deliver = auto',
    published: 'OK secure match=mx.elsewhere.example:auto-sts.example servername=hostname',
    certificate: { name: 'x.example', issuer: 'ca', san: ['auto-sts.example'] },
    want: /^TLSv1\.3$/,
  },
  {
    to: 'u@auto-suffix.mx.example',
    row: 'deliver = auto',
    published: 'OK secure match=.mx.example servername=hostname',
    certificate: { name: 'x.example', issuer: 'ca', san: ['auto-suffix.mx.example'] },
    want: /^TLSv1\.3$/,
  },
  {
    to: 'u@auto-wrong.example',
    row: 'deliver = auto',
    published: 'OK secure match=auto-wrong.example servername=hostname',
    certificate: { name: 'x.example', issuer: 'ca', san: ['mx.other.example'] },
    want: /auto-wrong\.example not listed in SANs/,
  },
  {
    to: 'u@auto-mx.example',
    row: 'deliver = auto',
    published: 'OK secure match=mx.other.example servername=hostname',
    certificate: { name: 'x.example', issuer: 'ca', san: ['auto-mx.example'] },
    want: /auto-mx\.example not found in/,
  },
  {
    to: 'u@auto-plain.example',
    row: 'deliver = auto',
    published: 'OK secure match=auto-plain.example servername=hostname',
    want: /other side does not support STARTTLS/,
  },
  {
    to: 'u@auto-dane.example',
    row: 'deliver = auto',
    published: 'OK dane-only',
    want: /encryption too weak 0 less than 128/,
  },
  { to: 'u@auto-temp.example', row: 'deliver = auto', published: 'TEMP later', want: /STS lookup temp fail/ },
];

function domainOf(address: string): string {
  return address.slice(address.indexOf('@') + 1);
}

t.test('each level', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-sd-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  chmodSync(dir, 0o755);
  const syslog = await Syslog.listen(join(dir, 'log.sock'));
  t.teardown(() => syslog.close());
  const [port = 0] = await freePorts(1);
  makeFiles(dir, HOST, ca);
  const { m4, cf, sendmail, libraries } = sendmailPrograms();
  makeConfig(dir, m4, mcOf(cf, port));
  const stub = await startMapStub();
  t.teardown(() => stub.close());

  const sinks = new Map<string, TlsSink>();
  const rows: string[] = ['[domain boss@may.example]\ndeliver = encrypt\n'];
  for (const [i, { to, row, certificate, published }] of CASES.entries()) {
    const domain = domainOf(to);
    const host = `127.0.0.${100 + i}`;
    const issued =
      certificate &&
      ca.issue(domain, {
        subject: `/CN=${certificate.name}`,
        issuer: certificate.issuer,
        ...(certificate.san === undefined ? {} : { san: certificate.san }),
      });
    if (published !== undefined) stub.replies.set(domain, published);
    const tls = issued ? { cert: issued.cert, key: issued.key } : null;
    const sink = await TlsSink.start({ tls, host, port });
    t.teardown(() => sink.stop());
    sinks.set(domain, sink);
    appendFileSync(join(dir, 'etc/hosts'), `${host} ${domain}\n`);
    if (row !== '') rows.push(`[domain ${domain}]\n${row}\n`);
  }
  const protocols = ['socketmap', 'control'] as const;
  const daemon = await Daemon.create({
    protocols,
    socketDir: join(dir, 'tlsward'),
    service: { published: stub.address },
    tables: rows.join('\n'),
  });
  t.teardown(() => daemon.close());
  await daemon.start();

  /** Runs Sendmail with these arguments until it ends; resolves to what it logged meanwhile. */
  const run = async (...args: readonly string[]): Promise<string> => {
    const from = syslog.text.length;
    const argv = [sendmail, `-C${RUN}/sendmail.cf`, ...args];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LD_LIBRARY_PATH: libraries };
    const child = spawn(command('unshare'), inNamespaces(dir, HOST, argv), {
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdin.end('Subject: test\n\ntest\n');
    await within(30_000, 'end of sendmail', exited(child));
    await pause(50); // the last lines are still on their way through the socket
    return `${syslog.text.slice(from)}${stderr}`;
  };
  const send = (to: string) => run('-odi', '-oem', '-i', '-f', 'alice@our.example', to);
  const waiting = () => readdirSync(join(dir, 'queue')).filter((name) => name.startsWith('qf')).length;

  let left = 0;
  for (const { to, want } of CASES) {
    const sink = sinks.get(domainOf(to))!;
    const log = await send(to);
    const sent = /^\^/.test(want.source);
    if (sent) {
      t.match(sink.messages[0]?.protocol ?? (sink.messages.length === 1 ? 'plain' : log), want, to);
      t.match(log, /stat=Sent/);
    } else {
      t.match(log, want, to);
      t.match(log, /stat=Deferred|dsn=4\./, 'it waits');
      t.strictSame(sink.messages, [], `${to}: no message`);
      t.strictSame(
        sink.received.flatMap(({ recipients }) => recipients),
        [],
        'and no recipient',
      );
      left++;
    }
    t.equal(waiting(), left, 'what was not sent is in the queue');
  }
  const boss = await send('boss@may.example');
  t.match(boss, /encryption too weak 0 less than 128/, 'a row for one address');
  t.equal(sinks.get('may.example')!.messages.length, 1);

  await daemon.kill();
  for (const to of ['u@nobody.example', 'u@verify.example', 'u@encrypt.example']) {
    const sink = sinks.get(domainOf(to))!;
    const before = sink.messages.length;
    // the ruleset of sts is asked first
    t.match(await send(to), /the TLS table cannot be asked|STS lookup temp fail/, `tlsward dead: ${to}`);
    t.equal(sink.messages.length, before);
  }
  await daemon.start();
  await run('-qf');
  t.equal(sinks.get('nobody.example')!.messages.length, 2, 'back again: what may go has gone');
  t.equal(sinks.get('verify.example')!.messages.length, 2);
  t.strictSame(sinks.get('verify.example')!.plain, []);
  t.strictSame(sinks.get('encrypt.example')!.messages, []);
});
