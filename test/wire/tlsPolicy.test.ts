/**
 * Values for `smtp_tls_policy_maps` that carry an MTA-STS policy, and the answers of other policy servers: what is let
 * through to which Postfix, and what is not.
 */
import { test } from 'tap';
import { type PostfixVersion, parsePostfixVersion } from '../../src/core/postfixVersion.ts';
import { parseTlsPolicy } from '../../src/wire/tlsPolicyParse.ts';
import { formatTlsPolicy, MAX_VALUE, type TlsPolicyValue } from '../../src/wire/tlsPolicyValue.ts';
import { randomFrom, seed } from './milterBytes.ts';

const V = (text: string): PostfixVersion => {
  const version = parsePostfixVersion(text);
  if (version === null) throw new Error(text);
  return version;
};
const SECURE: TlsPolicyValue = {
  level: 'secure',
  match: ['mx.a.example', '.b.example'],
  minProtocol: null,
  minBits: 0,
  exclude: [],
  servername: 'hostname',
};
const STS = {
  domain: 'a.example',
  mx: ['mx.a.example', '*.b.example'],
  lines: ['version: STSv1', 'mode: enforce'],
};

test('an MTA-STS policy goes along from 3.10 on, and never before', async (t) => {
  const say = (version: string, more: Partial<TlsPolicyValue> = {}): string =>
    formatTlsPolicy({ ...SECURE, sts: STS, ...more }, V(version));
  const old = 'secure match=mx.a.example:.b.example servername=hostname';
  const whole =
    `${old} policy_type=sts policy_domain=a.example` +
    ' {policy_string = version: STSv1} {policy_string = mode: enforce}' +
    ' mx_host_pattern=mx.a.example mx_host_pattern=*.b.example';
  t.equal(say('3.3'), 'secure match=mx.a.example:.b.example', 'servername= came with 3.4');
  for (const version of ['3.4', '3.7', '3.9']) t.equal(say(version), old);
  for (const version of ['3.10', '3.12', '4.0']) t.equal(say(version), whole);
  t.equal(
    say('3.10', { sts: { ...STS, mx: [] } }),
    old,
    'a policy without a pattern would let every MX pass',
  );
  const odd = ['', ' ', 'a{b', 'a}b', 'tab\there', 'ü', 'x'.repeat(1003), ' blank first'];
  t.equal(
    say('3.10', { sts: { ...STS, lines: [...odd, 'mode: enforce'] } }),
    whole.replace(' {policy_string = version: STSv1}', ''),
    'lines that could break the grammar are left out',
  );
  t.equal(say('3.10', { sts: { ...STS, domain: 'a.example policy_ttl=1' } }), old);
  t.equal(say('3.10', { sts: { ...STS, mx: ['a,b', 'mx.a.example', '*.b.example'] } }), whole);
});

test('an answer is never longer than Postfix reads', async (t) => {
  const lines = Array.from({ length: 100 }, () => 'x'.repeat(1000));
  const mx = Array.from({ length: 1000 }, (_, i) => `mx${i}.a.example`);
  const without = formatTlsPolicy({ ...SECURE, sts: { ...STS, mx, lines } }, V('3.10'));
  t.ok(without.length <= MAX_VALUE);
  t.notMatch(without, /policy_string/, 'lines go first');
  t.match(without, /mx_host_pattern=mx999\.a\.example$/);
  const more = Array.from({ length: 4000 }, (_, i) => `m${i}.example`);
  t.equal(
    formatTlsPolicy({ ...SECURE, sts: { ...STS, mx: more, lines } }, V('3.10')),
    formatTlsPolicy(SECURE, V('3.10')),
    'then all that is only for 3.10: the names still have to match',
  );
  const names = Array.from({ length: 20_000 }, (_, i) => `m${i}.example`);
  t.throws(() => formatTlsPolicy({ ...SECURE, match: names }, V('3.10')), RangeError);
});

test('answers of other servers', async (t) => {
  const good = (value: string, want: string, version = '3.12'): void => {
    const parsed = parseTlsPolicy(value, V(version));
    if (parsed.kind !== 'policy') return void t.fail(`${value}: ${parsed.why}`);
    const { level, attributes } = parsed;
    const said = formatTlsPolicy(
      { level, match: [], minProtocol: null, minBits: 0, exclude: [], attributes },
      V(version),
    );
    t.equal(said, want, `${value} for ${version}`);
  };
  good('dane-only', 'dane-only');
  good('DANE', 'dane');
  good('  encrypt\t,ciphers=high', 'encrypt ciphers=high');
  const resolver = 'secure match=mx.a.example:.b.example servername=hostname';
  good(resolver, resolver);
  good(resolver, 'secure match=mx.a.example:.b.example', '3.3');
  good('verify match=hostname match=.a.example', 'verify match=hostname match=.a.example');
  const tlspol =
    'secure match=mx.a.example servername=hostname policy_type=sts policy_domain=a.example policy_ttl=86400' +
    ' mx_host_pattern=mx.a.example { policy_string = version: STSv1 } { policy_string = mx: *.a.example }';
  good(
    tlspol,
    'secure match=mx.a.example servername=hostname policy_type=sts policy_domain=a.example' +
      ' mx_host_pattern=mx.a.example {policy_string = version: STSv1} {policy_string = mx: *.a.example}',
  );
  good(tlspol, 'secure match=mx.a.example servername=hostname', '3.9');
  good('may policy_type=sts policy_domain=a.example policy_failure=sts-webpki-invalid', 'may', '3.7');
  good(
    'encrypt protocols=>=TLSv1.2 exclude=aNULL:RC4-SHA',
    'encrypt protocols=>=TLSv1.2 exclude=aNULL:RC4-SHA',
  );
  good('may protocols=>=TLSv1.2', 'may', '3.5');
  good('may protocols=!SSLv2:!SSLv3', 'may protocols=!SSLv2:!SSLv3', '3.5');
  good('dane connection_reuse=yes enable_rpk=no', 'dane connection_reuse=yes', '3.8');
  good('secure tafile=/etc/ssl/a.pem', 'secure tafile=/etc/ssl/a.pem');
  const digest = Array.from({ length: 32 }, () => 'ab').join(':');
  good(`fingerprint match=${digest}|${digest}`, `fingerprint match=${digest}|${digest}`);
});

test('what is not known is not passed on', async (t) => {
  const bad = (value: string, why: RegExp): void => {
    t.match(parseTlsPolicy(value, V('3.12')), { kind: 'unknown', why }, value.slice(0, 80));
  };
  bad('', /no TLS level/);
  bad('secured', /no TLS level: "secured"/);
  bad('half-dane', /no TLS level/);
  bad('secure foo=bar', /not known: "foo=bar"/);
  bad('secure match', /not known/);
  bad('secure __proto__=1', /not known/);
  bad('secure match=', /not a value of match=/);
  bad('secure match=a b', /not known: "b"/);
  bad('secure match=a..b', /not a value/);
  bad('encrypt match=a.example', /match= at level encrypt/);
  bad('dane match=a.example', /match= at level dane/);
  bad('fingerprint', /without match=/);
  bad('fingerprint match=a.example', /match= at level fingerprint/);
  bad('secure match=aa:bb:cc|dd', /not a value/);
  bad('encrypt ciphers=high ciphers=low', /ciphers= twice/);
  bad('encrypt ciphers=best', /not a value of ciphers/);
  bad('encrypt tafile=../x', /not a value of tafile/);
  bad('secure policy_domain=a.example', /policy_domain= without policy_type=/);
  bad('secure mx_host_pattern=a.example', /mx_host_pattern= without policy_type=/);
  bad('secure policy_type=dane', /not a value of policy_type/);
  bad('secure {policy_string = a', /braces/);
  bad('secure policy_string = a}', /braces/);
  bad('secure { {a} }', /braces/);
  bad('secure {a=b}c', /braces/);
  bad('secure policy_type=sts {policy_string = }', /not a value of policy_string/);
  bad(`secure match=${'a.'.repeat(60_000)}example`, /longer than Postfix reads/);
});

test('nonsense: what is let through can be said again and reads the same', async (t) => {
  const words = [
    'secure',
    'may',
    'dane',
    'match=a.example',
    'ciphers=high',
    '{policy_string = a b}',
    'policy_type=sts',
  ];
  const odd = ['{', '}', '=', ' ', ',', '\t', 'x', 'protocols=>=TLSv1.2', ':', 'servername=hostname', '\\'];
  const random = randomFrom(seed);
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const parts = Array.from({ length: 1 + random(5) }, () => {
      const list = random(4) === 0 ? odd : words;
      return list[random(list.length)]!;
    });
    const value = parts.join(random(5) === 0 ? '' : ' ');
    const version = V(random(2) === 0 ? '3.7' : '3.12');
    const parsed = parseTlsPolicy(value, version);
    if (parsed.kind === 'unknown') continue;
    taken++;
    const { level, attributes } = parsed;
    const said = formatTlsPolicy(
      { level, match: [], minProtocol: null, minBits: 0, exclude: [], attributes },
      version,
    );
    const again = parseTlsPolicy(said, version);
    if (JSON.stringify(again) !== JSON.stringify(parsed)) t.fail(`seed ${seed}: ${value} became ${said}`);
  }
  t.ok(taken > 1000, `${taken} taken`);
});
