/**
 * `tlsward queue` beside a real Postfix in an outage: mail to domains whose servers have no STARTTLS, a certificate that
 * ran out or of another name, or do not answer, held back by rows of the table. Its groups are compared with what
 * `postqueue -j` says, recipient by recipient; and the command that it prints lets the mail go, as it says it would.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { generator } from '../mark/generator.ts';
import { until } from './harness/deadline.ts';
import { startDns } from './harness/dns/dns.ts';
import type { QueueEntry } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { Receivers } from './harness/peers/receivers.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';
import { site } from './harness/scenes/deliver-scene.ts';

const MAIN = mainFile();
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);
const MESSAGES = 60;

/** By domain: what Postfix must say of it, the cause, and the level, in words of its own. */
const DOMAINS: Readonly<Record<string, readonly [reason: RegExp, cause: string, level: string]>> = {
  'plain.encrypt.example': [/TLS is required, but was not offered/, 'no STARTTLS offered', 'encrypt'],
  'wrong.secure.example': [/Server certificate not verified/, 'certificate not verified', 'secure'],
  'expired.verify.example': [/Server certificate not (?:verified|trusted)/, 'certificate', 'verify'],
  'none.encrypt.example': [/Connection refused/, 'connection refused', 'encrypt'],
};

interface Group {
  readonly domain: string;
  readonly cause: string;
  readonly level: string;
  readonly tls: boolean;
  readonly held: boolean;
  readonly messages: number;
  readonly recipients: number;
  readonly oldest: string;
  readonly do: readonly { readonly command: string }[];
}

interface Reply {
  readonly messages: number;
  readonly waiting: number;
  readonly recipients: number;
  readonly groups: readonly Group[];
}

/** By domain and whether it is held: ids of messages, recipients, arrival of the oldest. */
function counted(
  entries: readonly QueueEntry[],
): Map<string, { ids: Set<string>; recipients: number; oldest: number }> {
  const found = new Map<string, { ids: Set<string>; recipients: number; oldest: number }>();
  for (const { queue_id: id, queue_name: name, arrival_time: arrived, recipients } of entries)
    for (const { address } of recipients) {
      const key = `${address.slice(address.indexOf('@') + 1)} ${name === 'hold'}`;
      const one = found.get(key) ?? { ids: new Set(), recipients: 0, oldest: arrived };
      found.set(key, {
        ids: one.ids.add(id),
        recipients: one.recipients + 1,
        oldest: Math.min(one.oldest, arrived),
      });
    }
  return found;
}

t.test('groups are those of the queue, and the command lets mail go', { skip }, async (t) => {
  const random = generator();
  t.comment(`seed ${random.seed}`);
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  await receivers.add(['mx.plain.encrypt.example'], {});
  await receivers.add(['mx.wrong.secure.example'], { certificate: 'wrong' });
  const expired = await receivers.add(['mx.expired.verify.example'], { certificate: 'expired' });
  const names = Object.keys(DOMAINS);
  const dns = await startDns(t, {
    records: [
      ...receivers.records,
      'mx.none.encrypt.example. A 127.0.0.77',
      ...names.map((name) => `${name}. MX 10 mx.${name}.`),
    ],
  });
  const rows = ['encrypt', 'secure', 'verify'].map(
    (level) => `[domain .${level}.example]\ndeliver = ${level}\n`,
  );
  const { postfix, daemon } = await site(t, ca, rows.join('\n'), new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: { exceptions: 'exceptions.ini', evidence: 'evidence' },
  });
  const config = ['--config', daemon.configFile];
  const run = (...words: readonly string[]): Promise<{ status: number; out: string; err: string }> => {
    const [program = '', ...args] = postfix.among([process.execPath, MAIN, ...words, ...config]);
    return new Promise((resolve) => {
      execFile(program, args, { timeout: 120_000, encoding: 'utf8' }, (error, out, err) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  };
  const queue = async (...words: readonly string[]) => {
    const folder = ['--postfix-config', join(postfix.dir, 'etc')];
    const said = await run('queue', '--json', ...folder, ...words);
    return { status: said.status, reply: JSON.parse(said.out) as Reply, err: said.err };
  };

  const empty = await queue();
  t.match(empty, { status: 0, reply: { messages: 0, groups: [] } });
  const client = await openSession(postfix.port('plain'));
  let sent = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const to = Array.from(
      { length: 1 + random.integer(3) },
      () => `u${random.integer(1000)}@${names[random.integer(names.length)]}`,
    );
    const { last } = await client.send({ from: 'alice@local.example', to: [...new Set(to)] });
    if (last.text.includes('queued as')) sent++;
  }
  await client.quit();
  t.equal(sent, MESSAGES);
  const settled = await until(
    60_000,
    'every recipient with a reason',
    async () => {
      const entries = await postfix.queue();
      const waits = entries.every(
        (entry) =>
          entry.queue_name === 'deferred' &&
          entry.recipients.every(({ delay_reason: reason }) => reason !== undefined),
      );
      return waits && entries.length === MESSAGES ? entries : undefined;
    },
    () => postfix.log().slice(-3000),
  );
  const held = settled[0]!.queue_id;
  await postfix.hold(held);
  const entries = await postfix.queue();
  const { status, reply } = await queue();
  t.equal(status, 1, 'mail waits for want of TLS');
  const wanted = counted(entries);
  t.equal(reply.messages, MESSAGES);
  t.equal(reply.waiting, MESSAGES);
  t.equal(
    reply.recipients,
    entries.reduce((sum, { recipients }) => sum + recipients.length, 0),
  );
  t.same(
    reply.groups.map(({ domain, held }) => `${domain} ${held}`).sort(),
    [...wanted.keys()].sort(),
    'one group for each domain, and what is held',
  );
  for (const group of reply.groups) {
    const { domain, messages, recipients, oldest, cause, level } = group;
    const { ids, recipients: counts, oldest: arrived } = wanted.get(`${domain} ${group.held}`)!;
    t.same([messages, recipients, Date.parse(oldest) / 1000], [ids.size, counts, arrived], domain);
    const [reason, word, demanded] = DOMAINS[domain]!;
    t.equal(level, demanded, `${domain}: level`);
    if (group.held) {
      t.equal(cause, 'on hold');
      t.same(group.do[0]?.command, messages === 1 ? `postsuper -H ${held}` : '');
      continue;
    }
    t.match(cause, word, `${domain}: cause`);
    t.equal(group.tls, domain !== 'none.encrypt.example');
    for (const entry of entries.filter(({ queue_name: name }) => name === 'deferred'))
      for (const one of entry.recipients)
        if (one.address.endsWith(`@${domain}`)) t.match(one.delay_reason, reason, domain);
  }
  t.equal(
    (await queue('--domain', 'wrong.secure.example')).reply.groups.every(
      ({ domain }) => domain === 'wrong.secure.example',
    ),
    true,
  );

  // the log knows more of the certificate than the queue
  t.match(await run('collect', '--file', postfix.logFile, '--once'), { status: 0 });
  const of = async (name: string): Promise<Group> =>
    (await queue()).reply.groups.find(({ domain, held: on }) => domain === name && !on)!;
  const known = await of('expired.verify.example');
  t.equal(known.cause, 'certificate expired');
  t.equal((await of('wrong.secure.example')).cause.startsWith('certificate '), true);

  // the command that it prints
  const [except] = known.do;
  t.equal(
    except?.command,
    'tlsward except expired.verify.example --until +2d --reason "certificate expired" --deliver encrypt',
  );
  const words = [...except!.command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
  t.match(await run(...words.slice(1)), { status: 0 });
  const late = await of('expired.verify.example');
  t.same(
    late.do.map(({ command }) => command),
    ['postqueue -f'],
    'not tried since',
  );
  await postfix.flush();
  const gone = (name: string) => async () =>
    (await postfix.queue()).some(
      ({ queue_name: state, recipients }) =>
        state !== 'hold' && recipients.some(({ address }) => address.endsWith(`@${name}`)),
    )
      ? undefined
      : true;
  await until(30_000, 'delivery', gone('expired.verify.example'), () => postfix.log().slice(-3000));
  const received = expired.sink.messages;
  t.ok(received.length > 0);
  t.ok(
    received.every(({ protocol }) => protocol !== null),
    'and all of it under TLS',
  );
});
