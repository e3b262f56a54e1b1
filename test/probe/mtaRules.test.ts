/** What main.cf says about how servers are judged, and what counts without a Postfix. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { type PostfixConfig, parsePostfixConfig } from '../../src/mta/postfixConfig.ts';
import { comparesHosts, ownMta } from '../../src/probe/mtaRules.ts';

const DEFAULTS = `mail_version = 3.7.11
compatibility_level = 0
inet_protocols = all
smtp_address_preference = any
smtp_dns_support_level =
smtp_helo_name = mx.example.org
smtp_tls_CAfile =
smtp_tls_CApath =
smtp_tls_dane_insecure_mx_policy = \${{$smtp_tls_security_level} == {dane} ? {dane} : {may}}
smtp_tls_secure_cert_match = nexthop, dot-nexthop
smtp_tls_security_level =
smtp_tls_verify_cert_match = hostname
`;

const config = (set: string): PostfixConfig =>
  parsePostfixConfig({ directory: '/etc/postfix', set, defaults: DEFAULTS, master: '', overrides: '' })!;

test('main.cf', async (t) => {
  const plain = ownMta(config(''), null);
  t.match(plain, {
    rules: {
      verifyMatch: ['hostname'],
      secureMatch: ['nexthop', 'dot-nexthop'],
      insecureMx: 'may',
      dnssec: false,
      families: ['ipv4', 'ipv6'],
      first: null,
    },
    trust: { ca: [], from: 'no CA at all' },
    level: 'none',
    ehloName: 'mx.example.org',
    release: '3.7.11',
  });
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const name of ['ca.pem', '0a1b2c3d.0', 'README']) writeFileSync(join(folder, name), `${name}\n`);
  const lines = [
    `smtp_tls_CAfile = ${join(folder, 'ca.pem')}`,
    `smtp_tls_CApath = ${folder}`,
    'smtp_tls_security_level = dane',
    'smtp_dns_support_level = dnssec',
    'smtp_tls_verify_cert_match = hostname, .example.net',
    'inet_protocols = ipv4',
    'smtp_address_preference = ipv6',
  ];
  const set = ownMta(config(`${lines.join('\n')}\n`), null);
  t.same(set.trust, { ca: ['ca.pem\n', '0a1b2c3d.0\n'], from: `${join(folder, 'ca.pem')}, ${folder}` });
  t.match(set.rules, { insecureMx: 'dane', dnssec: true, verifyMatch: ['hostname', '.example.net'] });
  t.match(set.rules, { families: ['ipv4'], first: 'ipv6' });
  t.same(ownMta(config('inet_protocols = ipv6, ipv4\n'), null).rules.families, ['ipv4', 'ipv6']);
  t.equal(set.level, 'dane');
  t.equal(
    ownMta(config(lines[0]!), join(folder, '0a1b2c3d.0')).trust.ca[0],
    '0a1b2c3d.0\n',
    'a file of ours instead',
  );
  t.throws(() => ownMta(null, join(folder, 'none.pem')), { code: 'ENOENT' });
});

test('no Postfix', async (t) => {
  const { rules, level, release } = ownMta(null, null);
  t.match(rules, { dnssec: true, insecureMx: 'dane' });
  t.same([level, release], [null, null]);
});

test('which versions compare MX hosts with the patterns of a policy', async (t) => {
  const yes = ['3.10.5', '3.10.13', '3.10', '3.11', '3.11.0', '3.12-20260821', '4.0'];
  const no = ['3.7.11', '3.10.4', '3.9.9', '', 'x'];
  for (const version of yes) t.equal(comparesHosts(version), true, version);
  for (const version of no) t.equal(comparesHosts(version), false, version);
});
