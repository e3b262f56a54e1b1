/**
 * `tlsward alarms run` beside a real daemon, a real collector and the files of a real Postfix: outages of the kinds
 * that alarms.test.ts does not play. Each fires once and is over once, though the process is started anew in the midst.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { lineText } from '../../src/evidence/lineText.ts';
import { askDaemon } from '../../src/net/controlClient.ts';
import type { Binding, Change } from '../../src/probe/inventory.ts';
import { inventoryFile, writeInventory } from '../../src/probe/inventoryFile.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { policyAnswersAtOnce, policyRequest, TLS } from '../daemon/startDaemon.ts';
import { AlarmsProcess, onceEach, ToldCommand } from './harness/alarmsProcess.ts';
import { HOST_NAME, startDaemon } from './harness/daemon.ts';
import { CollectorProcess } from './harness/day/collectorProcess.ts';
import { until } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);
const WAIT_MS = 12_000;
const OTHER_HOST = 'mx2.tlsward.example';
/** So many partners at once have one cause. */
const MANY = Array.from({ length: 20 }, (_, i) => `many${i}.example`);
/** Fewer messages of each than make an alarm of that partner. */
const SOME = Array.from({ length: 10 }, (_, i) => `some${i}.example`);

const [FIRST, SECOND] = ['AA', 'BB'].map((pair) => Array.from({ length: 32 }, () => pair).join(':'));

t.test('each alarm of the other kinds fires once and is over once', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-kinds-'));
  t.teardown(() => removeFolder(folder));
  const [evidence, others, postfix] = ['evidence', 'others', 'postfix'].map((name) => join(folder, name));
  for (const path of [evidence!, others!, postfix!]) mkdirSync(path);
  const told = new ToldCommand(folder, [], () => alarms.text);
  const state = join(folder, 'alarms', 'state');
  const keys = `[alarms]
command = ${told.program}
for = 1s
interval = 1s
window = 6s
directories = ${others}
state = ${state}
`;
  const rows = (some: string): string =>
    `${[
      '[domains]',
      ...MANY.map((domain) => `${domain} = encrypt`),
      ...SOME.map((domain) => `${domain} = ${some}`),
      '[domain law.example]',
      'receive = verify',
      `fingerprint = ${FIRST}`,
    ].join('\n')}\n`;
  const daemon = await startDaemon({
    tables: `${keys}${rows('may')}`,
    protocols: ['policy', 'control'],
    service: { evidence: evidence! },
    withoutTap: true,
  });
  t.teardown(() => daemon.close());

  // another host, whose configuration is the same file
  const store = new StreamStore({
    directory: others!,
    stream: 'daemon',
    host: OTHER_HOST,
    privacy: 'hashed',
    retentionDays: null,
    syncs: false,
    token: 'a1b2',
    unclean: 'ignore',
    reserveBytes: 0,
  });
  t.teardown(() => void store.close());
  const status = JSON.parse((await daemon.command('status', '--json')).stdout);
  const table = { hash: status.table.hash, generation: 1 };
  const began = { version: status.version, node: status.node, table };
  store.append(lineText(new Date().toISOString(), 'start', OTHER_HOST, began));
  t.ok(store.commit(), 'the other host has recorded');

  // the mail log
  const log = join(folder, 'mail.log');
  writeFileSync(log, '');
  const collector = new CollectorProcess(['--config', daemon.configFile, '--file', log]);
  collector.start();
  t.teardown(() => collector.stop('SIGKILL'));

  // this host's own certificate, as Postfix is told
  const certificate = join(postfix!, 'server.pem');
  const certified = (days: number): void => {
    const shape = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', `${days}`];
    const names = ['-subj', `/CN=${HOST_NAME}`, '-addext', `subjectAltName=DNS:${HOST_NAME}`];
    const files = ['-keyout', join(postfix!, 'server.key'), '-out', certificate];
    execFileSync(command('openssl'), ['req', '-x509', ...shape, ...names, ...files], { stdio: 'pipe' });
  };
  certified(5);
  const main = [
    'compatibility_level = 3.6',
    `myhostname = ${HOST_NAME}`,
    'mydestination =',
    'smtpd_tls_security_level = may',
    `smtpd_tls_cert_file = ${certificate}`,
    `smtpd_tls_key_file = ${join(postfix!, 'server.key')}`,
    `smtpd_recipient_restrictions = ${daemon.policyService()}, permit_mynetworks, reject`,
  ];
  writeFileSync(join(postfix!, 'main.cf'), `${main.join('\n')}\n`);
  writeFileSync(join(postfix!, 'master.cf'), 'smtp inet n - n - - smtpd\n');

  // what the probe saw of a partner
  const inventory = inventoryFile(folder);
  const seen = async (pin: string, days: number, broke: readonly Binding[]): Promise<void> => {
    const [at, end] = [Date.now(), Date.now() + days * 86_400_000].map((ms) => new Date(ms).toISOString());
    const [host, address] = ['mx.pinned.example', '192.0.2.25'];
    const named = { subject: `CN=${host}`, issuer: 'CN=Test Root CA', names: [host!] };
    const times = { notAfter: end!, chainNotAfter: end!, since: at!, seen: at! };
    const bindings: Binding[] = pin === '' ? [] : [{ kind: 'pin', text: pin, breaksWith: 'key' }];
    const server = {
      host: host!,
      address: address!,
      protocol: 'TLSv1.3',
      sha256: '',
      keySha256: '',
      bindings,
    };
    const row = { row: '', level: 'secure', at: at!, ends: 'sent', code: '', says: '', until: null };
    const servers = [{ ...server, ...named, ...times }];
    const change = { at: at!, host: host!, address: address!, from: 'CN=A', to: 'CN=B', broke };
    const changes: Change[] = broke.length === 0 ? [] : [{ ...change, what: 'key' }];
    await writeInventory(inventory, {
      v: 1,
      partners: [{ domain: 'pinned.example', ...row, servers, changes }],
    });
  };

  const alarms = new AlarmsProcess(daemon, ['--postfix-config', postfix!, '--state', folder]);
  t.teardown(() => alarms.end('SIGKILL'));
  const socket = connect(daemon.address('policy').slice('unix:'.length));
  t.teardown(() => void socket.destroy());
  let messages = 0;
  /** So many messages of each domain; each is another one. */
  const mail = async (domains: readonly string[], each: number, attributes = {}): Promise<string[]> =>
    await policyAnswersAtOnce(
      socket,
      domains.flatMap((domain) =>
        Array.from({ length: each }, () =>
          policyRequest({ sender: `a${++messages}@${domain}`, instance: `${messages}`, ...attributes }),
        ),
      ),
    );

  alarms.start();
  await until(
    WAIT_MS,
    'first look',
    () => existsSync(state),
    () => alarms.text,
  );
  await told.hears('own-certificate firing certificate-expired');

  // a reload on one of two hosts that demands too much; a partner with another certificate; a logger that drops lines
  await mail(SOME, 2);
  daemon.setTables(`${keys}${rows('encrypt')}`);
  t.equal((await daemon.command('reload')).status, 0, 'reloaded');
  const refused = await mail(SOME, 2);
  t.ok(
    refused.every((answer) => /^(?:REJECT|DEFER|[45])/.test(answer)),
    `refused: ${refused[0]}`,
  );
  const certificates = async (): Promise<void> => {
    for (const digest of [FIRST, SECOND])
      await mail(['law.example'], 1, { ...TLS, ccert_subject: 'mx.law.example', ccert_fingerprint: digest });
  };
  await certificates();
  await seen('', 5, [{ kind: 'pin', text: FIRST!, breaksWith: 'key' }]);
  const suppressed = (): void => {
    const stamp = new Date().toISOString();
    appendFileSync(log, `${stamp} mx systemd-journald[2]: Suppressed 12 messages from postfix.service\n`);
  };
  suppressed();
  await told.hears(`refusals-after-reload firing ${HOST_NAME}`, () => mail(SOME, 1));
  await told.hears('partner-certificate firing law.example', certificates);
  await told.hears(`log-lost firing ${HOST_NAME}`, suppressed);
  await told.hears('table-differs firing');
  await told.hears('partner-pins firing pinned.example');
  await told.hears('partner-expiring firing pinned.example');

  // all is put back, and who looks is started anew
  daemon.setTables(`${keys}${rows('may')}`);
  // mail was refused just before it, or what is refused later would be more than before this reload
  await mail(SOME, 1);
  const control = daemon.address('control').slice('unix:'.length);
  t.match(await askDaemon(control, 'reload'), { ok: true }, 'reloaded');
  await mail(SOME, 3);
  t.equal(await alarms.end('SIGTERM'), 0, 'ended as asked');
  certified(30);
  await seen(SECOND!, 30, [{ kind: 'pin', text: FIRST!, breaksWith: 'key' }]);
  alarms.start();
  await told.hears('own-certificate resolved certificate-expired');
  await told.hears('table-differs resolved');
  await told.hears('partner-pins resolved pinned.example');
  await told.hears('partner-expiring resolved pinned.example');
  await told.hears(`refusals-after-reload resolved ${HOST_NAME}`, () => mail(SOME, 1));

  // what is refused from here on may be more than before that reload, if the machine is slow: that is none of it
  const before = told.heard().length;
  const rises = (line: string): boolean => line.startsWith('refusals-after-reload ');

  // many partners at once, for one cause
  await mail(MANY, 5);
  await told.hears('partners-failing firing', () => mail(MANY, 5));
  await mail(MANY, 1, TLS);

  // the disk
  const limit = (bytes: string): void =>
    void execFileSync(command('prlimit'), ['--pid', `${daemon.pid}`, `--fsize=${bytes}:unlimited`]);
  limit('1');
  await mail(SOME, 1);
  await told.hears('evidence firing', () => mail(SOME, 1));
  limit('unlimited');
  await told.hears('evidence resolved');

  await told.hears(`log-lost resolved ${HOST_NAME}`);
  await told.hears('partner-certificate resolved law.example');
  await until(
    WAIT_MS,
    'end of partners-failing',
    async () => {
      await mail(MANY, 1, TLS);
      return told.heard().includes('partners-failing resolved');
    },
    () => `${told.heard().join('\n')}\n${alarms.text}`,
    500,
  );

  const kinds = [
    'own-certificate certificate-expired',
    'table-differs',
    `refusals-after-reload ${HOST_NAME}`,
    'partner-certificate law.example',
    `log-lost ${HOST_NAME}`,
    'partner-pins pinned.example',
    'partner-expiring pinned.example',
    'partners-failing',
    'evidence',
  ];
  await until(
    WAIT_MS,
    'end of all alarms',
    async () => {
      await mail(MANY, 1, TLS);
      return readFileSync(state, 'utf8').includes('"alarms":[]');
    },
    () => `${told.heard().join('\n')}\n${alarms.text}`,
    500,
  );
  const heard = told.heard().filter((line, i) => i < before || !rises(line));
  t.strictSame(heard.sort(), onceEach(kinds).sort(), 'each once, and nothing else');
  const more = told.heard().filter((line, i) => i >= before && rises(line)).length / 2;
  for (const one of kinds)
    for (const event of ['alarm.firing', 'alarm.resolved'])
      t.equal(
        alarms.logged(event, one.split(' ')[0]!),
        rises(`${one} `) ? 1 + more : 1,
        `log: ${event} ${one}`,
      );
  t.equal(await alarms.end('SIGTERM'), 0, 'ended as asked');
  t.match(readFileSync(state, 'utf8'), /"alarms":\[\]/, 'and nothing is left');
  await collector.stop();
  const verified = await daemon.command('evidence', 'verify');
  t.equal(verified.status, 0, `evidence verify: ${verified.status === 0 ? 'holds' : verified.stdout}`);
});
