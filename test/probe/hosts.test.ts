/** Where mail for a domain goes: hosts in order, their addresses of both families, and TLSA records. */
import t from 'tap';
import { findHosts, type MailHosts } from '../../src/probe/hosts.ts';
import { FakeResolver } from '../dns/fakeResolver.ts';

async function hosts(lines: readonly string[], name = 'bank.example', isHost = false, trusted = true) {
  return await findHosts(new FakeResolver(lines, trusted), { name, isHost, port: 25 });
}

/** `10 mx.bank.example 192.0.2.1 records` */
function short(found: MailHosts): string[] {
  if (found.kind !== 'hosts') return ['why' in found ? `${found.kind}: ${found.why}` : found.kind];
  return [
    found.mx,
    ...found.hosts.map(({ preference, name, addresses, trouble, tlsa }) =>
      [preference, name, ...addresses, trouble, tlsa.kind].filter((text) => text !== '').join(' '),
    ),
    ...(found.more > 0 ? [`${found.more} more`] : []),
  ];
}

t.test('MX records', async (t) => {
  const found = await hosts([
    'MX bank.example = 20 b.bank.example, 10 a.bank.example, 30 a.bank.example',
    'A a.bank.example = 192.0.2.1, 2001:db8::1',
    'A b.bank.example = absent',
    'TLSA _25._tcp.a.bank.example = 3 1 1 sha256',
  ]);
  t.same(short(found), [
    'signed',
    '10 a.bank.example 192.0.2.1 2001:db8::1 records',
    '20 b.bank.example it has no address not-there',
  ]);
  const unsigned = await hosts([
    'MX bank.example = 10 a.bank.example insecure',
    'A a.bank.example = 192.0.2.1 insecure',
  ]);
  t.same(short(unsigned), ['unsigned', '10 a.bank.example 192.0.2.1 none']);
  t.same(short(await hosts(['MX bank.example = 0 .'])), ['null-mx']);
  t.same(short(await hosts(['MX bank.example = unknown'])), ['unknown: no answer about MX bank.example']);
  const many = Array.from({ length: 12 }, (_, i) => `${i} h${i}.bank.example`);
  const lines = many.map((_, i) => `A h${i}.bank.example = absent`);
  const [, ...all] = short(await hosts([`MX bank.example = ${many.join(', ')}`, ...lines]));
  t.equal(all.length, 11);
  t.equal(all.at(-1), '2 more');
});

t.test('many addresses', async (t) => {
  const v4 = (net: number) => Array.from({ length: 8 }, (_, i) => `192.0.${net}.${i + 1}`);
  const [, one] = short(
    await hosts([
      'MX bank.example = 10 a.bank.example insecure',
      `A a.bank.example = ${v4(2).join(', ')}, 2001:db8::1 insecure`,
    ]),
  );
  t.match(one, '10 a.bank.example 192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 ');
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const found = await hosts([
    `MX bank.example = ${names.map((name, i) => `${i} ${name}.bank.example`).join(', ')} insecure`,
    ...names.map((name, i) => `A ${name}.bank.example = ${v4(i).join(', ')} insecure`),
  ]);
  if (found.kind !== 'hosts') throw new Error(found.kind);
  t.same(
    [found.hosts.flatMap(({ addresses }) => addresses).length, found.hosts.length, found.more],
    [24, 4, 2],
  );
});

t.test('no MX records', async (t) => {
  const lines = ['A bank.example = 192.0.2.1', 'TLSA _25._tcp.bank.example = absent'];
  t.same(short(await hosts(['MX bank.example = absent', ...lines])), [
    'none',
    '0 bank.example 192.0.2.1 none',
  ]);
  t.same(short(await hosts(lines, 'bank.example', true)), ['none', '0 bank.example 192.0.2.1 none']);
  t.same(short(await hosts([], '[192.0.2.1]', true)), ['none', '0 [192.0.2.1] 192.0.2.1 none']);
  const v6 = await hosts([], '[ipv6:2001:db8:0:0:0:0:0:1]', true);
  t.same(short(v6), ['none', '0 [ipv6:2001:db8:0:0:0:0:0:1] 2001:db8:0:0:0:0:0:1 none']);
});

t.test('a resolver that nobody trusts', async (t) => {
  const found = await hosts(
    ['MX bank.example = 10 a.bank.example', 'A a.bank.example = 192.0.2.1'],
    'bank.example',
    false,
    false,
  );
  t.match(
    short(found).at(-1),
    /^10 a\.bank\.example 192\.0\.2\.1 unknown$/,
    'TLSA records are not known to be absent',
  );
});
