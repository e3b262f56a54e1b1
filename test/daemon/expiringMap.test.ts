/**
 * Memories of policy transactions and fingerprints beyond their bounds in bytes, and what happens then.
 */
import { test } from 'tap';
import { parseInternalAddress } from '../../src/core/address.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { TableBuilder } from '../../src/core/tableBuilder.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { ExpiringMap, type Remembered } from '../../src/daemon/expiringMap.ts';
import { TransactionMemory } from '../../src/daemon/transactionMemory.ts';
import { policyAnswers, policyRequest, startDaemon } from './startDaemon.ts';

const TABLE = new PolicyTable(
  new TableBuilder().finish([], [], () => 0),
  1,
  '',
);

test('the older half goes when all together take too much', async (t) => {
  const limits = { maxEntries: 1_000_000, maxAgeMs: 60_000, maxBytes: 10_000 };
  const map = new ExpiringMap<Remembered & { readonly n: number }>('test', limits);
  for (let n = 0; n < 200; n++) {
    map.set(`k${n}`, { n, since: n, bytes: 300 });
    if (map.memory.used > limits.maxBytes) t.fail(`${map.memory.used} bytes`);
    t.equal(map.get(`k${n}`, n)?.n, n, 'the newest is there');
  }
  t.ok(map.memory.used > limits.maxBytes / 4);
  t.equal(map.get('k0', 0), undefined, 'the oldest is not');
  const grown = map.get('k199', 199)!;
  map.grow('k199', grown, 4000);
  t.ok(map.get('k199', 199) && map.memory.used <= limits.maxBytes);
  map.grow('k199', grown, 4000);
  t.equal(map.get('k199', 199), undefined, 'what alone takes more than half is not kept');
  map.set('again', { n: 1, since: 500, bytes: 300 });
  map.set('again', { n: 2, since: 500, bytes: 300 });
  map.delete('again');
  map.sweep(500_000);
  map.sweep(1_000_000);
  t.equal(map.memory.used, 0);
});

test('policy transactions are bounded in bytes', async (t) => {
  const memory = new TransactionMemory();
  const recipients = (n: number) => [parseInternalAddress(`${'x'.repeat(2000)}${n}@y.example`)];
  for (let i = 0; i < 400; i++) {
    const id = `1.${i}`;
    const instance = memory.begin(id, TABLE, 1000, {});
    for (let n = 0; n < 100; n++) memory.add(id, instance, recipients(n));
    for (const { name, used, limit } of memory.memory)
      if (used > limit) t.fail(`${name}: ${used} of ${limit} bytes`);
  }
  t.ok(memory.memory[0]!.used > 10_000_000);
  t.equal(memory.instance('1.0', 1000), undefined);
  t.equal(allAtOnce(memory.instance('1.399', 1000)!.recipients()).length, 100);
});

test('certificates are bounded in bytes', async (t) => {
  const memory = new TransactionMemory();
  const fingerprints = Array.from({ length: 20 }, () => 'AB:'.repeat(60));
  const transaction = (port: number) =>
    ({
      clientAddress: '192.0.2.1',
      clientPort: port,
      heloName: 'x',
      sender: parseInternalAddress('a@x.example'),
      recipients: [parseInternalAddress('r@y.example')],
      tls: {
        kind: 'tls',
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        bits: 256,
        certificate: { kind: 'untrusted', fingerprints },
      },
    }) as never;
  for (let port = 1; port < 10_000; port++) memory.rememberCertificate(transaction(port), 1, 1000);
  const { used, limit } = memory.memory[1]!;
  t.ok(used > limit / 4 && used <= limit, `${used} of ${limit} bytes`);
  t.equal(memory.takeCertificate(transaction(1), 1, 1000), null, 'the oldest is forgotten');
  t.match(memory.takeCertificate(transaction(9999), 1, 1000), { kind: 'untrusted' });
});

test('recipients beyond the bound of one message are taken for unseen', async (t) => {
  const on = await startDaemon(t, 'max-request = 1M\n[domain strict.example]\nreceive = encrypt\n');
  const socket = await on.open('policy');
  const asks = Array.from({ length: 400 }, (_, n) =>
    policyRequest({ sender: 'a@x.example', recipient: `${'x'.repeat(2000)}${n}@y.example` }),
  );
  const some = asks.slice(0, 10);
  const data = (recipient_count: string, instance = '1.2.3') =>
    policyRequest({
      protocol_state: 'DATA',
      sender: 'a@x.example',
      recipient: '',
      recipient_count,
      instance,
    });
  t.same(await policyAnswers(socket, some), Array(10).fill('DUNNO'));
  t.same(await policyAnswers(socket, [data('10')]), ['DUNNO'], 'all of them were seen');
  t.same(await policyAnswers(socket, asks.slice(10)), Array(390).fill('DUNNO'));
  t.match(await policyAnswers(socket, [data('400')]), [/^451 4\.3\.5 .*passed RCPT unasked/]);
  socket.destroy();
});
