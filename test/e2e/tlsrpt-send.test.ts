/**
 * A scripted day of a real Postfix, reported to those who ask for it: receivers with TLS in order and out of order, under no
 * policy, MTA-STS and DANE. Our reports equal what the receivers counted, arrive as mail that OpenDKIM signed, and are read
 * by a reader that was written from the RFC alone (test/tlsrpt/rfc8460.py). Where Postfix reports handshakes itself (3.10
 * with libtlsrpt) they are the source, else its log. The mail that carries the reports is in no report.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { addDays } from '../../src/archive/day.ts';
import { root } from '../root.ts';
import { dayLasts, until } from './harness/deadline.ts';
import { startDns } from './harness/dns/dns.ts';
import { startOpenDkim } from './harness/peers/opendkim.ts';
import type { TlsSink } from './harness/peers/tls-sink.ts';
import { exited } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';
import { enforce } from './harness/scenes/auto-cases.ts';
import { AutoDomains, type DomainSpec } from './harness/scenes/auto-scene.ts';
import { outcome, site, submit } from './harness/scenes/deliver-scene.ts';

const MAIN = mainFile();
const READER = fileURLToPath(new URL('test/tlsrpt/rfc8460.py', root));
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'opendkim']);
const WAIT_MS = 60_000;

const rua = (domain: string, local: string) =>
  `_smtp._tls.${domain}. TXT "v=TLSRPTv1; rua=mailto:${local}@reports.example"`;

/** Its server, what it publishes, how many messages go there, and the sessions of its report: good, and failed because. */
interface Played extends DomainSpec {
  readonly messages: readonly (readonly string[])[];
  readonly expect: { readonly type: string; readonly failed?: string } | null;
}

const ONE = [['a'], ['b']];
const DOMAINS: Readonly<Record<string, Played>> = {
  good: {
    server: { certificate: 'right' },
    messages: [['a'], ['b'], ['c']],
    expect: { type: 'no-policy-found' },
  },
  self: { server: { certificate: 'self' }, messages: ONE, expect: { type: 'no-policy-found' } },
  several: {
    server: { certificate: 'right' },
    messages: [['a', 'b', 'c']],
    expect: { type: 'no-policy-found' },
  },
  wrong: {
    server: { certificate: 'wrong' },
    messages: ONE,
    expect: { type: 'no-policy-found', failed: 'certificate-host-mismatch' },
  },
  expired: {
    server: { certificate: 'expired' },
    messages: ONE,
    expect: { type: 'no-policy-found', failed: 'certificate-expired' },
  },
  bare: { messages: [['a']], expect: { type: 'no-policy-found', failed: 'starttls-not-supported' } },
  sts: { server: { certificate: 'right' }, sts: enforce('sts'), messages: ONE, expect: { type: 'sts' } },
  dane: { server: { certificate: 'self', tlsa: 'right' }, messages: ONE, expect: { type: 'tlsa' } },
  hosted: {
    server: { certificate: 'self', tlsa: 'right' },
    // the host asks for itself, so nothing is left for the domain
    records: [rua('mx.hosted.example', 'host'), rua('hosted.example', 'hosted')],
    messages: ONE,
    expect: null,
  },
  silent: { server: { certificate: 'right' }, messages: ONE, expect: null },
  reports: { server: { certificate: 'right' }, messages: ONE, expect: { type: 'no-policy-found' } },
};

const TABLE = `[domain .example]
deliver = auto
[domain wrong.example]
deliver = secure
[domain expired.example]
deliver = secure
[domain bare.example]
deliver = encrypt
`;

/** As systemd hands the socket of tlsward-tlsrpt.socket over: bound, not blocking, descriptor 3. */
const ACTIVATE = `
import os, socket, sys
held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
held.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
held.setblocking(False)
os.dup2(held.fileno(), 3)
os.set_inheritable(3, True)
env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="tlsrpt")
os.execve(sys.argv[2], sys.argv[2:], env)
`;

interface Read {
  readonly wrong: readonly string[];
  readonly domain: string;
  readonly submitter: string;
  readonly text: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly report: {
    readonly 'organization-name': string;
    readonly policies: readonly {
      readonly policy: {
        readonly 'policy-type': string;
        readonly 'policy-domain': string;
        readonly 'policy-string'?: string[];
      };
      readonly summary: Readonly<Record<string, number>>;
      readonly 'failure-details'?: readonly Readonly<Record<string, string | number>>[];
    }[];
  };
}

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

t.test('a day and its reports', { skip, timeout: 600_000 }, async (t) => {
  // the day is moved to yesterday: it must not end meanwhile
  await dayLasts(300_000);
  const today = new Date().toISOString().slice(0, 10);
  const day = addDays(today, -1);
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-rpt-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const evidence = join(dir, 'evidence');
  mkdirSync(evidence);

  const domains = await AutoDomains.start(t);
  const sinks = new Map<string, TlsSink>();
  for (const [name, { messages: _, expect, ...spec }] of Object.entries(DOMAINS)) {
    const domain = `${name}.example`;
    const records = [...(spec.records ?? []), ...(expect === null ? [] : [rua(domain, name)])];
    sinks.set(name, await domains.add(domain, { ...spec, records }));
  }
  const dns = await startDns(t, domains.zone());
  const dkim = await startOpenDkim(t, 'local.example');
  const options = domains.siteOptions(dns.address, { evidence });
  const { postfix, ca } = await site(t, domains.ca, TABLE, new Map(), {
    ...options,
    main: { smtpd_milters: dkim.milter, non_smtpd_milters: dkim.milter, milter_default_action: 'tempfail' },
  });
  const handshakes = postfix.since(3, 10);
  const socket = join(postfix.queueDirectory, 'reported.sock');
  if (handshakes)
    await postfix.setMain({ smtp_tlsrpt_enable: 'yes', smtp_tlsrpt_socket_name: 'reported.sock' });

  // ---- the collector, from the first line on

  const config = join(dir, 'tlsward.ini');
  const keys = [
    `policy-listen = unix:${dir}/policy.sock`,
    'host-name = mx.local.example',
    'local-domains = local.example',
    `resolver = ${dns.address}`,
    `sts-test-opening = ${options.service?.['sts-test-opening']}`,
    'tlsrpt-send = mail',
    'tlsrpt-organization = The Post Office',
    'tlsrpt-contact = tlsrpt@local.example',
  ];
  const configure = (file: string, directory: string) =>
    writeFileSync(
      file,
      `[service]\n${keys.join('\n')}\nevidence = ${directory}\n\n[domains]\na.example = may\n`,
    );
  configure(config, evidence);
  const collect = [process.execPath, MAIN, 'collect', '--config', config, '--file', postfix.logFile];
  let collector: ChildProcess | null = null;
  let said = '';
  const start = () => {
    const [program = '', ...args] = handshakes ? ['python3', '-c', ACTIVATE, socket, ...collect] : collect;
    rmSync(socket, { force: true });
    collector = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    collector.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  };
  t.teardown(() => void collector?.kill('SIGKILL'));
  const records = () => {
    const stream = join(evidence, 'collector');
    const names = readdirSync(evidence).includes('collector') ? readdirSync(stream) : [];
    return names
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(stream, name), 'utf8').split('\n').slice(0, -1))
      .map(
        (line) => JSON.parse(line) as { type: string; recipient?: string; queueId?: string; domain?: string },
      );
  };
  const collected = (what: string, holds: (all: ReturnType<typeof records>) => boolean) =>
    until(
      WAIT_MS,
      what,
      () => (holds(records()) ? true : null),
      () => `${said}\n${postfix.log().slice(-3000)}`,
    );
  start();
  await collected('a collector that runs', (all) => all.some(({ type }) => type === 'start'));

  // ---- the day

  const ids: string[] = [];
  for (const [name, { messages }] of Object.entries(DOMAINS))
    for (const recipients of messages) {
      const from = postfix.logMark();
      if (recipients.length === 1) ids.push(await submit(postfix, `${recipients[0]}@${name}.example`));
      else {
        const { openSession } = await import('./harness/peers/smtp-session.ts');
        const client = await openSession(postfix.port('plain'));
        const to = recipients.map((one) => `${one}@${name}.example`);
        const { last } = await client.send({ from: 'alice@local.example', to });
        await client.quit();
        ids.push(/queued as ([0-9A-F]+)/i.exec(last.text)![1]!);
      }
      await outcome(postfix, ids.at(-1)!, from);
    }
  const deliveries = Object.values(DOMAINS).flatMap(({ messages }) => messages.flat()).length;
  await collected(
    'all deliveries',
    (all) => all.filter(({ type }) => type === 'delivery').length >= deliveries,
  );
  /** What the receivers counted: each connection of this day was one session. */
  const counted = new Map([...sinks].map(([name, sink]) => [name, sink.connections]));
  const asking = Object.entries(DOMAINS).filter(([, { expect }]) => expect !== null);
  if (handshakes)
    for (const name of [...asking.map(([one]) => one), 'hosted'])
      await collected(`the handshakes of ${name}`, (all) => {
        const found = all.filter(({ type, domain }) => type === 'tlsrpt' && domain === `${name}.example`);
        return found.length >= counted.get(name)!;
      });

  /** The evidence as it would be tomorrow. */
  const tomorrow = (directory: string) => {
    cpSync(evidence, directory, { recursive: true });
    for (const stream of ['collector', 'daemon'])
      for (const name of readdirSync(join(directory, stream)).filter((one) => one.startsWith(today))) {
        const file = join(directory, stream, name);
        if (name.endsWith('.jsonl'))
          writeFileSync(
            join(directory, stream, `${day}.jsonl`),
            readFileSync(file, 'latin1').replaceAll(`"time":"${today}`, `"time":"${day}`),
            'latin1',
          );
        rmSync(file);
      }
  };
  const tlsward = (...args: string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca.caFile };
      execFile(
        process.execPath,
        [MAIN, 'tlsrpt', 'send', ...args],
        { env, timeout: 120_000 },
        (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  const send = (name: string, ...args: string[]) =>
    tlsward('--config', join(dir, `${name}.ini`), '--state', join(dir, name), '--day', day, ...args);
  const moved = (name: string) => {
    tomorrow(join(dir, `${name}-evidence`));
    configure(join(dir, `${name}.ini`), join(dir, `${name}-evidence`));
  };

  // ---- the reports

  moved('first');
  const dry = await send('first', '--dry-run');
  t.equal(dry.status, 0, dry.err);
  t.match(dry.out, handshakes ? /handshakes that Postfix reported/ : /deliveries in the mail log/);
  const sink = sinks.get('reports')!;
  const before = sink.messages.length;
  t.equal(before, 2, 'nothing was sent');
  const smtp = ['--smtp', `127.0.0.1:${postfix.port('plain')}`];
  const sent = await send('first', ...smtp);
  t.equal(sent.status, 0, sent.err + sent.out);
  // and one about the host mx.hosted.example
  const wanted = asking.length + 1;
  const messages = (await sink.waitForMessages(before + wanted, WAIT_MS)).slice(before);
  t.equal(messages.length, wanted, sent.out);
  const files = messages.map(({ content }, i) => {
    const file = join(dir, `report-${i}.eml`);
    writeFileSync(file, content ?? '', 'latin1');
    return file;
  });
  const read = execFileSync('python3', [READER, ...files], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Read);
  t.same(
    read.flatMap(({ wrong, domain }) => wrong.map((what) => `${domain}: ${what}`)),
    [],
    'as the RFC has it',
  );
  for (const [i, { content, sender, recipients }] of messages.entries()) {
    const { domain, headers, submitter } = read[i]!;
    t.equal(sender, '', `${domain}: from the null sender`);
    const local = domain.startsWith('mx.') ? 'host' : domain.replace('.example', '');
    t.same(recipients, [`${local}@reports.example`], `${domain}: to whom it asked`);
    const { good, said } = await dkim.verify((content ?? '').replaceAll('\n', '\r\n'));
    t.ok(good, `${domain}: the signature verifies ${said}`);
    const signature = headers.find(([name]) => name === 'DKIM-Signature')?.[1] ?? '';
    t.match(signature, /d=local\.example/);
    t.match(signature, /TLS-Report-Domain/i, 'and covers the field of reports');
    t.equal(submitter, 'local.example');
    t.ok(headers.some(([name, value]) => name === 'TLS-Required' && value === 'No'));
  }
  const broken = (messages[0]!.content ?? '').replace('TLS-Report-Domain: ', 'TLS-Report-Domain: x');
  t.notOk((await dkim.verify(broken.replaceAll('\n', '\r\n'))).good, 'a changed one does not verify');

  const policiesOf = (domain: string) => read.find((one) => one.domain === domain)?.report.policies ?? [];
  for (const [name, { expect }] of asking) {
    const [policy, ...more] = policiesOf(`${name}.example`);
    t.same(more, [], `${name}: one policy`);
    t.equal(policy?.policy['policy-type'], expect!.type, name);
    const failed = expect!.failed === undefined ? 0 : counted.get(name)!;
    t.same(
      policy?.summary,
      {
        'total-successful-session-count': counted.get(name)! - failed,
        'total-failure-session-count': failed,
      },
      `${name}: what the server counted`,
    );
    const reasons = policy?.['failure-details'] ?? [];
    t.same(
      reasons.map((row) => [row['result-type'], row['failed-session-count'], row['receiving-mx-hostname']]),
      failed === 0 ? [] : [[expect!.failed, failed, `mx.${name}.example`]],
      `${name}: why`,
    );
  }
  t.match(
    policiesOf('sts.example')[0]?.policy['policy-string'],
    ['version: STSv1', 'mode: enforce'],
    'its policy',
  );
  const host = policiesOf('mx.hosted.example');
  t.match(host, [{ policy: { 'policy-type': 'tlsa', 'policy-domain': 'mx.hosted.example' } }]);
  t.equal(
    host[0]?.summary['total-successful-session-count'],
    counted.get('hosted'),
    'results of DANE go to the host',
  );
  t.notOk(JSON.stringify(read.map(({ report }) => report)).includes('alice'), 'no local part');

  // ---- once only

  const again = await send('first', ...smtp);
  t.match(again, { status: 0, out: /0 reports sent/ });
  t.equal(sink.messages.length, before + wanted, 'no report twice');

  // ---- a report to ourselves

  const self = await tlsward(
    ...['--config', join(dir, 'first.ini'), ...smtp, '--to-self', 'postmaster@local.example'],
    ...['--mailbox', join(postfix.dir, 'mail', 'all'), '--wait', '60'],
  );
  t.match(
    self,
    { status: 0, out: /^it came back, signed by local\.example with the key reports\n/ },
    self.err,
  );
  await postfix.setMain({ smtpd_milters: '', non_smtpd_milters: '' });
  const unsigned = await tlsward(
    ...['--config', join(dir, 'first.ini'), ...smtp, '--to-self', 'postmaster@local.example'],
    ...['--mailbox', join(postfix.dir, 'mail', 'all'), '--wait', '60'],
  );
  t.match(unsigned, { status: 1, out: /receivers ignore it\nwrong +no DKIM-Signature/ }, unsigned.err);

  // ---- the mail that carried reports is in none

  await collected('the deliveries of the reports', (all) => {
    const found = all.filter(
      ({ type, recipient }) => type === 'delivery' && recipient?.endsWith('@reports.example'),
    );
    return found.length >= before + wanted;
  });
  if (handshakes)
    await collected('their handshakes', (all) => {
      const found = all.filter(({ type, domain }) => type === 'tlsrpt' && domain === 'reports.example');
      return found.length >= before + wanted;
    });
  const child = collector!;
  child.kill();
  await exited(child);
  moved('second');
  const second = await send('second', '--dry-run', '--json', '--domain', 'reports.example');
  t.equal(second.status, 0, second.err);
  const { report } = JSON.parse(second.out) as Read;
  t.same(
    report.policies.map(({ summary }) => summary),
    [{ 'total-successful-session-count': counted.get('reports'), 'total-failure-session-count': 0 }],
    'sessions of reports are not counted',
  );
});
