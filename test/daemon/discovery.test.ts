/**
 * A daemon with rows that follow what domains publish: answers to Postfix and Sendmail, order on a connection while
 * something is looked up, a reload meanwhile, other policy servers, and what administrators are told.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as published } from '../../src/cli/published.ts';
import { run as status } from '../../src/cli/status.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { FakeDns, finderOver, gate, policyFile, TLSA } from '../discovery/fakes.ts';
import { until } from '../until.ts';
import { startDaemon, type TestDaemon } from './startDaemon.ts';

const HEAD = 'socketmap-listen = unix:socketmap.sock\n';
const ROWS = `[domains]
encrypt.example = encrypt
[domain *]
deliver = auto
[domain .least.example]
deliver = auto
deliver-floor = encrypt
[domain watched.example]
deliver = auto
mode = observe
`;
const TABLE = `${HEAD}resolver = 127.0.0.1\n${ROWS}`;
const FLOORS = 'protocols=>=TLSv1.2 ciphers=high';

function world(): { readonly dns: FakeDns; readonly files: Map<string, string> } {
  const dns = new FakeDns();
  dns.domain('dane.example', { tlsa: [TLSA], id: '1' });
  dns.domain('sts.example', { id: '20261122' });
  dns.domain('testing.example', { id: '1' });
  dns.domain('gone.example', { id: '1' });
  dns.domain('plain.example');
  dns.domain('a.least.example');
  dns.domain('unsure.example');
  dns.failing.add('TXT _mta-sts.unsure.example');
  dns.domain('bogus.example');
  dns.failing.add('MX bogus.example');
  const files = new Map([
    ['dane.example', policyFile('enforce', ['elsewhere.example'])],
    ['sts.example', policyFile('enforce', ['mx.sts.example', '*.out.example'])],
    ['testing.example', policyFile('testing', ['mx.testing.example'])],
  ]);
  return { dns, files };
}

async function opened(t: Test, { open }: TestDaemon): Promise<Socket> {
  const socket = await open('socketmap');
  t.teardown(() => socket.destroy());
  return socket;
}

/** Sends all at once; replies as they come. */
function ask(
  socket: Socket,
  ...questions: readonly (readonly [map: string, key: string])[]
): Promise<string[]> {
  const decoder = new SocketmapReplyDecoder();
  const found: string[] = [];
  const answered = new Promise<string[]>((resolve) => {
    const onData = (chunk: Buffer): void => {
      decoder.push(chunk);
      for (let reply = decoder.next(); reply !== null; reply = decoder.next())
        found.push(formatSocketmapReply(reply));
      if (found.length < questions.length) return;
      socket.removeListener('data', onData);
      resolve(found);
    };
    socket.on('data', onData);
  });
  socket.write(Buffer.concat(questions.map(([map, key]) => encodeSocketmapRequest(map, key))));
  return answered;
}

const CASES: readonly (readonly [map: string, key: string, reply: string | RegExp])[] = [
  ['deliver', 'dane.example', `OK dane-only ${FLOORS}`],
  ['deliver', 'Dane.Example.', `OK dane-only ${FLOORS}`],
  ['deliver', 'sts.example', `OK secure match=mx.sts.example:.out.example servername=hostname ${FLOORS}`],
  ['deliver-encrypt', 'sts.example', /^OK secure match=mx\.sts\.example/],
  ['deliver', '[mx.sts.example]', 'NOTFOUND '],
  ['deliver', '[mx.dane.example]:25', `OK dane-only ${FLOORS}`],
  ['deliver', '[mx.dane.example]:587', 'NOTFOUND '],
  ['deliver', 'testing.example', 'NOTFOUND '],
  ['deliver', 'gone.example', 'NOTFOUND '],
  ['deliver', 'plain.example', 'NOTFOUND '],
  ['deliver', '.plain.example', 'NOTFOUND '],
  ['deliver-encrypt', 'plain.example', `OK encrypt ${FLOORS}`],
  ['deliver-verify', 'plain.example', `OK verify ${FLOORS}`],
  ['deliver', 'a.least.example', `OK encrypt ${FLOORS}`],
  ['deliver', '[192.0.2.9]', 'NOTFOUND '],
  [
    'deliver',
    'unsure.example',
    /^TEMP tlsward: MTA-STS: SERVFAIL for TXT _mta-sts\.unsure\.example \(row \*\)$/,
  ],
  ['deliver-verify', 'unsure.example', /^TEMP /],
  ['deliver', 'bogus.example', /^TEMP tlsward: DANE: SERVFAIL for MX bogus\.example/],
  ['deliver', 'watched.example', 'NOTFOUND '],
  ['deliver', 'encrypt.example', `OK encrypt ${FLOORS}`],
  ['tls_rcpt', 'tls_rcpt:u@dane.example', 'OK TEMP+ENCR:128'],
  ['tls_rcpt', 'tls_rcpt:u@sts.example', 'OK TEMP+ENCR:128'],
  ['tls_rcpt', 'tls_rcpt:u@plain.example', 'NOTFOUND '],
  ['tls_rcpt', 'tls_rcpt:u@bogus.example', /^TEMP /],
  ['sts', 'sts.example', 'OK secure match=mx.sts.example:.out.example servername=hostname'],
  ['sts', 'plain.example', 'NOTFOUND '],
  ['sts', 'unsure.example', /^TEMP /],
  ['sts', 'encrypt.example', 'NOTFOUND '],
];

test('answers, and what the log says of them', async (t) => {
  const { dns, files } = world();
  const daemon = await startDaemon(t, TABLE, finderOver(dns, files));
  const socket = await opened(t, daemon);
  const replies = await ask(socket, ...CASES.map(([map, key]) => [map, key] as const));
  for (const [i, [map, key, reply]] of CASES.entries()) {
    if (typeof reply === 'string') t.equal(replies[i], reply, `${map} ${key}`);
    else t.match(replies[i], reply, `${map} ${key}`);
  }
  const events = (name: string) => daemon.log().filter(({ event }) => event === name);
  t.match(
    events('sts.policy').find(({ domain }) => domain === 'sts.example'),
    { level: 30, id: '20261122', mode: 'enforce', expires: /^2/ },
  );
  t.match(events('sts.failed'), [
    { level: 40, domain: 'gone.example', failure: 'sts-policy-fetch-error', kept: null },
  ]);
  t.strictSame(events('dane.off'), []);
  t.notOk(
    dns.asked.some((question) => /watched|encrypt\.example/.test(question)),
    'nobody else is looked up',
  );
  const { published: said } = (await daemon.ask('status')) as { published: Record<string, unknown> };
  t.match(said, {
    kind: 'own',
    resolver: ['127.0.0.1:53'],
    daneOff: '',
    counters: { asked: Number, running: 0, tooMany: 0, late: 0 },
    sts: { policies: 3, failed: 1 },
  });
});

test('answers keep their order while one is looked up; other connections and rows do not wait', async (t) => {
  const { dns, files } = world();
  const daemon = await startDaemon(t, TABLE, finderOver(dns, files));
  const slow = gate();
  dns.gate = slow.wait;
  const [one, other] = [await opened(t, daemon), await opened(t, daemon)];
  let done = false;
  const answers = ask(
    one,
    ['deliver', 'encrypt.example'],
    ['deliver', 'sts.example'],
    ['deliver', 'encrypt.example'],
    ['deliver', 'dane.example'],
    ['deliver', 'watched.example'],
  ).then((replies) => {
    done = true;
    return replies;
  });
  t.strictSame(await ask(other, ['deliver', 'encrypt.example'], ['deliver', '[192.0.2.1]']), [
    `OK encrypt ${FLOORS}`,
    'NOTFOUND ',
  ]);
  t.equal(done, false);
  t.match(await daemon.ask('status'), { published: { counters: { running: 1 } } });
  slow.open();
  t.match(await answers, [
    /^OK encrypt/,
    /^OK secure match=mx\.sts\.example/,
    /^OK encrypt/,
    /^OK dane-only/,
    'NOTFOUND ',
  ]);
  const many = Array.from(
    { length: 300 },
    (_, i) => ['deliver', i % 3 ? 'sts.example' : 'plain.example'] as const,
  );
  const replies = await ask(other, ...many);
  t.ok(replies.every((reply, i) => reply.startsWith(i % 3 ? 'OK secure ' : 'NOTFOUND ')));
});

test('a reload while something is looked up', async (t) => {
  const { dns, files } = world();
  const daemon = await startDaemon(t, TABLE, finderOver(dns, files));
  const slow = gate();
  dns.gate = slow.wait;
  const socket = await opened(t, daemon);
  const answers = ask(socket, ['deliver', 'plain.example'], ['deliver', 'testing.example']);
  await until(() => dns.asked.length > 0);
  daemon.write(`${TABLE}[domain plain.example]\ndeliver = encrypt\n`);
  t.match(await daemon.ask('reload'), { ok: true });
  slow.open();
  t.strictSame(await answers, [`OK encrypt ${FLOORS}`, 'NOTFOUND '], 'what was raised meanwhile counts');

  const again = gate();
  dns.gate = again.wait;
  const before = ask(socket, ['deliver', 'sts.example']);
  await until(() => dns.asked.includes('TXT _mta-sts.sts.example'));
  daemon.write(`${HEAD}${ROWS}`);
  t.match(await daemon.ask('reload'), { ok: true, restartNeeded: [] });
  t.match(await daemon.ask('status'), {
    published: { resolver: [], daneOff: 'no trusted DNSSEC-validating resolver is configured' },
  });
  again.open();
  t.match(await before, [/^OK secure match=mx\.sts\.example/], 'what the old finder began it ends');
  t.strictSame(await ask(socket, ['deliver', 'dane.example'], ['deliver', 'testing.example']), [
    `OK secure match=elsewhere.example servername=hostname ${FLOORS}`,
    'OK dane',
  ]);
  t.equal(daemon.log().filter(({ event }) => event === 'dane.off').length, 1);
});

test('a reload that asks for more than is being looked up', async (t) => {
  const { dns, files } = world();
  const row = (level: string) =>
    TABLE.replace('[domain *]\ndeliver = auto', `[domain *]\ndeliver = ${level}`);
  const daemon = await startDaemon(t, row('dane'), finderOver(dns, files));
  const socket = await opened(t, daemon);
  for (const map of ['deliver-encrypt', 'deliver-verify']) {
    daemon.write(row('dane'));
    await daemon.ask('reload');
    const { wait, open } = gate();
    dns.gate = wait;
    dns.asked.length = 0;
    await daemon.ask('published-forget', 'sts.example');
    const answers = ask(socket, [map, 'sts.example']);
    await until(() => dns.asked.includes('MX sts.example'));
    t.notOk(dns.asked.includes('TXT _mta-sts.sts.example'), 'MTA-STS is nothing to deliver = dane');
    daemon.write(row('auto'));
    t.match(await daemon.ask('reload'), { ok: true });
    open();
    t.match(await answers, [/^OK secure match=mx\.sts\.example:\.out\.example /], 'and counts for auto');
  }
});

test('policies outlive a restart, and a lookup that fails', async (t) => {
  const { dns, files } = world();
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-sts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const table = `${TABLE.replace('[domains]', `sts-cache = ${folder}/sts\n[domains]`)}`;
  const first = await startDaemon(t, table, finderOver(dns, files));
  t.match(await ask(await opened(t, first), ['deliver', 'sts.example']), [/^OK secure/]);
  await first.service.stop(0);
  t.strictSame(readdirSync(join(folder, 'sts')), ['sts.example.json']);
  dns.failing.add('TXT _mta-sts.sts.example');
  files.clear();
  const second = await startDaemon(t, table, finderOver(dns, files));
  t.match(await ask(await opened(t, second), ['deliver', 'sts.example'], ['deliver', 'testing.example']), [
    /^OK secure match=mx\.sts\.example/,
    'NOTFOUND ',
  ]);
  await second.service.stop(0);
  // without a daemon the command reads the folder, and leaves it as it is
  const before = statSync(join(folder, 'sts', 'sts.example.json')).mtimeMs;
  second.write(table.replace('resolver = 127.0.0.1', 'resolver = 127.0.0.1:1'));
  const said = await say(explain, ['--config', second.config, '--deliver', 'sts.example']);
  t.match(
    said.out,
    /MTA-STS {2}mode enforce, id 20261122, mx mx\.sts\.example \*\.out\.example, max_age 7 d\n/,
  );
  t.match(said.out, /by {7}this command\n/);
  t.match(said.out, /^TEMP tlsward: DANE: the resolver could not be tested/);
  t.equal(said.status, 75);
  t.strictSame(readdirSync(join(folder, 'sts')), ['sts.example.json']);
  t.equal(statSync(join(folder, 'sts', 'sts.example.json')).mtimeMs, before);
});

test('a finder that a reload has replaced writes to the folder no more', async (t) => {
  const { dns, files } = world();
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-sts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const table = TABLE.replace('[domains]', `sts-cache = ${folder}\n[domains]`);
  const daemon = await startDaemon(t, table, finderOver(dns, files));
  const [one, other] = [await opened(t, daemon), await opened(t, daemon)];
  t.match(await ask(one, ['deliver', 'sts.example'], ['deliver', 'dane.example']), [
    /^OK secure/,
    /^OK dane/,
  ]);
  // used since: the old finder has that to write as well
  await ask(one, ['deliver', 'sts.example']);
  const slow = gate();
  dns.gate = slow.wait;
  const late = ask(one, ['deliver', 'testing.example']);
  await until(() => dns.asked.includes('TXT _mta-sts.testing.example'));
  dns.gate = Promise.resolve();
  daemon.write(table.replace('127.0.0.1', '127.0.0.2'));
  const reloaded = daemon.ask('reload');
  t.match(await reloaded, { ok: true });
  t.match(await ask(other, ['deliver', 'sts.example']), [/^OK secure/], 'read by the new one');
  dns.domain('dane.example', { tlsa: [TLSA], id: '2' });
  t.match(await daemon.ask('published-refresh', 'dane.example'), { ok: true });
  for (const name of ['sts.example', 'testing.example'])
    t.match(await daemon.ask('published-forget', name), { ok: true });
  slow.open();
  t.match(await late, ['NOTFOUND '], 'answered by the old one');
  await daemon.service.stop(0);
  t.strictSame(readdirSync(folder), ['dane.example.json'], 'nothing that was forgotten is back');
  t.match(JSON.parse(readFileSync(join(folder, 'dane.example.json'), 'utf8')), { id: '2' });
});

test('what is forgotten while a reload replaces the finder stays forgotten', async (t) => {
  const { dns, files } = world();
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-sts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const table = TABLE.replace('[domains]', `sts-cache = ${folder}\n[domains]`);
  const make = finderOver(dns, files);
  const slow = gate();
  let opening = 0;
  const daemon = await startDaemon(t, table, async (settings, events) => {
    const made = await make(settings, events);
    if (++opening === 2) await slow.wait;
    return made;
  });
  t.match(await ask(await opened(t, daemon), ['deliver', 'sts.example']), [/^OK secure/]);
  daemon.write(table.replace('127.0.0.1', '127.0.0.2'));
  const reloaded = daemon.ask('reload');
  await until(() => opening === 2);
  const forgotten = daemon.ask('published-forget', 'sts.example');
  await until(() => daemon.service.open >= 3);
  slow.open();
  t.match(await reloaded, { ok: true });
  t.match(await forgotten, { ok: true, forgotten: true });
  await daemon.service.stop(0);
  t.strictSame(readdirSync(folder), []);
});

test('explain and postmap -q agree', async (t) => {
  const { dns, files } = world();
  const daemon = await startDaemon(t, TABLE, finderOver(dns, files));
  const socket = await opened(t, daemon);
  for (const [map, key] of CASES) {
    const [reply = ''] = await ask(socket, [map, key]);
    const said = await say(explain, ['--config', daemon.config, '--deliver', key, '--map', map]);
    t.equal(said.out.split('\n')[0], reply, `${map} ${key}`);
    t.equal(said.status, reply.startsWith('TEMP') ? 75 : 0);
  }
  const { out } = await say(explain, ['--config', daemon.config, '--deliver', 'sts.example']);
  t.match(out, /\nrow {8}\* \(.*\), domain \* <- built-in may\nsays {7}deliver = auto\n/);
  t.match(out, /\npublished {2}DANE {5}no TLSA records validated by DNSSEC, kept for \d+ (s|min)\n/);
  t.match(
    out,
    /\n {11}MTA-STS {2}mode enforce, id 20261122, mx mx\.sts\.example \*\.out\.example, max_age 7 d\n/,
  );
  t.match(out, /\n {20}fetched 2.*Z \(\d+ s ago\), expires 2.*Z \(in \d d\)\n/);
  t.match(
    out,
    /\n {11}by {7}the running daemon\nfollows {4}MTA-STS in mode enforce\nmeans {6}Postfix sends under TLS/,
  );
  const floor = await say(explain, ['--config', daemon.config, '--deliver', 'a.least.example']);
  t.match(floor.out, /says {7}deliver = auto, deliver-floor = encrypt\n/);
  t.match(
    floor.out,
    /follows {4}no TLSA records, no MTA-STS record; encrypt because of deliver-floor = encrypt\n/,
  );
  const json = JSON.parse(
    (await say(explain, ['--config', daemon.config, '--deliver', 'dane.example', '--json'])).out,
  );
  t.match(json, {
    answer: /^OK dane-only/,
    published: { kind: 'own', dane: { kind: 'usable', hosts: 'all' } },
    by: 'the running daemon',
  });
});

test('tlsward published: show, refresh, forget', async (t) => {
  const { dns, files } = world();
  const daemon = await startDaemon(t, TABLE, finderOver(dns, files));
  const about = (...argv: string[]): Promise<Said> => say(published, ['--config', daemon.config, ...argv]);
  const first = await about('sts.example');
  t.equal(first.status, 0);
  t.match(first.out, /^sts\.example\n\npublished {2}DANE {5}no TLSA records/);
  t.match(first.out, /MTA-STS {2}mode enforce, id 20261122/);
  dns.domain('sts.example', { id: '20261123' });
  files.set('sts.example', policyFile('none', []));
  t.match((await about('sts.example')).out, /id 20261122/, 'kept');
  t.match((await about('sts.example', '--refresh')).out, /mode none, id 20261123, mx none/);
  t.equal((await about('sts.example', '--forget')).out, 'sts.example: forgotten\n');
  t.equal((await about('sts.example', '--forget')).out, 'sts.example: nothing was kept\n');
  const unsure = await about('unsure.example');
  t.equal(unsure.status, 75);
  t.match(unsure.out, /MTA-STS {2}lookup failed: SERVFAIL/);
  t.match(JSON.parse((await about('dane.example', '--json')).out), {
    ok: true,
    question: { name: 'dane.example', host: false, port: 25 },
    published: { dane: { kind: 'usable' } },
  });
  t.match((await about('[mx.dane.example]')).out, /usable TLSA records for every MX host/);
  const refused = (...argv: string[]): Promise<string> =>
    about(...argv).then(
      () => 'done',
      (error: Error) => `${error.constructor.name}: ${error.message}`,
    );
  t.match(await refused('[192.0.2.1]'), /^UsageError: "\[192\.0\.2\.1\]" is no domain or host/);
  t.match(await refused(), /^UsageError: DOMAIN is missing/);
  t.match(await refused('a.example', '--refresh', '--forget'), /^UsageError: .*exclude each other/);
  await daemon.service.stop(0);
  t.match(await refused('a.example'), /^ControlError: cannot reach the daemon/);
});

test('the opening for tests is loud', async (t) => {
  const { dns, files } = world();
  const table = TABLE.replace('[domains]', 'sts-test-opening = 127.0.0.0/8 8443\n[domains]');
  const daemon = await startDaemon(t, table, finderOver(dns, files));
  const loud = () =>
    daemon
      .log()
      .filter(({ event, notice }) => event === 'config.notice' && /FOR TESTS ONLY/.test(String(notice)));
  t.match(loud(), [{ level: 40 }]);
  t.match(await daemon.ask('reload'), { notices: [/FOR TESTS ONLY/] });
  t.equal(loud().length, 2);
  const { out } = await say(status, ['--config', daemon.config]);
  t.match(out, /\npublished {2}DANE by 127\.0\.0\.1:53\n/);
  t.match(out, /MTA-STS: .*policies 0.*; in memory only\n/);
  t.match(out, /FOR TESTS ONLY: policies are fetched from 127\.0\.0\.0\/8 8443 \(sts-test-opening\)\n/);
});

test('another policy server: the stricter wins, trouble waits, and it is asked again when it is back', async (t) => {
  const { dns, files } = world();
  const table = `${HEAD}published = socketmap:unix:other.sock:QUERY\n${ROWS}`;
  const daemon = await startDaemon(t, table, finderOver(dns, files));
  const path = join(daemon.folder, 'other.sock');
  const socket = await opened(t, daemon);
  t.match(await ask(socket, ['deliver', 'a.example']), [
    /^TEMP tlsward: the other policy server: cannot be reached \(ENOENT\) \(row \*\)$/,
  ]);
  let say1 = '9:NOTFOUND ,';
  const server: Server = createServer((peer) => {
    peer.on('error', () => {});
    peer.on('data', () => peer.write(say1));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const peers = new Set<Socket>();
  server.on('connection', (peer) => peers.add(peer));
  t.teardown(() => {
    for (const peer of peers) peer.destroy();
    server.close();
  });
  t.strictSame(await ask(socket, ['deliver', 'a.example'], ['deliver', 'a.least.example']), [
    'NOTFOUND ',
    `OK encrypt ${FLOORS}`,
  ]);
  const value = 'secure match=mx.a.example servername=hostname policy_type=sts policy_domain=a.example';
  say1 = `${value.length + 3}:OK ${value},`;
  t.strictSame(
    await ask(socket, ['deliver', 'a.example'], ['deliver', 'encrypt.example'], ['sts', 'a.example']),
    [
      `OK secure ${FLOORS} match=mx.a.example servername=hostname`,
      `OK encrypt ${FLOORS}`,
      'OK secure match=mx.a.example servername=hostname',
    ],
  );
  say1 = '7:OK dane,';
  t.strictSame(
    await ask(
      socket,
      ['deliver', 'a.example'],
      ['deliver', 'a.least.example'],
      ['deliver-verify', 'a.example'],
    ),
    ['OK dane', `OK dane-only ${FLOORS}`, `OK dane-only ${FLOORS}`],
  );
  say1 = '12:OK bogus=1 x,';
  t.match(await ask(socket, ['deliver', 'a.example']), [
    /^TEMP tlsward: the other policy server: no TLS level/,
  ]);
  say1 = '9:TEMP down,';
  t.match(await ask(socket, ['deliver', 'a.example']), [/^TEMP .*it answers TEMP down/]);
  say1 = 'garbage, and more of it';
  t.match(await ask(socket, ['deliver', 'a.example'], ['deliver', 'encrypt.example']), [
    /^TEMP /,
    /^OK encrypt/,
  ]);
  t.strictSame(dns.asked, [], 'nothing is looked up beside it');
  t.match(await daemon.ask('status'), {
    published: { kind: 'other', server: `socketmap:unix:${path}:QUERY` },
  });
  t.match(
    (await sayPublished(daemon, 'a.example')).out,
    /other {4}lookup failed: it did not send a socketmap reply/,
  );
  // back to own lookups by a reload
  daemon.write(TABLE);
  t.match(await daemon.ask('reload'), { ok: true, restartNeeded: [] });
  t.match(await ask(socket, ['deliver', 'dane.example']), [/^OK dane-only/]);
});

test('no resolver whose word counts: said once a load, DANE left to Postfix', async (t) => {
  const { dns, files } = world();
  dns.trusted = false;
  const daemon = await startDaemon(t, `${HEAD}${ROWS}`, finderOver(dns, files));
  t.strictSame(
    await ask(await opened(t, daemon), ['deliver', 'dane.example'], ['deliver', 'plain.example']),
    [`OK secure match=elsewhere.example servername=hostname ${FLOORS}`, 'OK dane'],
  );
  t.match(
    daemon.log().filter(({ event }) => event === 'dane.off'),
    [{ level: 40, why: 'no trusted DNSSEC-validating resolver is configured' }],
  );
  const { out } = await say(status, ['--config', daemon.config]);
  t.match(out, /published {2}DANE off: no trusted DNSSEC-validating resolver is configured/);
  const quiet = await startDaemon(t, `${HEAD}[domains]\nencrypt.example = encrypt\n`, finderOver(dns, files));
  t.strictSame(
    quiet.log().filter(({ event }) => event === 'dane.off'),
    [],
    'nobody asks for it',
  );
});

interface Said {
  readonly status: number;
  readonly out: string;
}

async function say(run: typeof explain, argv: string[]): Promise<Said> {
  let out = '';
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: () => {},
    env: {},
    colour: false,
  };
  return { status: await run(argv, io), out };
}

function sayPublished(daemon: TestDaemon, domain: string): Promise<Said> {
  return say(published, ['--config', daemon.config, domain]);
}
