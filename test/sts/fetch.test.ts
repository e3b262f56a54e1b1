/**
 * The fetch against real HTTPS servers on loopback, which only the opening for tests lets it reach. Each server here
 * is wrong in one way. What is asserted besides the outcome: no connection is left, and who was connected to.
 */

import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createRawTlsServer, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import { parseNetwork } from '../../src/core/network.ts';
import type { StsOpening } from '../../src/sts/addressFilter.ts';
import { fetchStsPolicy } from '../../src/sts/fetch.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { e2eSkip } from '../e2e/harness/requirements.ts';
import { FakeResolver, found, unknown } from './fakes.ts';

const DOMAIN = 'bank.example';
const HOST = `mta-sts.${DOMAIN}`;
const POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mail.bank.example\r\nmax_age: 604800\r\n';
const LOOPBACK = parseNetwork('127.0.0.0/8')!;

const skip = e2eSkip(['openssl']);

test('fetching a policy', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const right = ca.issue('policy-host', { subject: '/O=Bank', san: [HOST] });
  const tls = { key: right.key, cert: right.cert };

  /** Listens on 127.0.0.1 (or `address`, `port`); ends with the test and wants no connection left by then. */
  async function listening(t: Test, server: Server, address = '127.0.0.1', port = 0): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    t.teardown(async () => {
      const over = Date.now() + 30_000;
      while (sockets.size > 0 && Date.now() < over) await new Promise((resolve) => setTimeout(resolve, 10));
      const left = sockets.size;
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      if (left > 0) throw new Error(`${left} connections are left`);
    });
    return (server.address() as AddressInfo).port;
  }

  const serve = (t: Test, listener: RequestListener, options: ServerOptions = tls): Promise<number> =>
    listening(t, createTlsServer(options, listener));

  const plain: RequestListener = (_, response) => {
    response.setHeader('Content-Type', 'text/plain');
    response.end(POLICY);
  };

  interface Asked {
    readonly addresses?: readonly string[];
    readonly deadlineMs?: number;
    readonly opening?: StsOpening | null;
    readonly domain?: string;
    readonly trusted?: boolean;
    readonly signal?: AbortSignal;
  }

  async function get(port: number, asked: Asked = {}) {
    const resolver = new FakeResolver();
    const domain = asked.domain ?? DOMAIN;
    resolver.hosts.set(`mta-sts.${domain}`, found(asked.addresses ?? ['127.0.0.1']));
    const fetched = await fetchStsPolicy(domain, {
      resolver,
      opening: asked.opening === undefined ? { network: LOOPBACK, port } : asked.opening,
      deadlineMs: asked.deadlineMs ?? 30_000,
      ...(asked.trusted === false ? {} : { ca: ca.ca }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
    return { fetched, asked: resolver.asked };
  }

  async function fails(t: Test, port: number, failure: string, why: RegExp, asked: Asked = {}) {
    const { fetched } = await get(port, asked);
    t.match(fetched, { kind: 'failed', failure: `sts-${failure}`, why });
    t.notMatch(JSON.stringify(fetched), /sentinel/, 'nothing the server sent is quoted');
  }

  t.test('what is sent and what comes back', async (t) => {
    const requests: IncomingMessage[] = [];
    const port = await serve(t, (request, response) => {
      requests.push(request);
      plain(request, response);
    });
    const { fetched, asked } = await get(port);
    t.match(fetched, {
      kind: 'policy',
      text: POLICY,
      policy: { mode: 'enforce', mx: ['mail.bank.example'] },
    });
    t.same(asked, [HOST], 'one lookup of addresses');
    t.equal(requests.length, 1);
    const { method, url, headers, socket } = requests[0]!;
    t.match({ method, url }, { method: 'GET', url: '/.well-known/mta-sts.txt' });
    t.equal(headers.host, HOST);
    t.equal(headers['accept-encoding'], 'identity');
    t.match(headers.connection, /close/i);
    t.equal((socket as TLSSocket).servername, HOST, 'SNI');
  });

  t.test('types and encodings', async (t) => {
    let headers: Record<string, string> = {};
    let body: string | Buffer = POLICY;
    const port = await serve(t, (_, response) => {
      response.writeHead(200, headers);
      response.end(body);
    });
    for (const type of [
      'text/plain',
      'text/plain; charset=utf-8',
      'Text/Plain;x=y',
      'text/plain ; charset=us-ascii',
    ]) {
      headers = { 'Content-Type': type };
      t.match((await get(port)).fetched, { kind: 'policy' }, type);
    }
    for (const type of ['text/html', 'text/plainx', 'application/octet-stream', '', 'sentinel, text/plain']) {
      headers = { 'Content-Type': type };
      await fails(t, port, 'policy-fetch-error', /not text\/plain/);
    }
    headers = {};
    await fails(t, port, 'policy-fetch-error', /not text\/plain/);
    headers = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' };
    body = gzipSync(POLICY);
    await fails(t, port, 'policy-fetch-error', /encoded body/);
    headers = { 'Content-Type': 'text/plain', 'Content-Encoding': 'identity' };
    body = POLICY;
    t.match((await get(port)).fetched, { kind: 'policy' });
    headers = { 'Content-Type': 'text/plain' };
    body = gzipSync(POLICY);
    await fails(t, port, 'policy-invalid', /not UTF-8/);
    body = 'version: STSv1\nmode: sentinel\n';
    await fails(t, port, 'policy-invalid', /line 2: mode/);
    body = `\ufeff${POLICY}`;
    t.match((await get(port)).fetched, { kind: 'policy' }, 'a byte order mark');
  });

  t.test('statuses', async (t) => {
    let status = 200;
    let followed = 0;
    const port = await serve(t, (request, response) => {
      if (request.url !== '/.well-known/mta-sts.txt') followed++;
      response.writeHead(status, { 'Content-Type': 'text/plain', Location: `https://${HOST}/sentinel` });
      response.end(POLICY);
    });
    for (status of [301, 302, 303, 307, 308]) {
      await fails(
        t,
        port,
        'policy-fetch-error',
        new RegExp(`answered ${status}: redirects are not followed`),
      );
    }
    for (status of [201, 203, 206, 404, 410, 500, 503]) {
      await fails(t, port, 'policy-fetch-error', new RegExp(`answered ${status} instead of 200`));
    }
    t.equal(followed, 0);
  });

  t.test('sizes', async (t) => {
    const head = POLICY;
    const exact = `${head}x: ${'y'.repeat(65_536 - head.length - 3)}`;
    let body = exact;
    let announced = true;
    const port = await serve(t, (_, response) => {
      const headers: Record<string, string> = { 'Content-Type': 'text/plain' };
      if (announced) headers['Content-Length'] = String(body.length);
      response.writeHead(200, headers);
      response.write(body.slice(0, 1000));
      response.end(body.slice(1000));
    });
    t.match((await get(port)).fetched, { kind: 'policy' }, '64 KiB');
    announced = false;
    t.match((await get(port)).fetched, { kind: 'policy' }, '64 KiB in chunks');
    body = `${exact}z`;
    await fails(t, port, 'policy-fetch-error', /more than 65536 bytes/);
    announced = true;
    await fails(t, port, 'policy-fetch-error', /more than 65536 bytes/);
  });

  t.test('an endless body is cut off, not gathered', async (t) => {
    let sent = 0;
    const port = await serve(t, (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      const more = () => {
        while (!response.destroyed && response.write('x: sentinel\r\n'.repeat(100))) sent++;
      };
      response.on('drain', more);
      more();
    });
    await fails(t, port, 'policy-fetch-error', /more than 65536 bytes/);
    t.ok(sent > 0);
  });

  t.test('broken answers', async (t) => {
    let bytes = '';
    const server = createRawTlsServer(tls, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(bytes));
    });
    const port = await listening(t, server);
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';
    bytes = `${head}Content-Length: ${POLICY.length}\r\n\r\n${POLICY.slice(0, 50)}`;
    await fails(t, port, 'policy-fetch-error', /broke off/);
    bytes = `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nversi`;
    await fails(t, port, 'policy-fetch-error', /broke off/);
    bytes = `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`;
    await fails(t, port, 'policy-fetch-error', /encoded body/);
    bytes = '';
    await fails(t, port, 'policy-fetch-error', /no readable answer|without an answer/);
    bytes = '220 mail.example ESMTP sentinel\r\n';
    await fails(t, port, 'policy-fetch-error', /no readable answer/);
    bytes = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
    await fails(t, port, 'policy-fetch-error', /no readable answer/);
    bytes = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: sentinel\r\nConnection: upgrade\r\n\r\n';
    await fails(t, port, 'policy-fetch-error', /no readable answer|without an answer/);
    bytes = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n${POLICY}`;
    t.match((await get(port)).fetched, { kind: 'policy' }, 'a body that ends with the connection');
  });

  t.test('certificates', async (t) => {
    const cases: readonly (readonly [string, Parameters<typeof ca.issue>[1], RegExp])[] = [
      ['expired', { subject: '/O=Bank', san: [HOST], expired: true }, /certificate of .* has expired/],
      ['self', { subject: '/O=Bank', san: [HOST], issuer: 'self' }, /is self-signed/],
      ['domain-only', { subject: `/CN=${HOST}`, san: [DOMAIN] }, /for another name/],
      ['other', { subject: '/O=Bank', san: ['mta-sts.other.example'] }, /for another name/],
      ['cn-only', { subject: `/CN=${HOST}` }, /for another name/],
      ['part-wild', { subject: '/O=Bank', san: ['mta*.bank.example'] }, /for another name/],
      ['high-wild', { subject: '/O=Bank', san: ['*.example'] }, /for another name/],
    ];
    for (const [name, wanted, why] of cases) {
      const { key, cert } = ca.issue(name, wanted);
      const port = await serve(t, plain, { key, cert });
      t.comment(name);
      await fails(t, port, 'webpki-invalid', why);
    }
    const wild = ca.issue('wild', { subject: '/O=Bank', san: ['other.example', '*.bank.example'] });
    const port = await serve(t, plain, { key: wild.key, cert: wild.cert });
    t.match((await get(port)).fetched, { kind: 'policy' }, 'a wildcard as the whole label');
    await fails(t, await serve(t, plain), 'webpki-invalid', /does not lead to a trusted CA/, {
      trusted: false,
    });
  });

  t.test('no environment switches the check off', async (t) => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    t.teardown(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    await fails(t, await serve(t, plain), 'webpki-invalid', /does not lead to a trusted CA/, {
      trusted: false,
    });
  });

  t.test('TLS versions and what is no TLS', async (t) => {
    const old = await serve(t, plain, {
      ...tls,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    await fails(t, old, 'policy-fetch-error', /no TLS connection/);
    const two = await serve(t, plain, { ...tls, maxVersion: 'TLSv1.2' });
    t.match((await get(two)).fetched, { kind: 'policy' });
    const http = await listening(t, createPlainServer(plain));
    await fails(t, http, 'policy-fetch-error', /no TLS connection/);
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await fails(t, port, 'policy-fetch-error', /no TLS connection.*ECONNREFUSED/);
  });

  t.test('slow servers', async (t) => {
    const deadlineMs = 300;
    const began = Date.now();
    const silent = await listening(
      t,
      createTcpServer((socket) => socket.resume()),
    );
    await fails(t, silent, 'policy-fetch-error', /within 0.3 s/, { deadlineMs });
    const mute = await serve(t, () => undefined);
    await fails(t, mute, 'policy-fetch-error', /within 0.3 s/, { deadlineMs });
    const drip = await serve(t, (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await fails(t, drip, 'policy-fetch-error', /within 0.3 s/, { deadlineMs });
    // without one it would be 15 s for each
    t.ok(Date.now() - began < 14_000, 'each ended at its deadline');
  });

  t.test('giving up', async (t) => {
    const stop = new AbortController();
    const port = await serve(t, () => stop.abort());
    await fails(t, port, 'policy-fetch-error', /given up/, { signal: stop.signal });
    await fails(t, port, 'policy-fetch-error', /given up/, { signal: stop.signal });
  });

  t.test('addresses inside are not connected to', async (t) => {
    let connections = 0;
    const server = createTlsServer(tls, plain);
    server.on('connection', () => connections++);
    const port = await listening(t, server);
    const inside = ['127.0.0.1', '::1', '10.0.0.1', '::ffff:127.0.0.1', 'fe80::1'];
    await fails(t, port, 'policy-fetch-error', /no public address \(loopback, private, link-local\)/, {
      opening: null,
      addresses: inside,
    });
    const elsewhere = { network: parseNetwork('127.0.0.9/32')!, port };
    await fails(t, port, 'policy-fetch-error', /no public address/, {
      opening: elsewhere,
      addresses: inside,
    });
    t.equal(connections, 0);
    const opening = { network: parseNetwork('127.0.0.1/32')!, port };
    t.match((await get(port, { opening, addresses: inside })).fetched, { kind: 'policy' });
    t.equal(connections, 1, 'only the one that the opening names');
  });

  t.test('the address that was judged is the one', async (t) => {
    const port = await serve(t, plain);
    const resolver = new FakeResolver();
    resolver.hosts.set(HOST, found(['127.0.0.1'], 1));
    const addresses = resolver.addresses.bind(resolver);
    resolver.addresses = async (name) => {
      const answer = await addresses(name);
      resolver.hosts.set(HOST, found(['10.0.0.1'], 1));
      return answer;
    };
    const opening = { network: LOOPBACK, port };
    t.match(await fetchStsPolicy(DOMAIN, { resolver, opening, ca: ca.ca }), { kind: 'policy' });
    t.same(resolver.asked, [HOST]);
  });

  t.test('several addresses', async (t) => {
    const port = await serve(t, plain);
    // nobody listens at these on this port
    const dead = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
    t.match((await get(port, { addresses: [...dead.slice(0, 3), '127.0.0.1'] })).fetched, { kind: 'policy' });
    await fails(t, port, 'policy-fetch-error', /ECONNREFUSED/, { addresses: [...dead, '127.0.0.1'] });
    const self = ca.issue('self-again', { subject: '/O=Bank', san: [HOST], issuer: 'self' });
    await listening(t, createTlsServer({ key: self.key, cert: self.cert }, plain), '127.0.0.2', port);
    await fails(t, port, 'webpki-invalid', /self-signed/, { addresses: ['127.0.0.2', '127.0.0.3'] });
    await fails(t, port, 'webpki-invalid', /self-signed/, { addresses: ['127.0.0.3', '127.0.0.2'] });
    t.match((await get(port, { addresses: ['127.0.0.2', '127.0.0.1'] })).fetched, { kind: 'policy' });
    let asked = 0;
    const broken = createTlsServer(tls, (_, response) => {
      asked++;
      response.writeHead(500);
      response.end();
    });
    await listening(t, broken, '127.0.0.6', port);
    await fails(t, port, 'policy-fetch-error', /answered 500/, { addresses: ['127.0.0.6', '127.0.0.1'] });
    t.equal(asked, 1, 'an answer is an answer');
  });

  t.test('no address', async (t) => {
    const resolver = new FakeResolver();
    const options = { resolver, opening: null };
    t.match(await fetchStsPolicy(DOMAIN, options), {
      failure: 'sts-policy-fetch-error',
      why: /has no address/,
    });
    resolver.hosts.set(HOST, unknown('SERVFAIL'));
    t.match(await fetchStsPolicy(DOMAIN, options), { why: /no answer for the address of .*: SERVFAIL/ });
    resolver.addresses = () => new Promise(() => undefined);
    t.match(await fetchStsPolicy(DOMAIN, { ...options, deadlineMs: 50 }), { why: /within 0.05 s/ });
    resolver.addresses = () => Promise.reject(new Error('sentinel'));
    const broken = await fetchStsPolicy(DOMAIN, options);
    t.match(broken, { failure: 'sts-policy-fetch-error', why: /cannot be asked/ });
    t.notMatch(JSON.stringify(broken), /sentinel/);
  });
});
