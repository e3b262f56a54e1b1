/** IP addresses and networks. */
import { test } from 'tap';
import {
  formatAddress,
  inNetworks,
  isInside,
  type Network,
  parseAddress,
  parseNetwork,
} from '../../src/core/network.ts';

test('addresses', async (t) => {
  const good = (input: string, want: string): void => {
    const bytes = parseAddress(input);
    t.equal(bytes?.length, 16, input);
    t.equal(bytes === null ? null : formatAddress(bytes), want, input);
    t.same(parseAddress(want), bytes, `${want} says the same`);
  };
  good('192.0.2.1', '192.0.2.1');
  good('0.0.0.0', '0.0.0.0');
  good('255.255.255.255', '255.255.255.255');
  good('::', '0:0:0:0:0:0:0:0');
  good('::1', '0:0:0:0:0:0:0:1');
  good('1::', '1:0:0:0:0:0:0:0');
  good('2001:DB8::A:0:1', '2001:db8:0:0:0:a:0:1');
  good('1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8');
  good('1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0');
  good('::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8');
  good('::ffff:192.0.2.1', '192.0.2.1');
  good('::FFFF:c000:201', '192.0.2.1');
  good('::192.0.2.1', '0:0:0:0:0:0:c000:201');
  good('1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201');
  good('64:ff9b::192.0.2.33', '64:ff9b:0:0:0:0:c000:221');
  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4/8',
    '0x1.2.3.4',
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '::1%lo',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.4:5',
    ':1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    'unknown',
    'IPv6:::1',
  ];
  for (const text of bad) t.equal(parseAddress(text), null, text);
});

test('networks', async (t) => {
  const inside = (network: string, address: string, want: boolean): void => {
    const parsed = parseNetwork(network);
    t.not(parsed, null, network);
    t.equal(inNetworks([parsed as Network], address), want, `${address} in ${network}`);
  };
  inside('10.0.0.0/8', '10.255.0.1', true);
  inside('10.0.0.0/8', '11.0.0.1', false);
  inside('10.0.0.0/8', '::ffff:10.0.0.1', true);
  inside('192.0.2.128/25', '192.0.2.127', false);
  inside('192.0.2.128/25', '192.0.2.129', true);
  inside('192.0.2.1', '192.0.2.1', true);
  inside('192.0.2.1', '192.0.2.2', false);
  inside('192.0.2.1/32', '192.0.2.1', true);
  inside('0.0.0.0/0', '203.0.113.9', true);
  inside('0.0.0.0/0', '2001:db8::1', false);
  inside('::/0', '203.0.113.9', true);
  inside('::1', '0:0:0:0:0:0:0:1', true);
  inside('[::1]/128', '::1', true);
  inside('2001:db8::/33', '2001:db8:7fff::1', true);
  inside('2001:db8::/33', '2001:db8:8000::1', false);
  inside('::ffff:10.0.0.0/104', '10.9.9.9', true);
  inside('10.0.0.0/8', 'unknown', false);
  inside('10.0.0.0/8', '', false);
  for (const bad of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.1/8',
    '2001:db8::/129',
    '2001:db8::1/64',
    '10.0.0.0/8/8',
    'a.example',
    '10.0.0/8',
    '[::1',
  ]) {
    t.equal(parseNetwork(bad), null, bad);
  }
  t.equal(inNetworks([], '10.0.0.1'), false);
  const several = ['10.0.0.0/8', '::1'].map((text) => parseNetwork(text)!);
  t.equal(inNetworks(several, '::1'), true, 'the second counts too');
});

test('a network inside another', async (t) => {
  const inside = (inner: string, outer: string): boolean =>
    isInside(parseNetwork(inner)!, parseNetwork(outer)!);
  t.equal(inside('10.1.0.0/16', '10.0.0.0/8'), true);
  t.equal(inside('10.0.0.0/8', '10.0.0.0/8'), true);
  t.equal(inside('10.0.0.0/8', '10.1.0.0/16'), false);
  t.equal(inside('11.0.0.0/16', '10.0.0.0/8'), false);
  t.equal(inside('192.0.2.128/26', '192.0.2.128/25'), true);
  t.equal(inside('192.0.2.0/26', '192.0.2.128/25'), false);
  t.equal(inside('2001:db8:1::/48', '2001:db8::/32'), true);
  t.equal(inside('2001:db9::/48', '2001:db8::/32'), false);
});
