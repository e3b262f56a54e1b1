/**
 * How a probe behaves towards servers, as the servers see it: one connection to a host at a time, a pause before the next, a
 * few hosts at once, and never a command that begins a message. And what is found of versions and weak ciphers of real ones.
 */
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type TLSSocketOptions } from 'node:tls';
import { type Test, test } from 'tap';
import { contextOf, trustOf } from '../../src/probe/contexts.ts';
import { look } from '../../src/probe/look.ts';
import { findOffers, type Offers } from '../../src/probe/offers.ts';
import { probe } from '../../src/probe/probe.ts';
import { Turns } from '../../src/probe/turns.ts';
import { FakeResolver } from '../dns/fakeResolver.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { e2eSkip } from '../e2e/harness/requirements.ts';

const skip = e2eSkip(['openssl']);

/** What one connection was to its server. */
interface Visit {
  /** The address that it came to. */
  readonly to: string;
  /** performance.now() when it was taken, and when the server said its last word. */
  readonly from: number;
  until: number;
  readonly verbs: string[];
}

/** A server on all addresses of loopback, with STARTTLS where there are TLS options. */
async function serve(t: Test, tls: TLSSocketOptions | null): Promise<{ port: number; visits: Visit[] }> {
  const visits: Visit[] = [];
  const server = createServer((socket) => {
    const visit: Visit = { to: socket.localAddress!, from: performance.now(), until: Infinity, verbs: [] };
    visits.push(visit);
    const talk = (link: Socket, offers: boolean): void => {
      link.on('error', () => undefined);
      link.on('data', function heard(chunk: Buffer): void {
        const verb = chunk.toString('latin1').slice(0, 4).toUpperCase();
        visit.verbs.push(verb);
        if (verb === 'EHLO') link.write(`250-mx\r\n250 ${offers ? 'STARTTLS' : 'SIZE'}\r\n`);
        else if (verb === 'STAR' && tls !== null) {
          link.removeListener('data', heard);
          link.write('220 go\r\n');
          talk(new TLSSocket(link, { ...tls, isServer: true }), false);
        } else {
          visit.until = performance.now();
          link.end('221 bye\r\n');
        }
      });
    };
    talk(socket, tls !== null);
    socket.write('220 mx\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.address() as { port: number }).port, visits };
}

test('one connection to a host at a time', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.issue('mx', { subject: '/CN=mx.bank.example', san: ['mx.bank.example'] });
  const serial = async (names: readonly string[], lines: readonly string[], count: number): Promise<void> => {
    const { port, visits } = await serve(t, { cert, key, maxVersion: 'TLSv1.2' });
    const options = {
      resolver: new FakeResolver(lines),
      trust: trustOf(ca.caFile, ''),
      ehloName: 'me.example',
      offers: false,
      sni: true,
      floor: { minProtocol: 'TLSv1.2', minBits: 128, exclude: [] },
      turns: new Turns(),
    };
    const seen = await Promise.all(names.map((name) => probe({ name, isHost: false, port }, options)));
    for (const { sighting } of seen.flatMap(({ hosts }) => hosts.flatMap(({ addresses }) => addresses)))
      t.equal(sighting.reached.kind, 'tls');
    // an address three times: as it is, with the name, with the floor
    t.equal(visits.length, 3 * count);
    for (const [i, visit] of visits.entries()) {
      const last = Math.max(...visits.slice(0, i).map(({ until }) => until));
      const pause = visit.from - last;
      if (i > 0) t.ok(pause >= 240, `${Math.round(pause)} ms after the last word of the one before`);
      t.same(visit.verbs, ['EHLO', 'STAR', 'EHLO', 'QUIT'], 'and nothing else is said');
    }
  };
  // two domains with the same host of two addresses; two hosts with one address
  await serial(
    ['bank.example', 'shop.example'],
    [
      'MX bank.example = 10 mx.bank.example insecure',
      'MX shop.example = 10 mx.bank.example insecure',
      'A mx.bank.example = 127.0.0.1, 127.0.0.2 insecure',
    ],
    4,
  );
  await serial(
    ['bank.example'],
    [
      'MX bank.example = 10 mx.bank.example, 10 mx.shop.example insecure',
      'A mx.bank.example = 127.0.0.1 insecure',
      'A mx.shop.example = 127.0.0.1 insecure',
    ],
    2,
  );
});

test('four hosts at once', async (t) => {
  const { port, visits } = await serve(t, null);
  const hosts = Array.from({ length: 9 }, (_, i) => i + 1);
  const resolver = new FakeResolver([
    `MX bank.example = ${hosts.map((i) => `10 mx${i}.bank.example`).join(', ')} insecure`,
    ...hosts.map((i) => `A mx${i}.bank.example = 127.0.0.${i} insecure`),
  ]);
  const options = { resolver, trust: { ca: [], from: '' }, ehloName: 'me.example', offers: true, sni: false };
  await probe({ name: 'bank.example', isHost: false, port }, { ...options, floor: null });
  t.equal(visits.length, hosts.length, 'one each: there is no TLS that could be offered');
  for (const { from } of visits) {
    const open = visits.filter((other) => other.from <= from && from < other.until).length;
    t.ok(open <= 4, `${open} at once`);
  }
});

test('versions and weak ciphers', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.server;
  const trust = trustOf(ca.caFile, '');
  const find = async (tls: TLSSocketOptions): Promise<Offers> => {
    const { port, visits } = await serve(t, { cert, key, ...tls });
    const target = { address: '127.0.0.1', port, ehloName: 'me.example', servername: null };
    const first = await look({ ...target, context: contextOf(trust) });
    if (first.reached.kind !== 'tls') throw new Error(first.reached.kind);
    const known = first.reached.session.protocol;
    const offers = await findOffers(trust, known, (context) => look({ ...target, context }));
    t.equal(visits.length, 5, 'the first, three other versions, weak ciphers');
    return offers;
  };
  const of = (context: Parameters<typeof createSecureContext>[0]): TLSSocketOptions => ({
    secureContext: createSecureContext({ cert, key, ...context }),
  });
  const all = { 'TLSv1.3': true, 'TLSv1.2': true, 'TLSv1.1': true, TLSv1: true };
  const none = { 'TLSv1.3': false, 'TLSv1.2': false, 'TLSv1.1': false, TLSv1: false };
  const old = await find(
    of({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:!aNULL:@SECLEVEL=0' }),
  );
  t.match(old, { versions: { ...none, 'TLSv1.1': true, TLSv1: true }, weak: '' });
  const only = await find(of({ minVersion: 'TLSv1.3' }));
  t.match(only, { versions: { ...none, 'TLSv1.3': true }, weak: '' });
  const lax = await find(of({ minVersion: 'TLSv1', ciphers: 'ALL:eNULL:@SECLEVEL=0' }));
  t.match(lax, { versions: all, weak: /NULL|ADH|AECDH|MD5/ }, 'no encryption, or nobody behind it');
});

test('a version that nobody answers about', async (t) => {
  const { versions, weak } = await findOffers({ ca: [], from: '' }, 'TLSv1.3', async () => ({
    reached: { kind: 'failed', why: 'no answer within 30 s', silent: true },
    steps: [],
    injected: 0,
    extensions: [],
  }));
  t.same([versions, weak], [{ 'TLSv1.3': true, 'TLSv1.2': null, 'TLSv1.1': null, TLSv1: null }, null]);
});
