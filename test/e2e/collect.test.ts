/**
 * The collector beside a real Postfix: mail to servers with and without TLS under several levels, with connections that
 * are kept, from several senders at once; the collector killed and started again meanwhile. Its records are compared with
 * what the servers saw, recipient by recipient.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generator } from '../mark/generator.ts';
import { pause, until } from './harness/deadline.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { exited } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';
import { type ServerKind, submit, tlsOf } from './harness/scenes/deliver-scene.ts';

const MAIN = mainFile();
const skip = e2eSkip(['root', 'postfix', 'openssl']);

/** Server and level of each domain, and what must come of mail for it. */
const DOMAINS: Readonly<Record<string, readonly [ServerKind, string, 'tls' | 'plain' | null]>> = {
  'may-right.example': ['right', 'may', 'tls'],
  'may-self.example': ['self', 'may', 'tls'],
  'may-plain.example': ['plain', 'may', 'plain'],
  'none-wrong.example': ['wrong', 'none', 'plain'],
  'must-plain.example': ['plain', 'encrypt', null],
};
/** Connections: as by default, kept for each server, and with TLS over tlsproxy. */
const MODES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  default: {},
  kept: { smtp_connection_cache_destinations: 'static:all' },
  'kept with TLS': { smtp_connection_cache_destinations: 'static:all', smtp_tls_connection_reuse: 'yes' },
};
const MESSAGES = 60;

interface Delivery {
  readonly type: string;
  readonly recipient: string;
  readonly outcome: string;
  readonly tls: {
    readonly state: string;
    readonly protocol?: string;
    readonly why?: string;
    readonly reused?: boolean;
  };
  readonly sender?: string;
  readonly relay?: { readonly port?: number };
}

t.test('records are what the servers saw', { skip }, async (t) => {
  const random = generator();
  t.comment(`seed ${random.seed}`);
  const ca = createCa();
  t.teardown(() => ca.remove());
  const sinks = new Map<ServerKind, TlsSink>();
  for (const kind of ['plain', 'self', 'wrong', 'right'] as const) {
    const sink = await TlsSink.start({ tls: tlsOf(kind, ca) });
    t.teardown(() => sink.stop());
    sinks.set(kind, sink);
  }
  // one server by two names, so that levels differ: they are looked up by next hop
  const hop = (domain: string): string => {
    const [kind, level] = DOMAINS[domain]!;
    return `[${level === 'encrypt' ? '127.0.0.1' : 'localhost'}]:${sinks.get(kind)!.port}`;
  };
  const names = Object.keys(DOMAINS);
  const postfix = new Postfix({
    ca,
    main: {
      default_transport: 'smtp',
      smtp_tls_security_level: 'may',
      smtp_tls_loglevel: '1',
      smtp_tls_CAfile: ca.caFile,
      default_destination_concurrency_limit: '4',
    },
    services: ['tlsproxy unix - - n - 0 tlsproxy'],
  });
  t.teardown(() => postfix.close());
  const transport = postfix.file('transport', names.map((name) => `${name} smtp:${hop(name)}\n`).join(''));
  const levels = postfix.file('levels', names.map((name) => `${hop(name)} ${DOMAINS[name]![1]}\n`).join(''));
  await postfix.setMain({
    transport_maps: `texthash:${transport}`,
    smtp_tls_policy_maps: `texthash:${levels}`,
  });
  await postfix.start();

  const log = join(postfix.dir, 'mail.log');
  const config = join(postfix.dir, 'tlsward.ini');
  const evidence = join(postfix.dir, 'evidence');
  const service = `policy-listen = unix:${postfix.dir}/p.sock\nevidence = ${evidence}\nprivacy = full\n`;
  writeFileSync(config, `[service]\n${service}[domains]\na.example = may\n`);
  const stream = join(evidence, 'collector');
  const startsIn = (text: string): number => text.split('"type":"start"').length - 1;
  const recordsNow = () =>
    (existsSync(stream) ? readdirSync(stream) : [])
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => readFileSync(join(stream, name), 'utf8'))
      .join('');
  let said = '';
  const start = (): ChildProcess => {
    const args = [MAIN, 'collect', '--config', config, '--file', log];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    return child;
  };
  let collector = start();
  let begun = 1;
  t.teardown(() => void collector.kill('SIGKILL'));
  // what began before the first line that it read would be unknown
  await pause(6000);
  // and plaintext is not believed before a session with TLS was logged
  await postfix.waitForLog(new RegExp(`${await submit(postfix, 'warm@may-right.example')}: to=`));

  const sent: string[] = [];
  for (const [mode, main] of Object.entries(MODES)) {
    await postfix.setMain({
      smtp_connection_cache_destinations: '',
      smtp_tls_connection_reuse: 'no',
      ...main,
    });
    await postfix.reload();
    const before = sent.length;
    const sender = async (number: number) => {
      const client = await openSession(postfix.port('plain'));
      for (let i = 0; i < MESSAGES / 3; i++) {
        const some = names.filter(() => random.integer(3) === 0);
        const to = (some.length === 0 ? [random.pick(names)] : some).map(
          (name) => `${mode.replaceAll(' ', '-')}-${number}-${i}@${name}`,
        );
        await client.send({ from: `alice${i}@local.example`, to });
        sent.push(...to);
      }
      await client.quit();
    };
    const kill = async () => {
      await until(
        20_000,
        'a collector that runs',
        () => (startsIn(recordsNow()) === begun ? true : null),
        recordsNow,
      );
      await pause(300 + random.integer(1000));
      collector.kill('SIGKILL');
      await exited(collector);
      collector = start();
      begun++;
    };
    await Promise.all([sender(1), sender(2), sender(3), kill()]);
    t.ok(sent.length - before >= MESSAGES, `${mode}: ${sent.length - before} recipients`);
    await until(
      60_000,
      'every recipient in the log',
      () => {
        const text = postfix.log();
        return sent.every((one) => text.includes(`to=<${one}>`)) ? true : null;
      },
      () =>
        `${sent.filter((one) => !postfix.log().includes(`to=<${one}>`)).join(' ')}\n${postfix.log().slice(-4000)}`,
    );
  }
  await until(
    30_000,
    'a record of every recipient',
    () => {
      const text = recordsNow();
      // the last one that was started runs, too
      const all = sent.every((one) => text.includes(`"recipient":"${one}"`));
      return all && startsIn(text) === begun ? true : null;
    },
    () => {
      const text = recordsNow();
      const missing = sent.filter((one) => !text.includes(`"recipient":"${one}"`));
      return `${startsIn(text)} of ${begun} starts\nmissing: ${missing.join(' ')}\n${said}`;
    },
  );
  collector.kill('SIGTERM');
  await exited(collector);
  t.equal(collector.exitCode, 0);
  const records = recordsNow()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Delivery);
  t.same(
    records.filter(({ type }) => type === 'gap'),
    [],
  );
  const found = records.filter(({ type, recipient }) => type === 'delivery' && sent.includes(recipient));
  t.equal(found.length, sent.length, 'one record for each recipient');
  t.equal(new Set(found.map(({ recipient }) => recipient)).size, sent.length);

  const seen = new Map<string, string | null>();
  for (const [, sink] of sinks)
    for (const { recipients, protocol } of sink.messages)
      for (const one of recipients) seen.set(one.replace(/^<|>$/g, ''), protocol);
  const wrong = found.filter(({ recipient, outcome, tls }) => {
    const protocol = seen.get(recipient);
    if (protocol === undefined) return outcome === 'sent' || tls.state !== 'unknown';
    if (outcome !== 'sent') return true;
    return protocol === null ? tls.state !== 'plain' : tls.state !== 'tls' || tls.protocol !== protocol;
  });
  t.same(wrong, [], 'as the servers saw it');
  for (const [name, [, , how]] of Object.entries(DOMAINS)) {
    const states = new Set(
      found.filter(({ recipient }) => recipient.endsWith(`@${name}`)).map(({ tls }) => tls.state),
    );
    t.same([...states], [how ?? 'unknown'], name);
  }
  t.ok(found.some(({ tls }) => tls.reused === true) || !postfix.since(3, 4), 'sessions were kept, too');
  t.ok(
    found.every(({ sender }) => sender?.startsWith('alice')),
    'with their senders',
  );
});
