/** Canonical domains and address literals: one spelling for each, or none. */
import { test } from 'tap';
import { canonicalDomain, canonicalLiteral, nameMatches } from '../../src/core/domain.ts';
import { generator } from '../mark/generator.ts';

test('canonical domains', async (t) => {
  const good = (input: string, want: string): void => {
    t.equal(canonicalDomain(input), want, JSON.stringify(input));
    t.equal(canonicalDomain(want), want, `${want} is canonical`);
  };
  const bad = (input: string): void => {
    t.equal(canonicalDomain(input), null, JSON.stringify(input));
  };
  good('example.com', 'example.com');
  good('Example.COM', 'example.com');
  good('example.com.', 'example.com');
  good('localhost', 'localhost');
  good('a_b.example', 'a_b.example');
  good('_dmarc.example', '_dmarc.example');
  good('ab--cd.example', 'ab--cd.example');
  good('3com.example', '3com.example');
  good('x.1a', 'x.1a');
  good(`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`);
  good(`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`);
  // names that objects have anyway
  good('__proto__', '__proto__');
  good('constructor.prototype', 'constructor.prototype');

  // U-labels, in any composition and width, and other dots
  good('b\u00fccher.example', 'xn--bcher-kva.example');
  good('B\u00dcCHER.Example', 'xn--bcher-kva.example');
  good('bu\u0308cher.example', 'xn--bcher-kva.example');
  good('\uff42\u00fccher.example', 'xn--bcher-kva.example');
  good('XN--BCHER-KVA.example', 'xn--bcher-kva.example');
  good('b\u00fccher\u3002example', 'xn--bcher-kva.example');
  good('a\uff0eexample', 'a.example');
  good('a\uff61example', 'a.example');
  good('example.com\u3002', 'example.com');
  good('fa\u00df.example', 'xn--fa-hia.example');
  good('\ufb00.example', 'ff.example');
  good('\u212a.example', 'k.example');
  good('exa\u00admple.example', 'example.example');
  // a capital sigma is a plain sigma wherever it stands
  good('a.\u039f\u0394\u039f\u03a3', 'a.xn--pxavbq');
  good('a.\u03bf\u03b4\u03bf\u03c3', 'a.xn--pxavbq');
  good('a.\u03bf\u03b4\u03bf\u03c2', 'a.xn--pxavbm');

  for (const text of ['', '.', '..', '.example', 'a..b', 'example.com..', '-a.example', 'a-.example'])
    bad(text);
  for (const text of [`${'a'.repeat(64)}.example`, `${'a.'.repeat(127)}a`, 'x'.repeat(2000)]) bad(text);
  // IPv4 addresses in any writing are not names
  for (const text of ['192.0.2.1', '1', 'a.1', '0x7f.1', '\uff11\uff12\uff17.0.0.1', '0x7f.\uff11'])
    bad(text);
  // characters that no name has
  for (const text of [
    'a b',
    'a\tb',
    'a/b',
    'a\\b',
    'a%41',
    'a@b',
    'a:25',
    '[a]',
    'a#',
    'a?',
    '<a>',
    '"a"',
    'a,b',
    'a!',
    'a*',
    "a'",
  ]) {
    bad(`${text}.example`);
  }
  for (const text of [
    '\u00e4\0',
    'a\x7f',
    '\u00e4\x7f',
    'a\u00a0b',
    'a\uff20b',
    'a\uff1ab',
    'a\uff0fb',
    '\u202eabc',
    'a\u200db',
  ]) {
    bad(`${text}.example`);
  }
  // Punycode that is none, or of what has no business there
  for (const text of ['xn--', 'xn--a', 'xn--zn7c', 'xn--example-', 'XN--A', 'a.xn--abc'])
    bad(`${text}.example`);
  bad(`${'\u00fc'.repeat(60)}.example`);
  bad('\ud800.example');
});

test('whatever comes out is a host name, and canonical', async (t) => {
  const random = generator();
  const pieces = [
    'a',
    'B',
    '-',
    '_',
    '.',
    '\u3002',
    '\u00fc',
    'xn--',
    'kva',
    '0',
    '1',
    '\u0308',
    '\uff21',
    '\u03a3',
    ' ',
    '%',
    '\u202e',
  ];
  let names = 0;
  for (let round = 0; round < 20_000; round++) {
    let text = '';
    for (let i = random.integer(9); i >= 0; i--)
      text += random.integer(20) === 0 ? random.text(3) : random.pick(pieces);
    const name = canonicalDomain(text);
    if (name === null) continue;
    names++;
    const shape =
      /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name) && name.length <= 253;
    if (
      !shape ||
      canonicalDomain(name) !== name ||
      canonicalDomain(`${name}.`) !== name ||
      canonicalDomain(name.toUpperCase()) !== name
    ) {
      t.fail(`seed ${random.seed}: ${JSON.stringify(text)} gives ${JSON.stringify(name)}`);
    }
  }
  t.ok(names > 1000, `${names} names`);
});

test('address literals', async (t) => {
  const good = (input: string, want: string): void => {
    t.equal(canonicalLiteral(input), want, input);
    t.equal(canonicalLiteral(want), want, `${want} is canonical`);
  };
  good('[192.0.2.1]', '[192.0.2.1]');
  good('[IPv6:2001:DB8::1]', '[ipv6:2001:db8:0:0:0:0:0:1]');
  good('[ipv6:2001:db8:0:0::1]', '[ipv6:2001:db8:0:0:0:0:0:1]');
  good('[2001:db8::1]', '[ipv6:2001:db8:0:0:0:0:0:1]');
  good('[IPv6:::ffff:192.0.2.1]', '[192.0.2.1]');
  for (const bad of [
    '192.0.2.1',
    '[192.0.2.1',
    '192.0.2.1]',
    '[]',
    '[x]',
    '[192.0.2.01]',
    '[192.0.2.256]',
    '[IPv6:]',
    '[IPv6:fe80::1%eth0]',
    '[[192.0.2.1]]',
    '',
  ]) {
    t.equal(canonicalLiteral(bad), null, bad);
  }
});

test('names below a name', async (t) => {
  const matches = (wanted: string, name: string, want: boolean): void => {
    t.equal(nameMatches(wanted, name), want, `${wanted} ${name}`);
  };
  matches('a.example', 'a.example', true);
  matches('a.example', 'b.a.example', false);
  matches('.a.example', 'b.a.example', true);
  matches('.a.example', 'c.b.a.example', true);
  matches('.a.example', 'a.example', false);
  matches('.a.example', 'ba.example', false);
  matches('.a.example', '.a.example', false);
});
