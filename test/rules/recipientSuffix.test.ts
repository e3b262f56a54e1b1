/** The ends of routed domains: written, read back, and refused where they cannot stand. */
import t from 'tap';
import { nextHopOf, type Route, readRoute, writeRoute } from '../../src/rules/recipientSuffix.ts';

const ENCRYPT: Route = { end: 'encrypt' };
const VERIFY: Route = { end: 'verify' };
const GATEWAY: Route = { end: 'fallback', rule: 'secure-2' };

t.test('written and read back', async (t) => {
  const both = (domain: string, route: Route, whole: string, canonical = domain): void => {
    t.equal(writeRoute(domain, route), whole);
    const text = domain.replace(/\.$/, '');
    t.strictSame(readRoute(whole), { kind: 'routed', route, text, domain: canonical }, whole);
  };
  both('good.example', ENCRYPT, 'good.example.tlsward-encrypt');
  both('good.example', VERIFY, 'good.example.tlsward-verify');
  both('good.example', GATEWAY, 'good.example.secure-2.tlsward-fallback');
  both('good.example', { end: 'row' }, 'good.example.tlsward-row');
  both('Good.Example', ENCRYPT, 'Good.Example.tlsward-encrypt', 'good.example');
  both('good.example.', ENCRYPT, 'good.example.tlsward-encrypt', 'good.example');
  both('b\u00fccher.example', ENCRYPT, 'b\u00fccher.example.tlsward-encrypt', 'xn--bcher-kva.example');
  both('localhost', ENCRYPT, 'localhost.tlsward-encrypt');
  const via: Route = { end: 'verify', via: '[mx.good.example]:25' };
  both('Good.example', via, 'Good.example.tlsward-via.b-25.mx.good.example.tlsward-verify', 'good.example');
});

t.test('address literals, in one spelling', async (t) => {
  const both = (literal: string, route: Route, whole: string, text = literal): void => {
    t.equal(writeRoute(literal, route), whole, literal);
    t.strictSame(readRoute(whole), { kind: 'routed', route, text, domain: text.toLowerCase() }, whole);
  };
  both('[192.0.2.1]', ENCRYPT, '192.0.2.1.tlsward-literal.tlsward-encrypt');
  both('[192.0.2.1]', GATEWAY, '192.0.2.1.tlsward-literal.secure-2.tlsward-fallback');
  const via: Route = { end: 'row', via: '[relay.example]:587' };
  both('[192.0.2.1]', via, '192.0.2.1.tlsward-literal.tlsward-via.b-587.relay.example.tlsward-row');
  const long = '[IPv6:2001:db8:0:0:0:0:0:1]';
  const labels = 'ipv6-2001-db8-0-0-0-0-0-1.tlsward-literal.tlsward-verify';
  for (const spelling of ['[IPv6:2001:db8::1]', '[ipv6:2001:DB8::0:1]', long])
    both(spelling, VERIFY, labels, long);
  t.match(readRoute('192.0.2.1.TLSWARD-Literal.tlsward-encrypt.'), { kind: 'routed', domain: '[192.0.2.1]' });
  t.equal(nextHopOf('[192.0.2.1]'), '[192.0.2.1]');
  t.equal(nextHopOf('[ipv6:2001:db8:0:0:0:0:0:1]'), '[2001:db8:0:0:0:0:0:1]', 'as transport_maps take it');
  t.equal(nextHopOf('good.example'), 'good.example');
});

t.test('any case, a trailing dot', async (t) => {
  const want = { kind: 'routed', route: ENCRYPT, domain: 'good.example' };
  t.match(readRoute('GOOD.example.TLSWARD-Encrypt'), want);
  t.match(readRoute('good.example.tlsward-encrypt.'), want);
  t.match(readRoute('good.example.Secure-2.tlsward-FALLBACK'), { ...want, route: GATEWAY });
});

t.test('other domains are plain', async (t) => {
  for (const domain of [
    '',
    '.',
    'good.example',
    'tlsward-encrypt.example',
    'good.tlsward-encrypt.example',
    'good.example.xtlsward-encrypt',
    'good.exampletlsward-encrypt',
    'good.example.tlsward-encrypt..',
    '[192.0.2.1]',
    // folding case beyond ASCII would read these as ours
    'good.example.tlsward-fallbac\u212a',
  ])
    t.equal(readRoute(domain).kind, 'plain', domain);
});

t.test('ours, and no way to take them apart', async (t) => {
  for (const domain of [
    'tlsward-encrypt',
    '.tlsward-encrypt',
    'a..b.tlsward-encrypt',
    'a b.tlsward-verify',
    '[192.0.2.1].tlsward-encrypt',
    '192.0.2.1.tlsward-encrypt',
    'tlsward-literal.tlsward-encrypt',
    '192.0.2.tlsward-literal.tlsward-encrypt',
    '192.0.2.01.tlsward-literal.tlsward-encrypt',
    '192.0.2.1.5.tlsward-literal.tlsward-encrypt',
    'x.192.0.2.1.tlsward-literal.tlsward-encrypt',
    'good.example.tlsward-literal.tlsward-encrypt',
    'ipv6-2001-db8-0-0-0-0-0-01.tlsward-literal.tlsward-encrypt',
    'ipv6-2001-db8--1.tlsward-literal.tlsward-encrypt',
    '[192.0.2.1].tlsward-literal.tlsward-encrypt',
    '192.0.2.1.tlsward-literal.tlsward-literal.tlsward-encrypt',
    '192.0.2.1.tlsward-literal.example.tlsward-encrypt',
    'good.example.tlsward-verify.tlsward-encrypt',
    'good.example.rule.tlsward-fallback.tlsward-encrypt',
    'tlsward-fallback',
    'rule.tlsward-fallback',
    '.rule.tlsward-fallback',
    'good.example.-rule.tlsward-fallback',
    'good.example.a rule.tlsward-fallback',
    'good.example..tlsward-fallback',
    `${'a.'.repeat(600)}tlsward-encrypt`,
    '\0.tlsward-encrypt',
    'good.example.tlsward-via.tlsward-encrypt',
    'good.example.tlsward-via.x.mx.good.example.tlsward-encrypt',
    'tlsward-via.b.mx.good.example.tlsward-encrypt',
    '.tlsward-via.b.mx.good.example.tlsward-encrypt',
    'good.example.tlsward-via.m.a.example.tlsward-via.m.b.example.tlsward-encrypt',
    'good.example.tlsward-via.m.a.example.rule.tlsward-fallback',
  ])
    t.equal(readRoute(domain).kind, 'unreadable', domain);
});

t.test('no room, no name', async (t) => {
  const label = 'a'.repeat(49);
  const longest = [label, label, label, label, 'b'.repeat(33), 'example'].join('.');
  // 253 with the dot and the 15 characters of the end
  const fits = longest.slice(longest.length - (253 - 16));
  t.equal(fits.length + 16, 253);
  t.equal(writeRoute(fits, ENCRYPT), `${fits}.tlsward-encrypt`);
  t.equal(writeRoute(`a${fits}`, ENCRYPT), null, 'one character more');
  t.equal(writeRoute('[192.0.2.1', ENCRYPT), null);
  t.equal(writeRoute('[192.0.2]', ENCRYPT), null);
  t.equal(writeRoute('192.0.2.1.tlsward-literal', ENCRYPT), null, 'nobody else writes this');
  t.equal(writeRoute('192.0.2.1', ENCRYPT), null);
  t.equal(writeRoute('', ENCRYPT), null);
  t.equal(writeRoute('good.example.tlsward-verify', ENCRYPT), null, 'no second end');
  t.equal(writeRoute('good.example', { end: 'fallback', rule: 'a b' }), null);
  t.equal(writeRoute('good.example', { end: 'encrypt', via: 'a.example, b.example' }), null);
  t.equal(writeRoute(`${label}.example`, { end: 'encrypt', via: `[${'b.'.repeat(90)}example]` }), null);
  t.equal(writeRoute('good.example', { end: 'fallback', rule: 'x'.repeat(64) }), null);
});
