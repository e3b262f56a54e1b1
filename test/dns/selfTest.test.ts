/**
 * Which servers are asked when the configuration names none, and whether those it names validate.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parseServers, systemServers } from '../../src/dns/resolvConf.ts';
import { selfTest } from '../../src/dns/selfTest.ts';
import { FLAG, NUMBER, name, record } from '../wire/dnsBytes.ts';
import { fakeServer, type Handler } from './fakeServer.ts';

t.test('resolv.conf', async (t) => {
  const good = (text: string, ...hosts: string[]) =>
    t.same(
      parseServers(text),
      hosts.map((host) => ({ host, port: 53 })),
      JSON.stringify(text),
    );
  good('', '127.0.0.1');
  good('# nameserver 192.0.2.1\n;nameserver 192.0.2.1\nsearch example\n', '127.0.0.1');
  good('nameserver 192.0.2.1', '192.0.2.1');
  good(
    'search example\nnameserver\t192.0.2.1 \r\nnameserver ::1 # local\noptions edns0\n',
    '192.0.2.1',
    '::1',
  );
  good('nameserver fe80::1%eth0\n', 'fe80::1%eth0');
  good('nameserver dns.example\nnameserver 192.0.2.300\nnameserver\nnameserver 192.0.2.2', '192.0.2.2');
  good(' nameserver 192.0.2.1', '127.0.0.1');
  good([1, 2, 3, 4].map((n) => `nameserver 192.0.2.${n}`).join('\n'), '192.0.2.1', '192.0.2.2', '192.0.2.3');

  const dir = mkdtempSync(join(tmpdir(), 'tlsward-resolv-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'resolv.conf');
  t.same(await systemServers(path), [{ host: '127.0.0.1', port: 53 }], 'no file');
  writeFileSync(path, 'nameserver ::1\n');
  t.same(await systemServers(path), [{ host: '::1', port: 53 }]);
});

t.test('does it validate?', async (t) => {
  const root = [record('', NUMBER.SOA, 60, name('a'), name('b'), new Array<number>(20).fill(0))];
  const start = (handler: Handler) => fakeServer(t, handler);
  const validates = await start((q) => q.answer({ flags: FLAG.QR | FLAG.RA | FLAG.AD, answers: root }));
  const plain = await start((q) => q.answer({ answers: root }));
  const empty = await start((q) => q.answer({ flags: FLAG.QR | FLAG.RA | FLAG.AD }));
  const failing = await start((q) => q.answer({ rcode: 2 }));
  const silent = await start(() => {});
  const times = { attemptMs: 600, totalMs: 1000 };
  const sound = { kind: 'validates' };
  const off = {
    kind: 'does-not-validate',
    why: `127.0.0.1:${plain.port} does not validate (no AD flag for the root)`,
  };
  t.same(await selfTest([validates]), sound);
  t.same(validates.asked, ['SOA  udp']);
  t.equal(validates.queries[0]!.raw.readUInt16BE(2), 0x0120, 'asked with AD');
  t.same(await selfTest([plain]), off);
  t.match(await selfTest([empty]), { kind: 'does-not-validate', why: /does not know the root zone/ });
  t.match(await selfTest([failing]), { kind: 'unknown', why: /answered SERVFAIL .* about SOA of \.$/ });
  t.match(await selfTest([silent], times), { kind: 'unknown', why: /asked for SOA of \., gave no answer/ });
  t.same(await selfTest([validates, plain, silent], times), off, 'one that does not is enough');
  t.match(await selfTest([validates, silent], times), { kind: 'unknown' });
  t.same(await selfTest([validates, validates]), sound);
  const begun = performance.now();
  const stopped = selfTest([silent], { signal: AbortSignal.timeout(50) });
  t.match(await stopped, { kind: 'unknown', why: /tlsward is shutting down/ });
  t.match(await selfTest([silent], { signal: AbortSignal.abort() }), {
    kind: 'unknown',
    why: /tlsward is shutting down/,
  });
  t.ok(performance.now() - begun < 5000, 'broken off');
});
