import { test } from 'tap';
import { parseNetwork } from '../../src/core/network.ts';
import { judgeAddress } from '../../src/sts/addressFilter.ts';

test('addresses that are refused', async (t) => {
  const refused = (text: string, why: RegExp | string) => {
    const judged = judgeAddress(text, null);
    t.equal(judged.kind, 'refused', text);
    if (judged.kind === 'refused') t.match(judged.why, why, text);
  };
  for (const [text, why] of [
    ['0.0.0.0', 'this'],
    ['0.1.2.3', 'this'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carrier'],
    ['100.127.255.255', 'carrier'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.170', 'protocols'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4'],
    ['192.168.0.1', 'private'],
    ['198.18.0.1', 'benchmarks'],
    ['198.19.255.255', 'benchmarks'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.7', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
  ] as const) {
    refused(text, why);
    // the ways to write it as IPv6 that reach the same host, or would on some system
    refused(`::ffff:${text}`, why);
    refused(`64:ff9b::${text}`, why);
    if (text !== '0.0.0.0') refused(`::${text}`, 'IPv4-compatible');
    refused(`::ffff:0:${text}`, 'IPv4-translated');
  }
  refused('::ffff:7f00:1', 'loopback');
  refused('0:0:0:0:0:FFFF:7F00:0001', 'loopback');
  refused('64:ff9b::7f00:1', 'loopback');
  for (const [text, why] of [
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['64:ff9b:1:ffff:ffff:ffff:ffff:ffff', 'local NAT64'],
    ['64:ff9b:2::1', 'not global'],
    ['100::1', 'discarding'],
    ['2001::1', 'Teredo'],
    ['2001:2::1', 'protocols'],
    ['2001:20::1', 'protocols'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::1', '6to4'],
    ['3fff:fff::1', 'documentation'],
    ['5f00::1', 'segment'],
    ['fc00::1', 'unique local'],
    ['fdff::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'not global'],
    ['1::1', 'not global'],
  ] as const) {
    refused(text, why);
  }
  for (const text of [
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '010.0.0.1',
    'fe80::1%eth0',
    '[::1]',
    '1.2.3.4 ',
  ]) {
    refused(text, 'not an IP address');
  }
});

test('addresses that are let through', async (t) => {
  const allowed = (text: string, address = text) =>
    t.same(judgeAddress(text, null), { kind: 'allowed', address, port: 443 }, text);
  allowed('1.1.1.1');
  allowed('9.255.255.255');
  allowed('11.0.0.1');
  allowed('100.63.255.255');
  allowed('100.128.0.1');
  allowed('126.255.255.255');
  allowed('128.0.0.1');
  allowed('172.15.255.255');
  allowed('172.32.0.1');
  allowed('223.255.255.254');
  // what is judged is what is connected to
  allowed('::ffff:8.8.8.8', '8.8.8.8');
  allowed('64:ff9b::8.8.8.8', '64:ff9b:0:0:0:0:808:808');
  allowed('2001:200::1', '2001:200:0:0:0:0:0:1');
  allowed('2606:4700::1111', '2606:4700:0:0:0:0:0:1111');
  allowed('2a00:1450:4001:81b::2003', '2a00:1450:4001:81b:0:0:0:2003');
});

test('the opening for tests', async (t) => {
  const opening = { network: parseNetwork('127.0.0.0/30')!, port: 8443 };
  t.same(judgeAddress('127.0.0.1', opening), { kind: 'allowed', address: '127.0.0.1', port: 8443 });
  t.same(judgeAddress('::ffff:127.0.0.1', opening), { kind: 'allowed', address: '127.0.0.1', port: 8443 });
  t.match(judgeAddress('127.0.0.4', opening), { kind: 'refused' }, 'not beyond it');
  t.match(judgeAddress('::1', opening), { kind: 'refused' });
  t.match(judgeAddress('10.0.0.1', opening), { kind: 'refused' });
  t.same(judgeAddress('1.1.1.1', opening), { kind: 'allowed', address: '1.1.1.1', port: 443 });
});
