/**
 * Addresses of policy hosts: each has its part of the connections, and one that hangs gets little of them until it answers.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { parseNetwork } from '../../src/core/network.ts';
import { fetchStsPolicy } from '../../src/sts/fetch.ts';
import { PolicyHosts } from '../../src/sts/policyHosts.ts';
import { until } from '../until.ts';
import { FakeResolver, found } from './fakes.ts';

const HOST = '192.0.2.1';

/** How many of so many at once have a place by now. */
async function placed(hosts: PolicyHosts, address: string, count: number): Promise<number> {
  let places = 0;
  for (let i = 0; i < count; i++)
    void hosts.enter(address).then((entered) => {
      if (entered !== null) places++;
    });
  await new Promise(setImmediate);
  return places;
}

test('an address has a quarter, IPv6 by its network', async (t) => {
  const hosts = new PolicyHosts({ most: 40 });
  t.equal(await placed(hosts, HOST, 30), 10);
  t.equal(await placed(hosts, '192.0.2.2', 3), 3);
  t.equal(await placed(hosts, '2001:db8:1:2:0:0:0:1', 8), 8);
  t.equal(await placed(hosts, '2001:db8:1:2:ffff:0:0:1', 8), 2, 'the same /64');
  t.equal(await placed(hosts, '2001:db8:1:3:0:0:0:1', 3), 3);
  hosts.close();
});

test('an address that hangs gets two places and little time, until it answers', async (t) => {
  let now = 0;
  const hosts = new PolicyHosts({ most: 40, now: () => now });
  hosts.tell(HOST, true);
  t.match(await hosts.enter(HOST), { handshakeMs: null }, 'once may be chance');
  hosts.tell(HOST, true);
  t.match(hosts.load, { open: 1, hanging: 1 });
  const probe = await hosts.enter(HOST);
  t.ok(probe !== null && probe.handshakeMs !== null && probe.handshakeMs < 2000);
  t.equal(await placed(hosts, HOST, 5), 0);
  t.equal(await placed(hosts, '192.0.2.2', 10), 10, 'others are not concerned');
  hosts.tell(HOST, false);
  t.equal(hosts.load.hanging, 0);
  t.equal(await placed(hosts, HOST, 5), 5);
  hosts.tell(HOST, true);
  hosts.tell(HOST, true);
  now += 59_999;
  t.equal(hosts.load.hanging, 1);
  now += 1;
  t.equal(hosts.load.hanging, 0, 'a minute later it may try as others do');
  for (let i = 0; i < 5000; i++) {
    hosts.tell(`10.0.${i >> 8}.${i & 255}`, true);
    hosts.tell(`10.0.${i >> 8}.${i & 255}`, true);
  }
  t.equal(hosts.load.hanging, 1000, 'no more are remembered');
  hosts.close();
});

/** A listener that accepts and says nothing. */
async function silent(t: Test): Promise<{ readonly port: number; readonly open: Set<Socket> }> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket.resume());
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, open };
}

test('a listener that never ends a handshake is found out, and each domain judged by itself', async (t) => {
  const { port, open } = await silent(t);
  const hosts = new PolicyHosts({ most: 8 });
  t.teardown(() => hosts.close());
  const resolver = new FakeResolver();
  const opening = { network: parseNetwork('127.0.0.0/8')!, port };
  const get = (domain: string, deadlineMs: number) => {
    resolver.hosts.set(`mta-sts.${domain}`, found(['127.0.0.1']));
    return fetchStsPolicy(domain, { resolver, opening, hosts, deadlineMs });
  };
  t.match(await get('a.example', 100), { kind: 'failed', why: /no complete answer within/ });
  t.equal(hosts.load.hanging, 0, 'too little time to tell');
  await Promise.all([get('a.example', 1100), get('b.example', 1100)]);
  t.equal(hosts.load.hanging, 1);
  const began = performance.now();
  const facts = await Promise.all(['c', 'd', 'e', 'f'].map((name) => get(`${name}.example`, 60_000)));
  t.ok(performance.now() - began < 40_000, 'in little time');
  const why = (kind: string) =>
    facts.filter((fact) => fact.kind === kind).map((fact) => 'why' in fact && fact.why);
  t.match(why('failed'), [/did not complete a TLS handshake in time/, /did not complete/]);
  t.match(why('busy'), [/^no room for one more connection to mta-sts\.e\./, /mta-sts\.f\./], 'not failed');
  t.equal(hosts.load.open, 0);
  // no connection is left
  await until(() => open.size === 0);
});
