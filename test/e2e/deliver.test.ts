/**
 * How mail leaves a real Postfix that asks the running daemon, by the fragment of contrib/postfix/deliver.main.cf as it is
 * shipped: what each receiver saw and what the log says, level by level; `postmap -q`, `explain` and `simulate` agree; with
 * the daemon dead nothing leaves; a row that is raised counts for the next message.
 */
import t from 'tap';
import { until } from './harness/deadline.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import {
  outcome,
  run,
  SERVERS,
  type ServerKind,
  site,
  submit,
  tlsOf,
} from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);
/** From the question of smtp(8) to MAIL, on a machine that has much to do. */
const SESSION_MS = 5000;

/** `P` sent in plain text, `U`, `T`, `V` sent under TLS as Postfix calls it, else the code with which it waits. */
const MATRIX: Readonly<Record<string, Readonly<Record<ServerKind, string>>>> = {
  none: { plain: 'P', self: 'P', wrong: 'P', right: 'P' },
  may: { plain: 'P', self: 'U', wrong: 'T', right: 'T' },
  encrypt: { plain: '4.7.4', self: 'U', wrong: 'T', right: 'T' },
  verify: { plain: '4.7.4', self: '4.7.5', wrong: '4.7.5', right: 'V' },
  secure: { plain: '4.7.4', self: '4.7.5', wrong: '4.7.5', right: 'V' },
  // names of the row's own instead of the next hop's
  named: { plain: '4.7.4', self: '4.7.5', wrong: 'V', right: '4.7.5' },
  pinned: { plain: '4.7.4', self: 'V', wrong: '4.7.5', right: '4.7.5' },
  silent: { plain: 'P', self: 'U', wrong: 'T', right: 'T' },
};
const WORD = { U: 'Untrusted', T: 'Trusted', V: 'Verified' } as const;

t.test('each level against each kind of server', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const self = ca.issue('mx-pinned', { subject: '/CN=localhost', issuer: 'self' });
  const sinks = new Map<string, TlsSink>();
  const routes = new Map<string, string>();
  const rows: string[] = [];
  const says: Record<string, string> = {
    none: 'deliver = none',
    may: 'deliver = may',
    encrypt: 'deliver = encrypt',
    verify: 'deliver = verify',
    secure: 'deliver = secure',
    named: 'deliver = secure\nserver-names = mx.other.example',
    pinned: `deliver = fingerprint\nfingerprint = ${self.fingerprint}`,
    silent: 'receive = may',
  };
  for (const level of Object.keys(MATRIX)) {
    for (const kind of SERVERS) {
      const pinned = level === 'pinned' && kind === 'self';
      const tls = pinned ? { cert: self.cert, key: self.key } : tlsOf(kind, ca);
      const sink = await TlsSink.start({ tls });
      t.teardown(() => sink.stop());
      sinks.set(`${level}.${kind}`, sink);
      routes.set(`${kind}.${level}.example`, `smtp:[localhost]:${sink.port}`);
      rows.push(`[domain [localhost]:${sink.port}]\n${says[level]}\n`);
    }
  }
  const { postfix, daemon, map } = await site(t, ca, rows.join('\n'), routes);
  const ids = new Map<string, string>();
  for (const name of sinks.keys()) {
    const [level, kind] = name.split('.');
    ids.set(name, await submit(postfix, `bob@${kind}.${level}.example`));
  }
  for (const [name, sink] of sinks) {
    const [level = '', kind = ''] = name.split('.');
    const want = MATRIX[level]![kind as ServerKind];
    const { dsn, line } = await outcome(postfix, ids.get(name)!);
    if (/^[PUTV]$/.test(want)) {
      t.equal(dsn, '2.0.0', `${name}: ${line}`);
      const [received] = sink.messages;
      t.equal(sink.received.length, 1);
      t.equal(received?.protocol, want === 'P' ? null : 'TLSv1.3', `${name}: what the server saw`);
      const established = `TLS connection established to localhost[127.0.0.1]:${sink.port}`;
      if (want !== 'P')
        t.ok(postfix.log().includes(`${WORD[want as 'U']} ${established}`), `${name}: ${want}`);
    } else {
      t.equal(dsn, want, `${name}: ${line}`);
      t.match(
        line,
        want === '4.7.4' ? /TLS is required, but was not offered/ : /Server certificate not verified/,
      );
      t.strictSame(sink.received, [], `${name}: not even an envelope`);
      t.ok(sink.connections > 0, 'it did connect');
    }
  }

  for (const sink of sinks.values()) {
    const hop = `[localhost]:${sink.port}`;
    const asked = await run('postmap', ['-q', hop, `${map}:deliver`]);
    const explained = await daemon.command('explain', '--deliver', hop);
    const simulated = await daemon.command('simulate', 'socketmap', hop);
    const answer = asked.stdout === '' ? 'NOTFOUND ' : `OK ${asked.stdout.trimEnd()}`;
    t.equal(explained.stdout.split('\n')[0], answer, `${hop}: postmap and explain`);
    t.equal(simulated.stdout, `${answer}\n`, 'and simulate');
    t.strictSame([asked.status, explained.status, simulated.status], [asked.stdout === '' ? 1 : 0, 0, 0]);
  }
  t.strictSame(daemon.events('bug'), []);
});

t.test(
  'floors of the row, in the grammar of an older Postfix, which this one still reads',
  { skip },
  async (t) => {
    const ca = createCa();
    t.teardown(() => ca.remove());
    const tls = tlsOf('right', ca)!;
    const old = await TlsSink.start({ tls: { ...tls, maxVersion: 'TLSv1.2' } as object });
    const short = await TlsSink.start({
      tls: { ...tls, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as object,
    });
    t.teardown(() => Promise.all([old.stop(), short.stop()]));
    const tables = [
      `[domain [localhost]:${old.port}]\ndeliver = encrypt\nmin-protocol = TLSv1.3`,
      `[domain [localhost]:${short.port}]\ndeliver = encrypt\nmin-bits = 256`,
    ];
    const routes = new Map([
      ['old.example', `smtp:[localhost]:${old.port}`],
      ['short.example', `smtp:[localhost]:${short.port}`],
    ]);
    const { postfix, daemon } = await site(t, ca, tables.join('\n'), routes, { version: '3.5' });
    for (const domain of ['old.example', 'short.example']) {
      const { dsn, line } = await outcome(postfix, await submit(postfix, `bob@${domain}`));
      t.equal(dsn, '4.7.5', line);
      t.match(line, /Cannot start TLS: handshake failure/);
    }
    t.strictSame([...old.received, ...short.received], [], 'no envelope, no fallback to plain text');
    await daemon.reload(
      `${tables.join('\n').replace('TLSv1.3', 'TLSv1.2').replace('256', '128')}\ndeny-ciphers = CHACHA20`,
    );
    await postfix.flush();
    await Promise.all([old.waitForMessages(1), short.waitForMessages(1)]);
    t.strictSame([old.plain, short.plain], [[], []]);
  },
);

t.test('a clone of the transport with a floor in its map', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const plain = await TlsSink.start({ tls: null });
  const self = await TlsSink.start({ tls: tlsOf('self', ca) });
  t.teardown(() => Promise.all([plain.stop(), self.stop()]));
  const clone = (floor: string) =>
    [
      `tlsward-${floor} unix - - n - - smtp`,
      `  -o smtp_tls_policy_maps=socketmap:unix:tlsward/socketmap.sock:deliver-${floor}`,
    ].join('\n');
  const routes = new Map([
    ['may.example', `smtp:[localhost]:${plain.port}`],
    ['plain.example', `tlsward-encrypt:[localhost]:${plain.port}`],
    ['self.example', `tlsward-encrypt:[localhost]:${self.port}`],
    ['unproven.example', `tlsward-verify:[localhost]:${self.port}`],
    ['chroot.example', `chrooted:[127.0.0.1]:${plain.port}`],
  ]);
  const tables = '[domain localhost]\ndeliver = may\n[domain [127.0.0.1]]\ndeliver = encrypt\n';
  // as in Debian's master.cf; nothing can be resolved in there, hence the address
  const services = [clone('encrypt'), clone('verify'), 'chrooted unix - - y - - smtp'];
  const { postfix } = await site(t, ca, tables, routes, { services });
  const sent = async (domain: string) => (await outcome(postfix, await submit(postfix, `bob@${domain}`))).dsn;
  t.equal(await sent('plain.example'), '4.7.4');
  t.equal(await sent('unproven.example'), '4.7.5');
  t.equal(
    await sent('chroot.example'),
    '4.7.4',
    'the path in the fragment is right for a chrooted smtp(8) too',
  );
  t.strictSame([plain.received, self.received], [[], []]);
  t.equal(await sent('self.example'), '2.0.0');
  t.equal(await sent('may.example'), '2.0.0', 'the same hop by the ordinary transport: its row says may');
  t.strictSame([plain.plain.length, self.plain.length], [1, 0]);
});

t.test('what an administrator asks with postmap', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const tables = '[domains]\nbank.example = encrypt\n.bank.example = verify\nclinic.example = may\n';
  const { daemon, map } = await site(t, ca, tables, new Map());
  const encrypt = 'encrypt protocols=>=TLSv1.2 ciphers=high\n';
  const verify = 'verify protocols=>=TLSv1.2 ciphers=high\n';
  const questions: readonly (readonly [key: string, want: string])[] = [
    ['bank.example', encrypt],
    ['BANK.Example', encrypt],
    ['bank.example.', encrypt],
    ['[bank.example]:25', encrypt],
    ['a.b.bank.example', verify],
    ['.bank.example', ''],
    ['clinic.example', ''],
    ['other.example', ''],
  ];
  for (const [key, want] of questions) {
    const { status, stdout, stderr } = await run('postmap', ['-q', key, `${map}:deliver`]);
    t.strictSame([status, stdout, stderr], [want === '' ? 1 : 0, want, ''], key);
  }
  const unreadable = await run('postmap', ['-q', 'bank .example', `${map}:deliver`]);
  t.equal(unreadable.stdout, '');
  t.match(unreadable.stderr, /temporary error: tlsward: the next hop is not a domain/);
  const unknown = await run('postmap', ['-q', 'bank.example', `${map}:deliverr`]);
  t.match(
    unknown.stderr,
    /temporary error: tlsward has no map of this name; there are deliver, deliver-encrypt/,
  );
  t.equal((await daemon.command('explain', '--deliver', 'bank .example')).status, 75);
  const json = await daemon.command('explain', '--deliver', 'bank.example', '--json');
  t.match(JSON.parse(json.stdout), { answer: `OK ${encrypt.trimEnd()}`, row: { pattern: 'bank.example' } });
});

t.test('with tlsward dead or silent nothing leaves', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const plain = await TlsSink.start({ tls: null });
  const right = await TlsSink.start({ tls: tlsOf('right', ca) });
  t.teardown(() => Promise.all([plain.stop(), right.stop()]));
  const routes = new Map([
    ['strict.example', `smtp:[localhost]:${plain.port}`],
    ['right.example', `smtp:[localhost]:${right.port}`],
  ]);
  const tables = `[domain [localhost]:${plain.port}]\ndeliver = encrypt\n[domain [localhost]:${right.port}]\ndeliver = secure\n`;
  const { postfix, daemon } = await site(t, ca, tables, routes);
  await daemon.kill();
  const ids = [await submit(postfix, 'bob@strict.example'), await submit(postfix, 'bob@right.example')];
  for (const id of ids) {
    const { dsn, line } = await outcome(postfix, id);
    t.equal(dsn, '4.7.5', line);
    t.match(line, /status=deferred \(client TLS configuration problem\)/);
  }
  t.strictSame([plain.connections, right.connections], [0, 0], 'no server was even spoken to');

  await daemon.start();
  const from = postfix.logMark();
  await postfix.flush();
  t.equal((await outcome(postfix, ids[0]!, from)).dsn, '4.7.4', 'back again: the row holds');
  t.equal((await outcome(postfix, ids[1]!, from)).dsn, '2.0.0');
  t.strictSame([plain.received, right.plain, right.messages.length], [[], [], 1]);

  // restarted and reloaded all the while: whatever is asked in between is answered by a table or not at all
  const busy = (async () => {
    for (let i = 0; i < 3; i++) {
      await daemon.restart();
      await daemon.reload(tables);
    }
  })();
  const more: string[] = [];
  for (let i = 0; i < 30; i++) more.push(await submit(postfix, `bob@${i % 2 ? 'strict' : 'right'}.example`));
  await busy;
  for (const id of more) t.match((await outcome(postfix, id)).dsn, /^(?:2\.0\.0|4\.7\.[45])$/);
  t.strictSame([plain.received, right.plain], [[], []]);
});

t.test('a row that is raised counts at once, although connections are kept', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const sink = await TlsSink.start({ tls: null, delayMs: 15 });
  t.teardown(() => sink.stop());
  const tables = (level: string) => `[domain [localhost]:${sink.port}]\ndeliver = ${level}\n`;
  const routes = new Map([['bulk.example', `smtp:[localhost]:${sink.port}`]]);
  const { postfix, daemon } = await site(t, ca, tables('may'), routes, {
    main: { smtp_destination_concurrency_limit: '4', initial_destination_concurrency: '4' },
  });
  let count = 0;
  let raised = Number.POSITIVE_INFINITY;
  const submitted = (async () => {
    const client = await openSession(postfix.port('plain'));
    // more comes after the change, so that what waits is never nothing, however fast it leaves
    for (let after = 0; after < 20 || count < 150; after += Number(performance.now() > raised))
      await client.send({ from: 'alice@local.example', to: `u${count++}@bulk.example` });
    await client.quit();
  })();
  await sink.waitForMessages(10);
  t.equal((await daemon.reload(tables('encrypt'))).event, 'config.loaded');
  raised = performance.now();
  await submitted;
  await postfix.waitForLog(/dsn=4\.7\.4, status=deferred/);
  const moving = async () =>
    (await postfix.queue()).filter(({ queue_name }) => queue_name !== 'deferred').length > 0;
  await until(
    30_000,
    'end of all deliveries',
    async () => !(await moving()),
    () => postfix.log().slice(-3000),
    200,
  );
  const sent = sink.messages.length;
  t.ok(sent >= 10 && sent < count, `${sent} of ${count} were sent before the change`);
  t.equal((await postfix.queue()).length, count - sent, 'the others wait');
  // a delivery that had its answer already may still be on its way for the length of one SMTP session
  const late = sink.received.filter(({ at }) => at > raised + SESSION_MS);
  t.strictSame(late, [], 'none was sent later');
  const after = sink.received.length;
  const { dsn, line } = await outcome(postfix, await submit(postfix, 'late@bulk.example'));
  t.equal(dsn, '4.7.4', line);
  t.equal(sink.received.length, after, 'nor a new one');
});
