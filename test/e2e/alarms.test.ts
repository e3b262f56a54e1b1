/**
 * `tlsward alarms run` beside a real daemon, a real Postfix, a real Alertmanager and a command: an outage of several
 * kinds, one after another. Each fires once and is over once, in every output, though the process is killed in the midst.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { lineText } from '../../src/evidence/lineText.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { Alertmanager } from './harness/alertmanager.ts';
import { type Daemon, startDaemon } from './harness/daemon.ts';
import { until, within } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { exited, guardProcess } from './harness/processes.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const skip = e2eSkip(['root', 'postfix', 'openssl', 'alertmanager']);
const HOST = 'mx.tlsward.example';
const WAIT_MS = 12_000;

/** `tlsward alarms run` as a unit would run it. */
class Alarms {
  readonly #daemon: Daemon;
  readonly #sendmail: string;
  readonly #postfix: string;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  text = '';

  constructor(daemon: Daemon, sendmail: string, postfix: string) {
    this.#daemon = daemon;
    this.#sendmail = sendmail;
    this.#postfix = postfix;
  }

  start(): void {
    const options = ['--sendmail', this.#sendmail, '--postfix-config', this.#postfix];
    const args = [MAIN, 'alarms', 'run', '--config', this.#daemon.configFile, ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    for (const out of [child.stdout!, child.stderr!])
      out.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
      });
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    child.kill(signal);
    await within(10_000, 'end of tlsward alarms', exited(child));
    this.#guard?.release();
    return child.exitCode;
  }
}

t.test('each alarm fires once and is over once, everywhere', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-alarms-'));
  chmodSync(folder, 0o755);
  t.teardown(() => removeFolder(folder));
  const ca = createCa();
  t.teardown(() => ca.remove());
  const postfix = new Postfix({ ca });
  t.teardown(() => postfix.close());
  const alertmanager = new Alertmanager();
  t.teardown(() => alertmanager.close());
  await Promise.all([postfix.start(), alertmanager.start()]);
  const script = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  };
  const told = join(folder, 'told');
  writeFileSync(told, '');
  const tell = script('tell', `{ printf '%s %s ' "$ALARM_KIND" "$ALARM_STATE"; cat; } >>${told}`);

  const sendmail = script(
    'sendmail',
    `MAIL_CONFIG=${join(postfix.dir, 'etc')} exec ${command('sendmail')} "$@"`,
  );
  const evidence = join(folder, 'evidence');
  mkdirSync(evidence);
  const state = join(folder, 'alarms', 'state');
  const alarmKeys = `[alarms]
mail = ops@local.example
command = ${tell}
alertmanager = ${alertmanager.url}
for = 0s
watchdog = 2s
interval = 1s
window = 6s
state = ${state}
`;
  const rows = '[domains]\nbank.example = encrypt\n* = may\n';
  const daemon = await startDaemon({
    tables: `${alarmKeys}${rows}`,
    protocols: ['policy', 'control'],
    service: { evidence },
  });
  t.teardown(() => daemon.close());

  const alarms = new Alarms(daemon, sendmail, join(postfix.dir, 'etc'));
  t.teardown(() => alarms.end('SIGKILL'));

  /** What the command was told: kinds and states, without those of this host's certificate, which is not in play. */
  const heard = (): string[] =>
    readFileSync(told, 'utf8')
      .split('\n')
      // the last one may be written just now
      .slice(0, -1)
      .filter((line) => !/^(?:own-certificate|watchdog) /.test(line))
      .map((line) => {
        const [kind, said] = line.split(' ');
        const { subject } = JSON.parse(line.slice(line.indexOf('{'))) as { subject: string };
        return `${kind} ${said}${subject === '' ? '' : ` ${subject}`}`;
      });
  const hears = (what: string): Promise<true> =>
    until(
      WAIT_MS,
      what,
      () => heard().includes(what),
      () => `${heard().join('\n')}\n${alarms.text}`,
    );

  const store = new StreamStore({
    directory: evidence,
    stream: 'collector',
    host: HOST,
    privacy: 'hashed',
    retentionDays: null,
    syncs: false,
    token: 'a1b2',
    unclean: 'ignore',
    reserveBytes: 0,
  });
  t.teardown(() => void store.close());
  const site = (i: number) => ({ host: `mx.site${i}.example`, address: `198.${i}.0.1`, port: 25 });
  const delivered = (domain: string, i: number, fields: Readonly<Record<string, unknown>> = {}): void => {
    const common = {
      leg: 'outbound',
      queueId: `Q${domain}${i}`,
      recipient: `@${domain}`,
      recipientDomain: domain,
      relay: site(i),
      tls: { state: 'tls', protocol: 'TLSv1.3', peer: 'verified', how: 'joined' },
      outcome: 'sent',
      dsn: '2.0.0',
      reply: '250 ok',
      source: { kind: 'file', position: '1' },
      ...fields,
    };
    store.append(lineText(new Date().toISOString(), 'delivery', HOST, common));
  };
  const offered = { outcome: 'deferred', dsn: '4.7.4', tls: { state: 'unknown' } };
  const refused = { ...offered, reply: 'TLS is required, but was not offered by host mx[192.0.2.1]' };
  const expired = {
    ...offered,
    dsn: '4.7.5',
    reply: 'Server certificate not trusted: certificate has expired',
  };
  const commit = (): void => {
    store.tick();
    t.ok(store.commit(), 'recorded');
  };

  alarms.start();
  await until(
    WAIT_MS,
    'first look',
    () => existsSync(state),
    () => alarms.text,
  );

  // mail that arrives: a partner in plaintext
  const arrives = async (tls: readonly string[]): Promise<void> => {
    const mail = ['--from', 'a@bank.example', '--to', 'b@local.example', ...tls];
    await daemon.command('simulate', 'policy', ...mail, '--config', daemon.configFile);
  };
  await Promise.all(Array.from({ length: 6 }, () => arrives([])));
  // the table
  daemon.setTables(`${alarmKeys}[domains]\nbank.example = encrpyt\n`);
  await daemon.command('reload', '--config', daemon.configFile);
  await hears('reload-refused firing');
  daemon.setTables(
    `${alarmKeys}${rows}[exception law.example]\nreceive = none\nuntil = 2026-01-01\nreason = x\n`,
  );
  await daemon.command('reload', '--config', daemon.configFile);
  await hears('exception-expired firing');
  await hears('reload-refused resolved');

  // mail that leaves: one partner, then the whole network
  for (let i = 0; i < 6; i++) delivered('partner.example', i, expired);
  commit();
  await hears('partner-out firing partner.example');
  await hears('partner-in firing bank.example');
  // killed while an alarm fires, and started again; whoever is killed while telling it tells it once more
  await until(WAIT_MS, 'end of telling', () => {
    const saved = JSON.parse(readFileSync(state, 'utf8')) as { owed: unknown[]; alarms: { phase: string }[] };
    return saved.owed.length === 0 && saved.alarms.some(({ phase }) => phase === 'firing');
  });
  await alarms.end('SIGKILL');
  alarms.start();
  const list = await daemon.command('alarms', '--config', daemon.configFile);
  t.equal(list.status, 1);
  t.match(
    list.stdout,
    /warning partner-out: mail to partner\.example fails: certificate expired \(6 of 6 messages\)/,
  );
  const shown = await until(WAIT_MS, 'alert', async () => {
    const found = (await alertmanager.alerts()).map(({ labels }) => labels);
    return found.some(({ kind }) => kind === 'partner-out') ? found : null;
  });
  t.match(
    shown.find(({ kind }) => kind === 'partner-out'),
    { alertname: 'TlswardPartnerOut', subject: 'partner.example', severity: 'warning', instance: HOST },
  );
  t.ok(shown.some(({ alertname }) => alertname === 'TlswardWatchdog'));
  for (let i = 0; i < 6; i++) delivered('partner.example', i);
  commit();
  await hears('partner-out resolved partner.example');
  for (let i = 1; i <= 6; i++) delivered(`d${i}.example`, i, refused);
  for (let i = 0; i < 6; i++) delivered('d1.example', i + 10, { ...refused, relay: site(1) });
  commit();
  await hears('starttls-stripped firing');
  for (let i = 1; i <= 6; i++) delivered(`d${i}.example`, i);
  for (let i = 0; i < 6; i++) delivered('d1.example', i + 10, { relay: site(1) });
  commit();

  // the daemon
  await daemon.stop();
  await hears('daemon-down firing');
  daemon.setTables(`${alarmKeys}${rows}`);
  await daemon.start();
  await hears('daemon-down resolved');
  await hears('exception-expired resolved');
  await hears('starttls-stripped resolved');
  await until(WAIT_MS, 'end of partner-in', async () => {
    await arrives(['--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 256']);
    return heard().includes('partner-in resolved bank.example');
  });

  const kinds = [
    'reload-refused',
    'exception-expired',
    'partner-out partner.example',
    'starttls-stripped',
    'partner-in bank.example',
    'daemon-down',
  ];
  const want = kinds.flatMap((one) => {
    const [kind, subject = ''] = one.split(' ');
    return ['firing', 'resolved'].map((said) => `${kind} ${said}${subject === '' ? '' : ` ${subject}`}`);
  });
  const known = new Set(want);
  // with six answers in a window the daemon's own refusals may have risen, too: that is none of the six
  t.strictSame(
    heard()
      .filter((line) => known.has(line))
      .sort(),
    want.sort(),
    'the command: each once',
  );
  t.strictSame(
    heard().filter((line) => !known.has(line) && !line.startsWith('refusals-after-reload')),
    [],
    'and nothing else',
  );
  const mails = await until(WAIT_MS, 'mail', () => {
    const found = postfix.delivered('ops@local.example');
    return found.length >= heard().length ? found : null;
  });
  const subjects = mails.map((mail) => mail.first('Subject') ?? '');
  for (const words of [
    'reload was refused',
    'past its date',
    'mail to partner.example',
    'strips STARTTLS',
    'mail from bank.example',
    'does not answer',
  ])
    t.strictSame(
      subjects.filter((subject) => subject.includes(words)).map((subject) => /\] (\w+):/.exec(subject)?.[1]),
      ['alarm', 'over'],
      `mail: ${words}`,
    );
  t.ok(
    mails.every(
      (mail) => mail.first('Auto-Submitted') === 'auto-generated' && mail.first('Return-Path') === '<>',
    ),
  );
  const alive = readFileSync(told, 'utf8').match(/^watchdog firing /gm) ?? [];
  t.ok(alive.length >= 3, `${alive.length} signs of life`);
  t.equal(await alarms.end('SIGTERM'), 0);
  const lines = alarms.text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  for (const one of kinds) {
    const [kind] = one.split(' ');
    for (const event of ['alarm.firing', 'alarm.resolved'])
      t.equal(
        lines.filter((line) => line.event === event && line.kind === kind).length,
        1,
        `log: ${event} ${kind}`,
      );
  }
  const recorded = readFileSync(
    join(evidence, 'alarms', `${new Date().toISOString().slice(0, 10)}.jsonl`),
    'utf8',
  )
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'alarm')
    .map(({ kind, state: said, subject = '' }) => `${kind} ${said}${subject === '' ? '' : ` ${subject}`}`);
  t.strictSame(recorded.filter((line) => known.has(line)).sort(), want.sort(), 'the evidence: each once');
  const verified = await daemon.command('evidence', 'verify', '--config', daemon.configFile);
  t.equal(verified.status, 0, verified.stdout);
  await until(WAIT_MS, 'end of the alerts', async () =>
    (await alertmanager.alerts()).every(({ labels }) => !kinds.some((one) => one.startsWith(labels.kind!))),
  );
  const health = await daemon.command('health', '--config', daemon.configFile, '--max-age', '1m');
  t.match(health.stdout, /^TLSWARD (?:OK|WARNING) - .* \| 'failing'=\d+;10;50;0 .* 'age'=\d+s;;60;0\n$/);
  const test = await daemon.command('alarms', 'test', '--sendmail', sendmail, '--config', daemon.configFile);
  t.equal(test.status, 0, test.stdout);
  t.match(test.stdout, /^mail ops@local\.example: taken\ncommand .*: taken\nalertmanager .*: taken\n$/);
  await until(WAIT_MS, 'test mail', () =>
    postfix.delivered('ops@local.example').some((mail) => mail.first('Subject')?.includes('this is a test')),
  );
});
