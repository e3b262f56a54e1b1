/** The HTTP server of a whole daemon against what a client should not send. */
import { type AddressInfo, connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'tap';
import { plainAnswer } from '../../src/http/answer.ts';
import { HttpServer } from '../../src/http/httpServer.ts';
import { Log } from '../../src/log/log.ts';
import { policyAnswers, policyRequest } from '../daemon/startDaemon.ts';
import { dial, get, parseReply, rest, send, startLive } from './asking.ts';

const TABLE = 'host-name = mx.example.org\n[domains]\nbank.example = encrypt\n';
const HEAD = 'Host: localhost\r\n';

test('every answer has the same header fields, and none of a request', async (t) => {
  const daemon = await startLive(t, TABLE);
  const targets = [
    '/',
    '/metrics',
    '/healthz',
    '/readyz',
    '/report',
    '/nothing',
    '/lookup?code=AAAAAAAA',
    '/lookup',
  ];
  for (const target of targets) {
    const { status, headers, body } = await get(daemon, target);
    t.equal(headers.get('cache-control'), 'no-store', target);
    t.equal(headers.get('x-content-type-options'), 'nosniff', target);
    t.equal(headers.get('referrer-policy'), 'no-referrer', target);
    t.match(headers.get('content-security-policy'), /^default-src 'none'; .*frame-ancestors 'none'$/, target);
    t.notMatch(headers.get('content-security-policy'), /unsafe|https?:|\*/, target);
    t.equal(headers.get('content-length'), String(Buffer.byteLength(body, 'latin1')), target);
    for (const name of ['set-cookie', 'server', 'x-powered-by', 'access-control-allow-origin', 'location'])
      t.notOk(headers.has(name), `${target}: no ${name}`);
    const head = await get(daemon, target, '', 'HEAD');
    t.equal(head.status, status, `HEAD ${target}`);
    t.equal(head.body, '', `HEAD ${target} has no body`);
  }
});

test('the host decides first', async (t) => {
  const daemon = await startLive(t, TABLE);
  for (const host of ['mx.example.org', 'LOCALHOST:80', '127.0.0.1', '[::1]:8925'])
    t.equal((await get(daemon, '/healthz', '', 'GET', host)).status, 200, host);
  for (const host of ['attacker.example', 'localhost.attacker.example', '192.0.2.1', ''])
    t.equal((await get(daemon, '/healthz', '', 'GET', host)).status, 421, host);
  t.equal((await get(daemon, '/healthz', 'Host: localhost\r\n')).status, 400, 'two of them');
  t.equal(parseReply(await send(daemon, 'GET / HTTP/1.0\r\n\r\n')).status, 400, 'none');
  t.equal(
    parseReply(await send(daemon, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).status,
    400,
    'none in HTTP/1.1',
  );
});

test('methods, bodies and upgrades', async (t) => {
  const daemon = await startLive(t, TABLE);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
    const { status, headers } = await get(daemon, '/', '', method);
    t.equal(status, 405, method);
    t.equal(headers.get('allow'), 'GET, HEAD', method);
  }
  t.equal((await get(daemon, '/healthz', 'Content-Length: 5\r\n')).status, 400);
  t.equal((await get(daemon, '/healthz', 'Transfer-Encoding: chunked\r\n')).status, 400);
  t.equal((await get(daemon, '/', 'Expect: 100-continue\r\nContent-Length: 9\r\n', 'POST')).status, 405);
  const body = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const smuggled = await send(
    daemon,
    `POST / HTTP/1.1\r\n${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  t.equal(smuggled.split('HTTP/1.1 ').length - 1, 1, 'a body is no request');
  const both = await send(
    daemon,
    `GET / HTTP/1.1\r\n${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  );
  t.equal(parseReply(both).status, 400, 'two lengths');
  t.equal(await send(daemon, `CONNECT attacker.example:25 HTTP/1.1\r\n${HEAD}\r\n`), '');
  const upgrade = await get(daemon, '/', 'Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n');
  t.notOk(upgrade.status === 101);
});

test('what is no HTTP, is too long, or would forge an answer', async (t) => {
  const daemon = await startLive(t, TABLE);
  for (const bytes of [
    '\0\0\0\rO\0\0\0\x06',
    'hello\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\x16\x03\x01\x02\0',
  ])
    t.match(await send(daemon, bytes), /^HTTP\/1\.1 400 /, JSON.stringify(bytes));
  t.match(await send(daemon, `GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.match(await send(daemon, `GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431 /);
  const many = 'a: b\r\n'.repeat(1300);
  t.match(await send(daemon, `GET / HTTP/1.1\r\n${many}${HEAD}Connection: close\r\n\r\n`), /^HTTP\/1\.1 4/);
  const split = await send(
    daemon,
    `GET /lookup?code=%0d%0aSet-Cookie:%20x=1%0d%0a%0d%0a<b> HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`,
  );
  t.equal(parseReply(split).status, 400);
  t.notMatch(split, /set-cookie|<b>/i);
});

test('pipelined requests: the first is answered, the connection ends', async (t) => {
  const daemon = await startLive(t, TABLE);
  for (const target of ['/healthz', '/metrics', '/']) {
    const text = await send(daemon, `GET ${target} HTTP/1.1\r\n${HEAD}\r\n`.repeat(500));
    t.equal(text.split('HTTP/1.1 ').length - 1, 1, target);
    const { status, headers, body } = parseReply(text);
    t.equal(status, 200, target);
    t.equal(headers.get('content-length'), String(body.length), `${target}: the whole of it`);
  }
});

test('a connection serves one request after the other', async (t) => {
  const daemon = await startLive(t, TABLE);
  const socket = await dial(daemon);
  for (let i = 0; i < 3; i++) {
    socket.write(`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`);
    const text = await new Promise<string>((resolve) =>
      socket.once('data', (piece: Buffer) => resolve(piece.toString())),
    );
    t.equal(parseReply(text).body, 'ok\n');
  }
  socket.destroy();
});

test('10,000 streams: sixteen are served, and mail goes on', async (t) => {
  const daemon = await startLive(t, TABLE);
  const policy = await daemon.open('policy');
  const held: Socket[] = [];
  const told = { served: 0, noRoom: 0, closed: 0 };
  /** Resolves when the server has said something, or closed. */
  const ask = async (): Promise<void> => {
    const socket = await dial(daemon);
    held.push(socket);
    socket.on('error', () => {});
    const said = new Promise<string>((resolve) => {
      socket.once('data', (piece: Buffer) => resolve(piece.toString('latin1')));
      socket.once('close', () => resolve(''));
    });
    socket.write(`GET /events HTTP/1.1\r\n${HEAD}\r\n`);
    const text = await said;
    if (text.startsWith('HTTP/1.1 200 ')) told.served++;
    else if (text.startsWith('HTTP/1.1 503 ')) told.noRoom++;
    else told.closed++;
  };
  const begun = performance.now();
  for (let i = 0; i < 10_000; i += 100) await Promise.all(Array.from({ length: 100 }, ask));
  // those without a stream are closed when they were silent for half a minute, and others come in
  const quick = performance.now() - begun < 25_000;
  t.strictSame(await policyAnswers(policy, [policyRequest({ sender: 'x@other.example' })]), ['DUNNO']);
  const status = (await daemon.ask('status')) as {
    connections: { http: { open: number; refused: number } };
    memory: { name: string; used: number; limit: number }[];
  };
  if (quick) t.strictSame(told, { served: 16, noRoom: 48, closed: 9936 });
  t.match(told, { served: 16, closed: status.connections.http.refused });
  t.ok(told.noRoom >= 48 && told.noRoom + told.closed === 9984, `${told.noRoom} heard that there is no room`);
  t.ok(status.connections.http.open <= 64, `${status.connections.http.open} are open`);
  if (quick) t.equal(status.connections.http.open, 64);
  const page = status.memory.find(({ name }) => name === 'live page')!;
  t.ok(page.used <= page.limit, `${page.used} of ${page.limit}`);
  for (const socket of held) socket.destroy();
  policy.destroy();
});

test('a head that never ends is not waited for', async (t) => {
  const server = new HttpServer({
    names: () => [],
    respond: () => plainAnswer(200, 'ok'),
    log: new Log('silent', new PassThrough()),
    watch: { worked: () => {} },
    headMs: 100,
  });
  const listener = server.server();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.drain(0));
  const { port } = listener.address() as AddressInfo;
  for (const begin of ['', 'GET / HTTP/1.1\r\nHost: local']) {
    const socket = connect(port, '127.0.0.1');
    const all = rest(socket);
    socket.write(begin);
    const drip = setInterval(() => socket.write('x'), 20);
    t.match(await all, /^HTTP\/1\.1 4/, JSON.stringify(begin));
    clearInterval(drip);
  }
  t.equal(server.counters.wireErrors, 2);
});
