/**
 * `tlsward notices run` beside a real Postfix: mail that rows keep waiting brings its author one notice, and one more when
 * it has left; killed and started again it tells nobody twice; an MTA that refuses for now gets the notice later; an author
 * whose mailbox does not exist, or bounces, makes no further mail; a thousand messages make one notice.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { until } from './harness/deadline.ts';
import { startDns } from './harness/dns/dns.ts';
import { removeFolder } from './harness/folder.ts';
import { NoticesProcess } from './harness/noticesProcess.ts';
import { createCa } from './harness/peers/ca.ts';
import { Receivers } from './harness/peers/receivers.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';
import { site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);
const WAIT_MS = 60_000;
const MANY = 1000;

t.setTimeout(600_000);

t.test('an author is told once that mail waits, and once that it has left', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-notices-'));
  t.teardown(() => removeFolder(folder));
  const receivers = await Receivers.start(t, ca);
  await receivers.add(['mx.plain.example'], {});
  await receivers.add(['mx.self.example'], { certificate: 'self' });
  const dns = await startDns(t, {
    records: [
      ...receivers.records,
      ...['plain', 'self', 'many'].map(
        (name) => `${name}.example. MX 10 mx.${name === 'many' ? 'plain' : name}.example.`,
      ),
      'mx.none.example. A 127.0.0.77',
      'none.example. MX 10 mx.none.example.',
    ],
  });
  // what a mailbox elsewhere does that has been closed
  const closed = await TlsSink.start({ tls: null, answer: () => '550 5.1.1 no such user' });
  t.teardown(() => closed.stop());
  const rows = (deliver: string): string =>
    `[domain plain.example]\ndeliver = ${deliver}\n[domain many.example]\ndeliver = encrypt\n[domain none.example]\ndeliver = encrypt\n[domain self.example]\ndeliver = secure\n`;
  const { postfix, daemon } = await site(t, ca, rows('encrypt'), new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: {
      evidence: 'evidence',
      'notify-sender-after': '2s',
      'notify-domains': 'local.example, closed.example',
    },
  });
  await postfix.setMain({
    transport_maps: `texthash:${postfix.file('transport', `closed.example smtp:[127.0.0.1]:${closed.port}\n`)}`,
    smtpd_recipient_restrictions: `check_recipient_access texthash:${postfix.file(
      'access',
      'ghost@local.example 550 5.1.1 no such user\nlater@local.example 451 4.3.0 not now\n',
    )}`,
  });
  const options = [
    ...['--config', daemon.configFile, '--postfix-config', join(postfix.dir, 'etc')],
    ...['--smtp', `127.0.0.1:${postfix.port('plain')}`],
  ];
  const notices = new NoticesProcess(options, folder, (argv) => postfix.among(argv));
  t.teardown(() => notices.end('SIGKILL'));
  const waits = async (id: string): Promise<unknown> =>
    postfix.waitForQueue(
      ({ queue_id: queued, queue_name: name, recipients }) =>
        queued === id &&
        name === 'deferred' &&
        recipients.every(({ delay_reason: why }) => why !== undefined),
      { timeoutMs: WAIT_MS },
    );
  const told = (mailbox: string) => postfix.delivered(mailbox);
  const gone = (id: string) =>
    until(
      WAIT_MS,
      'delivery',
      async () => (await postfix.queue()).every((one) => one.queue_id !== id),
      () => postfix.log().slice(-3000),
    );

  const first = await submit(postfix, 'bob@plain.example');
  const other = await submit(postfix, 'carol@none.example', 'dave@local.example');
  const foreign = await submit(postfix, 'bob@plain.example', 'eve@foreign.example');
  const machine = await submit(postfix, 'bob@plain.example', 'owner-list@local.example');
  for (const id of [first, other, foreign, machine]) await waits(id);
  notices.start();
  const [note] = await postfix.waitForDelivered('alice@local.example', { timeoutMs: WAIT_MS });
  t.equal(note!.first('Return-Path'), '<>', 'the null sender');
  t.equal(note!.first('Auto-Submitted'), 'auto-replied');
  t.equal(note!.first('Subject'), 'Your message to plain.example has not been delivered yet');
  for (const text of [/ To bob@plain\.example /, /does not take mail over an encrypted/])
    t.match(words(note!.body), text);
  t.match(words(note!.body), `Reference ${first} (no STARTTLS offered)`);

  // killed and started again
  await notices.end('SIGKILL');
  notices.start();
  await notices.looks(3);
  t.equal(await notices.end('SIGTERM'), 0);
  notices.start();
  await notices.looks(2);
  t.equal(told('alice@local.example').length, 1, 'once');
  for (const mailbox of ['dave@local.example', 'owner-list@local.example'])
    t.same(told(mailbox), [], `${mailbox} is told nothing`);
  t.match(notices.logged('notices.left-out')[0], { foreign: 1, machine: 1, unreadable: 0 });
  t.notMatch(notices.text, /(?:alice|eve|bob)@/, 'no local part is logged');

  // it leaves, and the records say how
  daemon.setTables(rows('may'));
  await until(
    WAIT_MS,
    'reload',
    async () => (await daemon.command('reload', '--config', daemon.configFile)).status === 0,
  );
  t.match(await collected(daemon.configFile, postfix), { status: 0 });
  await postfix.flush();
  for (const id of [first, foreign, machine]) await gone(id);
  t.match(await collected(daemon.configFile, postfix), { status: 0 });
  const [, left] = await postfix.waitForDelivered('alice@local.example', { count: 2, timeoutMs: WAIT_MS });
  t.equal(left!.first('Subject'), 'Your message to plain.example has left');
  t.equal(left!.first('In-Reply-To'), note!.first('Message-ID'), 'in one thread');
  t.equal(left!.first('Return-Path'), '<>');
  // no session was logged before it, so that it was in plaintext is not proven
  t.match(words(left!.body), /This has been handed over .* To bob@plain\.example You need not/);

  // the MTA does not know the author; it refuses for now; a mailbox elsewhere bounces
  const ghost = await submit(postfix, 'bob@self.example', 'ghost@local.example');
  const later = await submit(postfix, 'bob@self.example', 'later@local.example');
  const bounces = await submit(postfix, 'bob@self.example', 'user@closed.example');
  for (const id of [ghost, later, bounces]) await waits(id);
  await notices.logs('notice.refused', 1, ({ givenUp }) => givenUp === true);
  await notices.logs('notice.refused', 1, ({ givenUp }) => givenUp === false);
  await notices.logs('notice.sent', 1, ({ domain }) => domain === 'closed.example');
  postfix.file('access', '');
  await postfix.reload();
  const [late] = await postfix.waitForDelivered('later@local.example', { timeoutMs: WAIT_MS });
  t.match(words(late!.body), /could not prove that it is the right one/);
  const bounced = /status=bounced \(host 127\.0\.0\.1\[127\.0\.0\.1\](?::\d+)? said: 550/;
  await postfix.waitForLog(bounced, { timeoutMs: WAIT_MS });
  await notices.looks(3);
  const waiting = [other, ghost, later, bounces].sort();
  t.same(
    (await postfix.left()).map(({ queue_id: id }) => id).filter((id) => !waiting.includes(id)),
    [],
    'no further mail',
  );
  t.equal(notices.logged('notice.sent').filter(({ domain }) => domain === 'closed.example').length, 1);
  t.equal(
    notices.logged('notice.refused').filter(({ givenUp }) => givenUp).length,
    1,
    'the unknown one is asked about once',
  );
  t.same(told('ghost@local.example'), []);
  t.equal(told('later@local.example').length, 1);
  t.equal(postfix.delivered().length, 3, 'and nothing else was delivered here');

  // many at once
  await notices.end('SIGTERM');
  const client = await openSession(postfix.port('plain'));
  for (let i = 0; i < MANY; i++) {
    const { last } = await client.send({ from: 'mallory@local.example', to: `u${i}@many.example` });
    if (!last.text.includes('queued as')) t.fail(last.text);
  }
  await client.quit();
  await until(
    4 * WAIT_MS,
    'all deferred for longer than notify-sender-after',
    async () => {
      const queue = (await postfix.queue()).filter(({ sender }) => sender === 'mallory@local.example');
      const old = Date.now() / 1000 - 4;
      const ready = ({ queue_name: name, arrival_time: since, recipients: [one] }: (typeof queue)[number]) =>
        name === 'deferred' && since < old && /TLS is required/.test(one?.delay_reason ?? '');
      return queue.length === MANY && queue.every(ready);
    },
    () => postfix.log().slice(-2000),
  );
  // without records, nobody waits for them
  const config = join(daemon.dir, 'without.ini');
  writeFileSync(config, readFileSync(daemon.configFile, 'utf8').replace(/^evidence = .*$/m, ''), {
    mode: 0o644,
  });
  const plain = [...options.slice(2), '--config', config];
  const blind = new NoticesProcess(plain, folder, (argv) => postfix.among(argv));
  t.teardown(() => blind.end('SIGKILL'));
  blind.start();
  const [digest] = await postfix.waitForDelivered('mallory@local.example', { timeoutMs: WAIT_MS });
  await blind.looks(2);
  t.equal(told('mallory@local.example').length, 1);
  t.equal(digest!.first('Subject'), `${MANY} of your messages have not been delivered yet`);
  t.match(words(digest!.body), `And ${MANY - 20} more that are not listed here.`);
  // gone all at once, for whoever looks
  await blind.end('SIGTERM');
  await postfix.clear();
  blind.start();
  const [end] = await postfix.waitForDelivered('mallory@local.example', { timeoutMs: WAIT_MS });
  t.equal(end!.first('Subject'), `${MANY} of your messages wait no longer`);
  t.match(words(end!.body), /Either it has been delivered, or/);
  await blind.looks(2);
  t.equal(told('mallory@local.example').length, 1);
});

/** Without line ends and columns. */
function words(body: string): string {
  return body.replace(/\s+/g, ' ');
}

function collected(
  config: string,
  postfix: { readonly logFile: string; among(argv: readonly string[]): string[] },
): Promise<{ status: number; err: string }> {
  const [program = '', ...args] = postfix.among([
    ...[process.execPath, mainFile(), 'collect', '--file', postfix.logFile, '--once', '--config', config],
  ]);
  return new Promise((resolve) => {
    execFile(program, args, { timeout: WAIT_MS, encoding: 'utf8' }, (error, _out, err) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), err }),
    );
  });
}
