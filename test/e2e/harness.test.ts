/**
 * The end-to-end harness proved against the real Postfix, with no tlsward involved: what the other end-to-end tests take
 * for granted (mail arrives, TLS states are what they claim to be, nothing is left behind) is asserted here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Daemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { parseMessage } from './harness/message.ts';
import { Postfix, startPostfix } from './harness/mta/postfix.ts';
import { findRoot, STAMP, selectedRelease } from './harness/mta/postfix-releases.ts';
import { createCa } from './harness/peers/ca.ts';
import { startPolicyStub } from './harness/peers/policy-stub.ts';
import { SmtpClient, type TlsOptions } from './harness/peers/smtp.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { portOpen, sessionMembers } from './harness/processes.ts';
import { command, e2eSkip, findCommand, missingRequirements, skipReason } from './harness/requirements.ts';

const skip = e2eSkip();
const BOB = 'bob@local.example';
const OLD: TlsOptions = { ciphers: 'ALL:@SECLEVEL=0' };

t.test('requirements', (t) => {
  t.equal(skipReason([], true), false);
  t.match(skipReason(['no user postfix'], false), /no user postfix/);
  t.throws(() => skipReason(['no user postfix'], true), /no user postfix/);
  t.equal(findCommand('tlsward-no-such-command'), null);
  t.throws(() => command('tlsward-no-such-command'), /command not found/);
  t.ok(Array.isArray(missingRequirements(['openssl'])));
  t.end();
});

t.test('roots of other releases', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-roots-'));
  const { TLSWARD_ROOTS: roots, TLSWARD_POSTFIX: selected } = process.env;
  t.teardown(() => {
    rmSync(dir, { recursive: true });
    for (const [name, value] of Object.entries({ TLSWARD_ROOTS: roots, TLSWARD_POSTFIX: selected }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  process.env.TLSWARD_ROOTS = dir;
  const root = join(dir, 'trixie');
  mkdirSync(root, { mode: 0o755 });
  t.equal(findRoot('trixie'), null, 'one that is not complete is not used');
  writeFileSync(join(root, STAMP), '3.10.13\n');
  t.strictSame(findRoot('trixie'), { release: 'trixie', dir: root, version: '3.10.13' });
  t.equal(findRoot('sid'), null);
  for (const folder of [root, dir]) {
    chmodSync(folder, 0o777);
    t.equal(findRoot('trixie'), null, 'nor one that others may write to');
    chmodSync(folder, 0o755);
  }
  if (process.getuid?.() === 0) {
    chownSync(root, 65_534, 65_534);
    t.equal(findRoot('trixie'), null, 'nor one of somebody else');
  }
  process.env.TLSWARD_POSTFIX = 'buzz';
  t.throws(selectedRelease, /expected one of trixie, sid/);
  process.env.TLSWARD_POSTFIX = 'sid';
  t.match(missingRequirements(['postfix']), [/no root of sid/]);
  t.end();
});

t.test('messages', (t) => {
  const message = parseMessage(Buffer.from('Subject: a\n b\nX-A: 1\nx-a:2\n\nbody\xe4\n\nmore\n', 'latin1'));
  t.equal(message.first('subject'), 'a b');
  t.strictSame(message.all('X-A'), ['1', '2']);
  t.equal(message.first('X-B'), null);
  t.equal(message.body, 'body\xe4\n\nmore\n');
  t.end();
});

t.test('SMTP client against a server that misbehaves', async (t) => {
  const answers = ['', '220 ready\r\nnonsense\r\n', '220-one\r\n220 two\r\n'];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(answers.shift() ?? '');
    if (answers.length === 0) socket.end();
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await t.rejects(SmtpClient.connect(port, { timeoutMs: 100 }), /no greeting within 100 ms/);
  const second = await SmtpClient.connect(port);
  await t.rejects(second.reply(), /malformed reply line: nonsense/);
  second.destroy();
  const third = await SmtpClient.connect(port);
  t.strictSame(third.greeting, { code: 220, enhanced: null, text: 'one\ntwo', lines: ['one', 'two'] });
  await t.rejects(third.ehlo(), /connection closed by the server/);
  third.destroy();
});

t.test('certificates', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const openssl = (...args: string[]) => execFileSync(command('openssl'), args, { stdio: 'pipe' }).toString();
  const { right, selfSigned, expired, sanOnly } = ca.clients;
  const printed = openssl('x509', '-in', right.certFile, '-noout', '-fingerprint', '-sha256');
  t.equal(right.fingerprint, printed.trim().split('=')[1]);
  t.not(right.pubkeyFingerprint, right.fingerprint);
  t.match(openssl('verify', '-CAfile', ca.caFile, right.certFile, sanOnly.certFile), /OK\n.*OK/);
  t.throws(() => openssl('verify', '-CAfile', ca.caFile, expired.certFile), /certificate has expired/);
  t.throws(() => openssl('verify', '-CAfile', ca.caFile, selfSigned.certFile), /self-signed/);
  const more = ca.issue('more', {
    subject: '/CN=a.out.gov.example',
    san: ['a.out.gov.example', 'b.example'],
  });
  t.match(
    openssl('x509', '-in', more.certFile, '-noout', '-text'),
    /CN = a.out.*DNS:a.out.gov.example, DNS:b.example/s,
  );
});

t.test('Postfix', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const postfix = await startPostfix({ ca, localDomains: ['local.example', 'other.example'] });
  t.teardown(() => postfix.close());
  t.afterEach(() => postfix.clear());

  /** Send one message to bob and return its Received header. */
  async function received(listener: string, tls?: TlsOptions | true): Promise<string> {
    const client = await openSession(postfix.port(listener), tls === undefined ? {} : { tls });
    const { last } = await client.send({ from: 'alice@gov.example', to: BOB });
    await client.quit();
    if (last.code !== 250) throw new Error(`${last.code} ${last.text}`);
    const [message] = await postfix.waitForDelivered(BOB);
    await postfix.clear();
    return message!.first('Received')!;
  }

  t.test('delivers what was sent, several messages on one connection', async (t) => {
    const client = await openSession(postfix.port(), { helo: 'mx1.gov.example' });
    t.ok(client.extensions.has('STARTTLS'));
    t.equal(client.tls, null);
    const body = 'first\n.dot\n..two\n\nlast';
    const one = await client.send({ from: 'a@gov.example', to: BOB, text: `Subject: one\n\n${body}\n` });
    const two = await client.send({ from: '', to: [BOB, 'carl@other.example'], text: 'Subject: two\n\nx\n' });
    t.match(one.end, { code: 250, enhanced: '2.0.0', text: /^Ok: queued as/ });
    t.match(one.queueId, /^\w+$/);
    t.equal(two.rcpt.length, 2);
    const refused = await client.send({ from: 'a@gov.example', to: ['no-domain@', 'x@local.example'] });
    t.match(refused.rcpt[0], { code: 501, enhanced: /^5/ });
    t.equal(refused.last.code, 250);
    await client.quit();
    const messages = await postfix.waitForDelivered(BOB, { count: 2 });
    t.strictSame(
      messages.map((message) => message.first('Subject')),
      ['one', 'two'],
    );
    t.equal(messages[0]!.body, `${body}\n`);
    t.equal(messages[0]!.first('Return-Path'), '<a@gov.example>');
    t.match(
      messages[0]!.first('Received'),
      /from mx1\.gov\.example \(unknown \[127\.0\.0\.1\]\)\s+by .* with ESMTP id/,
    );
    const [copy] = await postfix.waitForDelivered('carl@other.example');
    t.equal(copy!.first('Subject'), 'two');
    t.equal(copy!.first('Return-Path'), '<>');
    await postfix.waitForLog(/disconnect from .* mail=3 rcpt=4\/5 data=3 /);
  });

  t.test('TLS versions and ciphers', async (t) => {
    t.match(
      await received('smtp', { minVersion: 'TLSv1.3' }),
      /using TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256/,
    );
    const tls12: TlsOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' };
    t.match(
      await received('smtp', tls12),
      /using TLSv1\.2 with cipher ECDHE-RSA-AES128-GCM-SHA256 \(128\/128 bits\)/,
    );
    const tls10: TlsOptions = { ...OLD, minVersion: 'TLSv1', maxVersion: 'TLSv1' };
    t.match(await received('weak', tls10), /using TLSv1 with cipher/);
    t.match(
      await received('weak', { ...OLD, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }),
      /using TLSv1\.1 with/,
    );
    const none: TlsOptions = { maxVersion: 'TLSv1.2', ciphers: 'eNULL:@SECLEVEL=0' };
    t.match(await received('weak', none), /using TLSv1\.2 with cipher ECDHE-RSA-NULL-SHA \(0\/0 bits\)/);
    await t.rejects(received('smtp', tls10), 'the ordinary listener refuses TLS 1.0');
    await t.rejects(
      openSession(postfix.port(), { tls: { ca: ca.ca, servername: 'wrong.example' } }),
      /altnames/,
    );
    const client = await openSession(postfix.port(), { tls: { ca: ca.ca, servername: postfix.hostname } });
    t.strictSame(client.tls, { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' });
    t.notOk(client.extensions.has('STARTTLS'));
    await client.quit();
  });

  t.test('no TLS', async (t) => {
    t.notMatch(await received('plain'), /using TLS/);
    const client = await SmtpClient.connect(postfix.port('plain'));
    await client.ehlo();
    t.notOk(client.extensions.has('STARTTLS'));
    t.match(await client.starttls(), { code: 502, enhanced: '5.5.1' });
    await client.quit();
  });

  t.test('client certificates', async (t) => {
    const { right, wrong, sanOnly, selfSigned, expired } = ca.clients;
    t.match(await received('smtp', true), /\(Client did not present a certificate\)/);
    t.match(
      await received('smtp', right),
      /\(Client CN "mx1\.gov\.example", Issuer "Test Root CA" \(verified OK\)\)/,
    );
    t.match(await received('smtp', wrong), /\(Client CN "mx1\.other\.example", .* \(verified OK\)\)/);
    t.match(await received('smtp', sanOnly), /Issuer "Test Root CA" \(verified OK\)\)/);
    t.match(await received('smtp', selfSigned), /\(Client CN "mx1\.gov\.example", .* \(not verified\)\)/);
    t.match(await received('smtp', expired), /\(Client CN "mx1\.gov\.example", .* \(not verified\)\)/);
    t.match(await received('smtp', { ...right, maxVersion: 'TLSv1.2' }), /TLSv1\.2 .*\(verified OK\)/s);
    t.match(await received('weak', right), /\(No client certificate requested\)/);
  });

  t.test('policy delegation sees the same facts', async (t) => {
    const stub = await startPolicyStub();
    t.teardown(() => stub.close());
    const limits = 'timeout=5s, try_limit=2, retry_delay=1s';
    const fallback = '{ default_action = DEFER_IF_PERMIT 4.7.1 TLS policy service unavailable }';
    const service = `check_policy_service { ${stub.address}, ${limits}, ${fallback} }`;
    await postfix.setMain({ smtpd_recipient_restrictions: service });
    t.teardown(() => postfix.setMain({ smtpd_recipient_restrictions: '' }));
    t.equal(postfix.main('smtpd_recipient_restrictions'), service);

    const { right, selfSigned } = ca.clients;
    await received('smtp', right);
    const trusted = Object.fromEntries(stub.requests[0]!);
    t.match(trusted, {
      request: 'smtpd_access_policy',
      protocol_state: 'RCPT',
      client_address: '127.0.0.1',
      sender: 'alice@gov.example',
      recipient: BOB,
      ccert_subject: 'mx1.gov.example',
      ccert_issuer: 'Test+20Root+20CA',
      ccert_fingerprint: right.fingerprint,
      ccert_pubkey_fingerprint: right.pubkeyFingerprint,
      encryption_protocol: 'TLSv1.3',
      encryption_keysize: '256',
    });
    await received('smtp', selfSigned);
    t.match(Object.fromEntries(stub.requests[1]!), {
      ccert_subject: '',
      ccert_issuer: '',
      ccert_fingerprint: selfSigned.fingerprint,
    });

    stub.action = '550 5.7.6 too weak';
    const client = await openSession(postfix.port());
    t.match(await client.send({ from: 'a@gov.example', to: BOB }), {
      last: { code: 550, enhanced: '5.7.6', text: /Recipient address rejected: too weak/ },
      data: null,
    });
    await stub.close();
    await postfix.setMain({
      smtpd_recipient_restrictions: service.replace('try_limit=2', 'try_limit=1'),
    });
    const later = await openSession(postfix.port());
    t.match(await later.send({ from: 'a@gov.example', to: BOB }), {
      last: { code: 450, enhanced: '4.7.1', text: /TLS policy service unavailable/ },
    });
    await client.quit();
    await later.quit();
  });

  t.test('a milter that is down', async (t) => {
    await postfix.setMain({ smtpd_milters: `{ unix:${postfix.dir}/none.sock, default_action=tempfail }` });
    t.teardown(() => postfix.setMain({ smtpd_milters: null }));
    const client = await openSession(postfix.port());
    t.match(await client.mail('a@gov.example'), { code: 451, enhanced: '4.7.1' });
    await client.quit();
  });

  t.test('authenticated submission', async (t) => {
    const far = 'someone@far.example';
    const outside = { localAddress: '127.0.0.9', tls: true } as const;
    const auth = { user: 'alice', password: 'secret' };
    const client = await openSession(postfix.port('submission'), { ...outside, auth });
    const sent = await client.send({ from: 'alice@local.example', to: [BOB, far] });
    t.equal(sent.end?.code, 250);
    await client.quit();
    await postfix.waitForLog(/sasl_method=PLAIN, sasl_username=alice/);
    t.match((await postfix.waitForDelivered(BOB))[0]!.first('Received'), /with ESMTPSA id/);
    const entry = await postfix.waitForQueue(({ queue_name }) => queue_name === 'deferred');
    t.match(entry, { queue_id: sent.queueId, recipients: [{ address: far }], sender: 'alice@local.example' });

    const login = { user: 'alice', password: 'wrong' };
    await t.rejects(openSession(postfix.port('submission'), { ...outside, auth: login }), /AUTH got 535/);
    const wrapped = await openSession(postfix.port('wrapped'), {
      localAddress: '127.0.0.9',
      wrapped: {},
      auth,
    });
    t.equal(wrapped.tls?.protocol, 'TLSv1.3');
    await wrapped.quit();
    const nobody = await openSession(postfix.port('submission'), outside);
    t.equal((await nobody.send({ from: 'alice@local.example', to: BOB })).last.code, 554);
    await nobody.quit();
    const plain = await openSession(postfix.port('submission'));
    t.match(await plain.mail('alice@local.example'), { code: 530, enhanced: '5.7.0' });
    await plain.quit();
    const relay = await openSession(postfix.port(), outside);
    t.match(await relay.send({ from: 'x@gov.example', to: far }), { last: { code: 554, enhanced: '5.7.1' } });
    await relay.quit();
  });

  t.test('local submission', async (t) => {
    await postfix.sendmail(['-f', 'root@local.example', BOB], 'Subject: picked up\n\nHello.\n');
    const [message] = await postfix.waitForDelivered(BOB);
    t.equal(message!.first('Subject'), 'picked up');
    t.match(message!.first('Received'), /\(Postfix, from userid 0\)/);
  });

  t.test('hold queue by access table and by header checks', async (t) => {
    const table = postfix.file('hold', `${BOB} HOLD waits for a test\n`);
    await postfix.setMain({ smtpd_recipient_restrictions: `check_recipient_access texthash:${table}` });
    const client = await openSession(postfix.port());
    const { queueId } = await client.send({ from: 'a@gov.example', to: BOB, text: 'Subject: held\n\nx\n' });
    await postfix.waitForLog(/NOQUEUE: hold: RCPT from .* waits for a test/);
    const held = await postfix.waitForQueue(({ queue_name }) => queue_name === 'hold');
    t.match(held, { queue_id: queueId, sender: 'a@gov.example', recipients: [{ address: BOB }] });
    t.equal((await postfix.queued(queueId!)).first('Subject'), 'held');
    t.strictSame(postfix.delivered(BOB), []);
    await postfix.release(queueId!);
    t.equal((await postfix.waitForDelivered(BOB))[0]!.first('Subject'), 'held');
    t.strictSame(await postfix.left(), []);

    await client.quit();
    const checks = postfix.file('checks', '/^X-Hold:/ HOLD\n');
    await postfix.setMain({ smtpd_recipient_restrictions: '', header_checks: `regexp:${checks}` });
    await postfix.sendmail(['-f', 'a@local.example', BOB], 'X-Hold: yes\n\nx\n');
    t.ok(await postfix.waitForQueue(({ queue_name }) => queue_name === 'hold'));
    await postfix.setMain({ header_checks: null });
  });

  t.test('another client by XCLIENT', async (t) => {
    await postfix.setMain({ smtpd_authorized_xclient_hosts: '127.0.0.1' });
    t.teardown(() => postfix.setMain({ smtpd_authorized_xclient_hosts: null }));
    const client = await openSession(postfix.port(), { tls: true });
    const attributes = { ADDR: '192.0.2.7', NAME: 'mx1.gov.example' };
    t.equal((await client.xclient(attributes)).code, 220);
    await client.ehlo('mx1.gov.example');
    t.equal((await client.send({ from: 'a@gov.example', to: BOB })).last.code, 250);
    await client.quit();
    const [message] = await postfix.waitForDelivered(BOB);
    t.match(message!.first('Received'), /mx1\.gov\.example \[192\.0\.2\.7\]/);
  });

  t.test('pipelined raw bytes', async (t) => {
    const client = await openSession(postfix.port());
    client.write(`MAIL FROM:<a@gov.example>\r\nRCPT TO:<${BOB}>\r\nBOGUS\r\n`);
    const codes = [(await client.reply()).code, (await client.reply()).code, (await client.reply()).code];
    t.strictSame(codes, [250, 250, 500]);
    await client.quit();
    t.match(client.transcript.slice(-2), ['C: QUIT', 'S: 221 2.0.0 Bye']);
  });
});

t.test('two instances side by side, and what stop leaves', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const listeners = { relay: { smtpd_tls_security_level: 'none', syslog_name: 'postfix/relay' } };
  const [one, two] = await Promise.all([
    startPostfix({ ca, listeners }),
    startPostfix({ ca, hostname: 'two.example' }),
  ]);
  t.teardown(() => Promise.all([one.close(), two.close()]));
  const ports = [...one.ports.values(), ...two.ports.values()];
  t.equal(new Set(ports).size, 11, 'no port is shared');

  // Real SMTP from one to the other.
  await one.setMain({ default_transport: 'smtp', relayhost: `[127.0.0.1]:${two.port()}` });
  const client = await openSession(one.port('relay'));
  await client.send({ from: 'a@gov.example', to: 'far@local.example' });
  t.equal((await client.send({ from: 'a@gov.example', to: 'far@far.example' })).last.code, 250);
  await client.quit();
  t.equal((await one.waitForDelivered('far@local.example')).length, 1);
  t.strictSame(two.delivered('far@local.example'), []);
  await one.waitForLog(/postfix\/smtp\[\d+\]: .*TLS connection established to 127\.0\.0\.1.*TLSv1\.3/);
  await two.waitForLog(/to=<far@far\.example>, relay=none, .*status=deferred/);

  const { pid } = one;
  t.ok(sessionMembers(pid).length > 3);
  await one.stop();
  t.strictSame(sessionMembers(pid), [], 'no process is left');
  for (const port of one.ports.values()) t.equal(await portOpen(port), false);
  t.equal(await portOpen(two.port()), true, 'the other instance goes on');
  t.throws(() => one.pid, /not running/);

  const before = one.port();
  await one.start();
  t.equal(one.port(), before, 'a restart keeps the ports');
  t.equal((await one.waitForDelivered('far@local.example')).length, 1, 'and the mail');
  await t.rejects(one.start(), /already running/);
  const idle = await openSession(one.port());
  await one.stop();
  await one.stop();
  await idle.closed();

  const taken = createServer().listen(before, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  await one.start();
  t.not(one.port(), before, 'a port that somebody else took is replaced');
  t.equal(await portOpen(one.port()), true);
  await new Promise((resolve) => taken.close(resolve));

  const broken = new Postfix({ ca, services: ['nonsense'] });
  await t.rejects(
    broken.start(),
    // later versions say the reason to syslog only
    broken.since(3, 8) ? /master ended at start/ : /missing "transport type" field/,
    'a broken configuration fails with its reason',
  );
  await broken.close();
  t.notOk(existsSync(broken.dir));
});

t.test('Postfix ends when its test dies', { skip }, async (t) => {
  const module = (name: string) =>
    JSON.stringify(new URL(name, new URL('./harness/mta/', import.meta.url)).href);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const script = `
    const { createCa } = await import(${module(`../peers/ca.${extension}`)});
    const { startPostfix } = await import(${module(`postfix.${extension}`)});
    const ca = createCa();
    const postfix = await startPostfix({ ca });
    console.log(JSON.stringify({ pid: postfix.pid, dirs: [ca.dir, postfix.dir] }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const { pid, dirs } = await until(
    20_000,
    'Postfix of the child',
    () => output.endsWith('}\n') && JSON.parse(output),
  );
  t.teardown(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });
  t.ok(sessionMembers(pid).length > 0);
  child.kill('SIGKILL');
  await until(10_000, 'end of master', () => sessionMembers(pid).length === 0);
  t.pass('master and its daemons are gone');
});

/** Stands in for tlsward: same arguments, same promises about listeners, log lines, SIGHUP and SIGTERM. */
const FAKE = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
const log = (event, more) => console.log(JSON.stringify({ level: 30, event, ...more }));
const [verb, flag, file] = process.argv.slice(2);
const read = () => readFileSync(file, 'utf8');
if (verb !== 'serve' || flag !== '--config' || read().includes('broken')) { console.error('bad config'); process.exit(78); }
log('config.loaded', { generation: 1 });
const servers = [...read().matchAll(/^\\w+-listen = (unix|inet):(.*)$/gm)].map(([, kind, where]) => {
  const server = createServer((socket) => socket.end('hello'));
  const [host, port] = where.split(':');
  server.listen(kind === 'unix' ? where : { host, port }, () => console.error('listening on ' + where));
  return server;
});
process.on('SIGHUP', () => log(read().includes('mistake') ? 'config.rejected' : 'config.loaded', { generation: 2 }));
process.on('SIGTERM', () => { for (const server of servers) server.close(); });
`;

t.test('the daemon runner', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-fake-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const program = join(dir, 'fake.mjs');
  writeFileSync(program, FAKE);
  for (const transport of ['unix', 'inet'] as const) {
    const daemon = await Daemon.create({
      tables: '[domains]\n* = may',
      program,
      transport,
      service: { 'mark-name': 'X-A' },
    });
    t.teardown(() => daemon.close());
    await daemon.start();
    t.match(
      daemon.address('policy'),
      transport === 'unix' ? /^unix:\/.*policy\.sock$/ : /^inet:127\.0\.0\.1:\d+$/,
    );
    t.match(daemon.address('control'), /^unix:/);
    t.ok(daemon.policyService().includes(daemon.address('policy')));
    t.ok(daemon.milterService().includes(daemon.address('milter')));
    t.throws(() => daemon.address('socketmap'), /no protocol socketmap/);
    t.match(await daemon.reload(), { event: 'config.loaded', generation: 2 });
    t.match(await daemon.reload('mistake'), { event: 'config.rejected' });
    t.equal(daemon.events('config.loaded').length, 2);
    t.match(daemon.text, /listening on/);
    await t.rejects(daemon.waitForEvent('never', { timeoutMs: 50 }), /no event never within 50 ms/);
    const { pid } = daemon;
    await daemon.restart();
    t.not(daemon.pid, pid);
    t.equal(await daemon.stop(), 0);
    t.equal(await daemon.stop(), null, 'stopping twice is nothing');
    await daemon.start();
    await daemon.kill();
    t.throws(() => daemon.pid, /not running/);
    daemon.setTables('broken');
    await t.rejects(daemon.start(), /ended at start \(78\):\nbad config/);
  }
});
