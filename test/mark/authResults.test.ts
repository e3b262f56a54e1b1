import t from 'tap';
import { authservIdOf, claimsToBeOurs, formatAuthResults } from '../../src/mark/authResults.ts';
import { leastThreadMs } from '../measured.ts';
import { generator } from './generator.ts';
import { SAMPLE } from './sample.ts';

t.test('the x-tls form that other tools read', (t) => {
  t.equal(
    formatAuthResults('mx.example.org', SAMPLE),
    'mx.example.org;\n x-tls=pass smtp.version=TLSv1.3 smtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256',
  );
  const plain = { ...SAMPLE, state: 'unprotected', protocol: '', cipher: '', bits: null } as const;
  t.equal(formatAuthResults('mx.example.org', plain), 'mx.example.org;\n x-tls=none');
  t.equal(
    formatAuthResults('mx.example.org', { ...plain, state: 'unknown' }),
    'mx.example.org;\n x-tls=neutral',
  );
  t.match(
    formatAuthResults('mx.example.org', { ...SAMPLE, state: 'unprotected', protocol: 'TLSv1' }),
    /x-tls=policy smtp\.version=TLSv1 /,
  );
  t.match(
    formatAuthResults('mx.example.org', { ...SAMPLE, cipher: 'A"; x-evil=pass\r\nX: y\\' }),
    /smtp\.cipher="A\\"; x-evil=pass\?\?X: y\\\\" smtp\.bits=256$/,
  );
  t.notMatch(formatAuthResults('mx.example.org', { ...SAMPLE, cipher: 'c'.repeat(5000) }), /c{129}/);
  t.throws(() => formatAuthResults('mx.example.org; x-tls=pass', SAMPLE), RangeError);
  t.throws(() => formatAuthResults('', SAMPLE), RangeError);
  t.end();
});

t.test('authserv-id', (t) => {
  const good = (value: string, id: string | null): void => {
    t.equal(authservIdOf(value), id, JSON.stringify(value));
  };
  good('mx.example.org; x-tls=pass', 'mx.example.org');
  good(' mx.example.org;x', 'mx.example.org');
  good('mx.example.org', 'mx.example.org');
  good('mx.example.org 1; spf=pass', 'mx.example.org');
  good('mx.example.org(c)1; spf=pass', 'mx.example.org');
  good('\n\tmx.example.org;\n spf=pass', 'mx.example.org');
  good('\r\n (a comment) \r\n\tmx.example.org;', 'mx.example.org');
  good('(a (nested \\) one) \\( b)mx.example.org;', 'mx.example.org');
  good('"mx.example.org"; x', 'mx.example.org');
  good('"mx.\\example.org" 1; x', 'mx.example.org');
  good('"mx.exam\n ple.org"; x', 'mx.exam ple.org');
  good('mx.example.org/1; spf=pass', 'mx.example.org');
  good('spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x', 'spf');
  good('', null);
  good('   ', null);
  good('; spf=pass', null);
  good('(never ends mx.example.org; spf=pass', null);
  good('"never ends; spf=pass', null);
  good(`${'('.repeat(20_000)}mx`, null);
  t.end();
});

t.test('whose results they claim to be', (t) => {
  const OURS = ['mx.example.org', '.in.example.org'];
  const ours = (value: string): void => {
    t.equal(claimsToBeOurs(value, OURS), true, `ours: ${JSON.stringify(value)}`);
  };
  const theirs = (value: string): void => {
    t.equal(claimsToBeOurs(value, OURS), false, `not ours: ${JSON.stringify(value)}`);
  };
  ours('mx.example.org; x-tls=pass');
  ours('MX.Example.ORG; x-tls=pass');
  ours('mx.example.org.; x-tls=pass');
  ours('(sic) "mx.example.org" (really) 1 ; none');
  ours('mx.example.org=1; spf=pass');
  ours('a.in.example.org; dkim=pass');
  ours('a.b.IN.example.org; dkim=pass');
  ours('\uff4d\uff58.example.org; full-width letters are the same name');
  ours('mx\xe3\x80\x82example.org; UTF-8 bytes of an ideographic full stop');
  ours('(unreadable');
  ours('');
  ours('\xff\xfe; no UTF-8');
  theirs('mx.example.com; x-tls=pass');
  theirs('smx.example.org; x-tls=pass');
  theirs('mx.example.org.evil.example; x-tls=pass');
  theirs('in.example.org; x-tls=pass');
  theirs('spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x; mx.example.org');
  theirs('other.example; (mx.example.org; x-tls=pass)');
  theirs('phl-mx-04.messagingengine.com;\n    x-tls=pass smtp.version=TLSv1.3');
  t.equal(claimsToBeOurs('gateway; spf=pass', ['Gateway']), true, 'an id need not be a domain name');
  t.end();
});

t.test('any text: no exception, and no slow one', (t) => {
  const g = generator();
  for (let round = 0; round < 5000; round++)
    t.type(claimsToBeOurs(g.text(80), ['mx.example.org']), 'boolean');
  for (const hard of [
    '('.repeat(1e6),
    '\\('.repeat(1e6),
    ' '.repeat(1e6),
    '"\\'.repeat(1e6),
    'a'.repeat(1e6),
  ]) {
    const ms = leastThreadMs(500, () => claimsToBeOurs(hard, ['mx.example.org']));
    t.ok(ms < 500, `a million characters: ${ms} ms`);
  }
  t.end();
});
