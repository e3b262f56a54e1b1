/**
 * The daemon as a socketmap: answers in order, one table an answer, trouble as TEMP, a broken peer by itself, counters, log.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { Log } from '../../src/log/log.ts';
import { Driver } from '../../src/net/driver.ts';
import { socketmapProtocol } from '../../src/session/socketmap.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { startDaemon, type TestDaemon, untilClosed } from './startDaemon.ts';

const LISTEN = 'socketmap-listen = unix:socketmap.sock\n';
const TABLE = `${LISTEN}log-level = debug
[domains]
bank.example = encrypt
may.example = may
[domain pinned.example]
deliver = auto
`;

/** Replies to `count` requests, in order of arrival. */
function replies(socket: Socket, count: number): Promise<string[]> {
  const decoder = new SocketmapReplyDecoder();
  const found: string[] = [];
  return new Promise((resolve) => {
    const onData = (chunk: Buffer): void => {
      decoder.push(chunk);
      for (let reply = decoder.next(); reply !== null; reply = decoder.next())
        found.push(formatSocketmapReply(reply));
      if (found.length < count) return;
      socket.removeListener('data', onData);
      resolve(found);
    };
    socket.on('data', onData);
    socket.once('close', () => resolve(found));
  });
}

async function ask(socket: Socket, ...questions: readonly (readonly [string, string])[]): Promise<string[]> {
  const answered = replies(socket, questions.length);
  socket.write(Buffer.concat(questions.map(([map, key]) => encodeSocketmapRequest(map, key))));
  return answered;
}

async function opened(t: Test, { open }: TestDaemon): Promise<Socket> {
  const socket = await open('socketmap');
  t.teardown(() => socket.destroy());
  return socket;
}

const ENCRYPT = 'OK encrypt protocols=>=TLSv1.2 ciphers=high';

test('pipelined questions are answered in order; counted and logged', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const socket = await opened(t, daemon);
  const many = Array.from(
    { length: 500 },
    (_, i) => ['deliver', i % 2 ? 'bank.example' : 'may.example'] as const,
  );
  t.strictSame(
    await ask(socket, ...many),
    many.map((_, i) => (i % 2 ? ENCRYPT : 'NOTFOUND ')),
  );
  t.strictSame(
    await ask(socket, ['deliver', '[BANK.example]:25'], ['deliver', 'a b'], ['nosuch', 'bank.example']),
    [
      ENCRYPT,
      'TEMP tlsward: the next hop is not a domain, a host or an address',
      'TEMP tlsward has no map of this name; there are deliver, deliver-encrypt, deliver-verify, tls_rcpt, access, sts, transport, generic, status-encrypt, status-verify',
    ],
  );
  t.match(await daemon.ask('status'), {
    maps: { ok: 251, notFound: 250, temp: 2 },
    connections: { socketmap: { open: 1, messages: 503, wireErrors: 0, bugs: 0 } },
  });
  const lines = daemon.log().filter(({ event }) => event === 'map.answer');
  t.equal(lines.length, 503, 'at debug each has a line');
  t.match(lines[500], {
    level: 20,
    map: 'deliver',
    key: '[BANK.example]:25',
    reply: ENCRYPT,
    row: 'bank.example',
    at: /tlsward\.ini:\d+$/,
  });
  t.match(lines[501], { level: 30, key: 'a b', reply: /^TEMP/ }, 'what makes mail wait is told at info');
});

test('every way of cutting, and an MTA that stops sending before it reads', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const wire = Buffer.concat([
    encodeSocketmapRequest('deliver', 'bank.example'),
    encodeSocketmapRequest('deliver', 'may.example'),
  ]);
  const socket = await opened(t, daemon);
  for (let cut = 1; cut < wire.length; cut++) {
    const answered = replies(socket, 2);
    socket.write(wire.subarray(0, cut));
    await new Promise(setImmediate);
    socket.write(wire.subarray(cut));
    const found = await answered;
    if (found.join() !== `${ENCRYPT},NOTFOUND `) t.fail(`cut at ${cut}: ${found}`);
  }
  const half = await opened(t, daemon);
  half.end(wire);
  t.equal(await untilClosed(half), `${ENCRYPT.length}:${ENCRYPT},9:NOTFOUND ,`);
});

test('a reload counts from the next question on, on the same connection', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const socket = await opened(t, daemon);
  t.strictSame(await ask(socket, ['deliver', 'may.example']), ['NOTFOUND ']);
  daemon.write(`${LISTEN}postfix-version = 3.5\n[domains]\nmay.example = encrypt\n`);
  t.match(await daemon.ask('reload'), { ok: true });
  t.strictSame(await ask(socket, ['deliver', 'may.example'], ['deliver', 'bank.example']), [
    'OK encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1 ciphers=high',
    'NOTFOUND ',
  ]);
  daemon.write(`${LISTEN}[domains]\nmay.example = encrpyt\n`);
  t.match(await daemon.ask('reload'), { ok: false });
  t.match(
    await ask(socket, ['deliver', 'may.example']),
    [/^OK encrypt/],
    'with mistakes the old table stays',
  );
});

test('a peer that breaks the protocol loses its own connection only', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const good = await opened(t, daemon);
  const bad = await opened(t, daemon);
  bad.write(Buffer.concat([encodeSocketmapRequest('deliver', 'bank.example'), Buffer.from('03:a b,')]));
  t.equal(await untilClosed(bad), `${ENCRYPT.length}:${ENCRYPT},`, 'what was asked before is answered');
  const web = await opened(t, daemon);
  web.write('GET /metrics HTTP/1.1\r\n\r\n');
  t.equal(await untilClosed(web), '');
  const cut = await opened(t, daemon);
  cut.end('20:deliver');
  t.equal(await untilClosed(cut), '');
  t.strictSame(await ask(good, ['deliver', 'bank.example']), [ENCRYPT]);
  t.strictSame(
    daemon
      .log()
      .filter(({ event }) => event === 'wire.error')
      .map(({ rule }) => rule),
    ['socketmap-length', 'socketmap-http-request', 'socketmap-truncated'],
  );
});

test('a bug of ours is TEMP, and the connection goes on', async (t) => {
  const limits = {
    maxConnections: 9,
    maxConnectionsPerClient: 9,
    idleTimeoutSeconds: 60,
    requestTimeoutSeconds: 60,
  };
  const driver = new Driver({
    protocol: socketmapProtocol,
    handler: ({ key }): string => {
      if (key === 'bug') throw new Error('a bug');
      // what must not be sent is caught where it is formatted
      return formatSocketmapReply({ status: 'OK', value: key === 'empty' ? '' : key });
    },
    limits,
    log: new Log('silent'),
  });
  const server = driver.server();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => driver.drain(0));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const wait = 'TEMP tlsward: internal error, see its log';
  const keys = ['may', 'bug', 'encrypt', 'empty', 'secure'].map((key) => ['m', key] as const);
  t.strictSame(await ask(socket, ...keys), ['OK may', wait, 'OK encrypt', wait, 'OK secure']);
  t.equal(driver.counters.bugs, 2);
});

test('the socket has the mode of the others and goes with the daemon', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  t.ok(
    daemon.service.listeners.some(({ name, address }) => name === 'socketmap' && address.endsWith('.sock')),
  );
  const socket = await opened(t, daemon);
  const closed = untilClosed(socket);
  t.equal(await daemon.service.stop(5), 0, 'an idle connection is not waited for');
  t.equal(await closed, '');
});

test('notices about the deliver leg', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const notices = (): string[] =>
    daemon
      .log()
      .filter(({ event }) => event === 'config.notice')
      .map(({ notice }) => String(notice));
  t.strictSame(notices(), []);
  const text = readFileSync(daemon.config, 'utf8').replace(LISTEN, '');
  writeFileSync(daemon.config, text);
  t.match(await daemon.ask('reload'), {
    ok: true,
    notices: [/deliver: has no effect, because there is no socketmap-listen$/],
    restartNeeded: ['socketmap-listen'],
  });
});
