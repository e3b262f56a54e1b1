/**
 * `tlsward alarms run` beside a real daemon, a real Postfix, a real Alertmanager and a command: an outage of several
 * kinds, one after another. Each fires once and is over once, in every output, though the process is killed in the midst.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { lineText } from '../../src/evidence/lineText.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { policyAnswersAtOnce, policyRequest, TLS } from '../daemon/startDaemon.ts';
import { AlarmsProcess, onceEach, ToldCommand } from './harness/alarmsProcess.ts';
import { Alertmanager } from './harness/alertmanager.ts';
import { startDaemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'alertmanager']);
const HOST = 'mx.tlsward.example';
const WAIT_MS = 12_000;

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
  // this host's certificate is not in play
  const told = new ToldCommand(folder, ['own-certificate', 'watchdog'], () => alarms.text);
  const { program: tell } = told;
  const heard = (): string[] => told.heard();
  const hears = (what: string, again?: () => unknown): Promise<true> => told.hears(what, again);
  const sendmail = join(folder, 'sendmail');
  const exec = `MAIL_CONFIG=${join(postfix.dir, 'etc')} exec ${command('sendmail')} "$@"`;
  writeFileSync(sendmail, `#!/bin/sh\n${exec}\n`, { mode: 0o755 });
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

  const options = ['--sendmail', sendmail, '--postfix-config', join(postfix.dir, 'etc')];
  const alarms = new AlarmsProcess(daemon, options);
  t.teardown(() => alarms.end('SIGKILL'));

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
  const socket = connect(daemon.address('policy').slice('unix:'.length));
  t.teardown(() => void socket.destroy());
  let arrivals = 0;
  const arrive = (tls: object, to = socket): Promise<string[]> =>
    policyAnswersAtOnce(
      to,
      Array.from({ length: 6 }, () => policyRequest({ ...tls, instance: `${++arrivals}` })),
    );
  await arrive({});
  await hears('partner-in firing bank.example', () => arrive({}));
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
  const fails = (): void => {
    for (let i = 0; i < 6; i++) delivered('partner.example', i, expired);
    commit();
  };
  fails();
  // or it is over a window later, before all have looked
  const failing = setInterval(fails, 1000);
  t.teardown(() => clearInterval(failing));
  await hears('partner-out firing partner.example');
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
    /warning partner-out: mail to partner\.example fails: certificate expired \((\d+) of \1 messages\)/,
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
  const leaves = (): void => {
    for (let i = 0; i < 6; i++) delivered('partner.example', i);
    commit();
  };
  clearInterval(failing);
  leaves();
  await hears('partner-out resolved partner.example', leaves);
  const everywhere = (fields: Readonly<Record<string, unknown>>): void => {
    for (let i = 1; i <= 6; i++) delivered(`d${i}.example`, i, fields);
    for (let i = 0; i < 6; i++) delivered('d1.example', i + 10, { ...fields, relay: site(1) });
    commit();
  };
  everywhere(refused);
  await hears('starttls-stripped firing', () => everywhere(refused));
  everywhere({});

  // the daemon
  await daemon.stop();
  await hears('daemon-down firing');
  daemon.setTables(`${alarmKeys}${rows}`);
  await daemon.start();
  await hears('daemon-down resolved');
  await hears('exception-expired resolved');
  await hears('starttls-stripped resolved', () => everywhere({}));
  const again = connect(daemon.address('policy').slice('unix:'.length));
  t.teardown(() => void again.destroy());
  await arrive(TLS, again);
  await hears('partner-in resolved bank.example', () => arrive(TLS, again));

  const kinds = [
    'reload-refused',
    'exception-expired',
    'partner-out partner.example',
    'starttls-stripped',
    'partner-in bank.example',
    'daemon-down',
  ];
  const want = onceEach(kinds);
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
  const alive = told.text.match(/^watchdog firing /gm) ?? [];
  t.ok(alive.length >= 3, `${alive.length} signs of life`);
  t.equal(await alarms.end('SIGTERM'), 0);
  for (const one of kinds) {
    const kind = one.split(' ')[0]!;
    for (const event of ['alarm.firing', 'alarm.resolved'])
      t.equal(alarms.logged(event, kind), 1, `log: ${event} ${kind}`);
  }
  const days = readdirSync(join(evidence, 'alarms')).filter((name) => name.endsWith('.jsonl'));
  const recorded = days
    .flatMap((name) =>
      readFileSync(join(evidence, 'alarms', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
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
