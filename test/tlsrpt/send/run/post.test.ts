/** Reports over HTTPS, to servers on loopback that only the opening for tests lets it reach; each is wrong in one way. */
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { parseNetwork } from '../../../../src/core/network.ts';
import { type PostOptions, postReport } from '../../../../src/tlsrpt/send/run/post.ts';
import { FakeResolver } from '../../../dns/fakeResolver.ts';
import { createCa } from '../../../e2e/harness/peers/ca.ts';
import { e2eSkip } from '../../../e2e/harness/requirements.ts';

const HOST = 'reports.bank.example';
const TARGET = { host: HOST, path: '/v1?x=1' };
const BODY = gzipSync('{}');
const LOOPBACK = parseNetwork('127.0.0.0/8')!;

t.test('a report over HTTPS', { skip: e2eSkip(['openssl']) }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.issue('reports', { subject: '/O=Bank', san: [HOST] });
  const listening = async (t: Test, server: Server): Promise<number> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  };
  const serve = (t: Test, listener: RequestListener, tls = { cert, key }) =>
    listening(t, createServer(tls, listener));
  const post = (port: number, more: Partial<PostOptions> = {}, addresses = '127.0.0.1') =>
    postReport(TARGET, BODY, {
      resolver: new FakeResolver([`A ${HOST} = ${addresses}`]),
      opening: { network: LOOPBACK, port },
      ca: ca.ca,
      ...more,
    });

  t.test('taken', async (t) => {
    const got: unknown[] = [];
    const port = await serve(t, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        got.push([
          method,
          url,
          headers.host,
          headers['content-type'],
          gunzipSync(Buffer.concat(chunks)).toString(),
        ]);
        response.statusCode = 201;
        response.end();
      });
    });
    t.same(await post(port), { kind: 'taken', said: '201' });
    t.same(got, [['POST', TARGET.path, HOST, 'application/tlsrpt+gzip', '{}']]);
  });

  t.test('refused', async (t) => {
    for (const status of [302, 404, 500]) {
      const port = await serve(t, (_, response) => {
        response.writeHead(status, { Location: 'https://elsewhere.example/' }).end();
      });
      t.match(await post(port), { kind: 'refused', why: `${HOST} answered ${status}` });
    }
    const other = ca.issue('other', { subject: '/O=Other', san: ['other.example'] });
    let asked = 0;
    const wrong = await serve(t, () => asked++, other);
    t.match(await post(wrong), { kind: 'refused', why: /no TLS connection/ }, 'the certificate of another');
    t.equal(asked, 0, 'nothing was sent to it');
    const closed = await listening(
      t,
      createTcpServer((socket) => socket.destroy()),
    );
    t.match(await post(closed), { kind: 'refused' });
  });

  t.test('nobody knows', async (t) => {
    const port = await serve(t, (request) => void request.on('data', () => request.socket.destroy()));
    t.match(await post(port), { kind: 'unknown' });
    const silent = await serve(t, () => undefined);
    t.match(await post(silent, { deadlineMs: 1500 }), { kind: 'unknown', why: /no answer in time/ });
  });

  t.test('addresses of our own network', async (t) => {
    let asked = 0;
    const port = await serve(t, () => asked++);
    t.match(await post(port, { opening: null }), { kind: 'refused', why: /no public address \(loopback\)/ });
    t.match(await post(port, { opening: null }, '10.0.0.1, 169.254.169.254'), {
      why: /no public address \(private, link-local\)/,
    });
    t.match(await post(port, {}, 'absent'), { why: /has no address/ });
    t.match(await post(port, {}, 'unknown'), { why: /no answer/ });
    t.equal(asked, 0);
  });

  t.test('an answer without an end', async (t) => {
    const port = await serve(t, (_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.on('close', () => clearInterval(more));
      response.on('error', () => undefined);
    });
    t.match(await post(port), { kind: 'taken' });
  });
});
