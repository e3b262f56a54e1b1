import t from 'tap';
import { looksPublic, mixedScripts } from '../../../src/config/ini/lookalike.ts';
import { Invalid } from '../../../src/config/ini/problem.ts';
import { didYouMean, editDistance, nearest } from '../../../src/config/ini/suggest.ts';
import { hasDomain, parsePattern } from '../../../src/config/keys/pattern.ts';
import { parsePath } from '../../../src/core/address.ts';
import { newSeed, Random } from '../configFixture.ts';

t.test('patterns', (t) => {
  const good = (text: string, kind: string, want = text) =>
    t.strictSame(parsePattern(text), { kind, text: want }, text);
  good('*', 'anyone');
  good('<>', 'null');
  good('bank.example', 'domain');
  good('Bank.EXAMPLE.', 'domain', 'bank.example');
  good('localhost', 'domain');
  good('_dmarc.bank.example', 'domain');
  good('bücher.example', 'domain', 'xn--bcher-kva.example');
  good('bücher。example', 'domain', 'xn--bcher-kva.example');
  good('XN--BCHER-KVA.example', 'domain', 'xn--bcher-kva.example');
  good('.bank.example', 'suffix');
  good('.Bank.example.', 'suffix', '.bank.example');
  good('.com', 'suffix');
  good('Boss@Law.example', 'address', 'boss@law.example');
  good('"a b"@law.example', 'address', 'a b@law.example');
  good('"a@b"@law.example', 'address', 'a@b@law.example');
  good('bounce+a=b@law.example', 'address');
  good('josé@law.example', 'address', 'jos\\u00e9@law.example');
  good('boss@[192.0.2.1]', 'address');
  good('[192.0.2.1]', 'literal');
  good('[::ffff:192.0.2.1]', 'literal', '[192.0.2.1]');
  good('[IPv6:2001:DB8::1]', 'literal', '[ipv6:2001:db8:0:0:0:0:0:1]');
  good('[relay.example]', 'nextHop');
  good('[Relay.example.]:587', 'nextHop', '[relay.example]:587');
  good('[relay.example]:Submission', 'nextHop', '[relay.example]:submission');
  good('relay.example:587', 'nextHop');
  good('[192.0.2.1]:25', 'nextHop');
  good('[2001:db8::1]:25', 'nextHop', '[ipv6:2001:db8:0:0:0:0:0:1]:25');

  const bad = (text: string, hint: RegExp) => {
    const pattern = parsePattern(text);
    t.ok(pattern instanceof Invalid && hint.test(pattern.hint), `${text}: ${JSON.stringify(pattern)}`);
  };
  bad('', /^$/);
  bad('*.', /^$/);
  bad('**', /wildcards are/);
  bad('constructor', /reserved/);
  bad('__proto__', /reserved/);
  bad('[::1]:smtp:25', /\[host\]/);
  bad('[[192.0.2.1]]', /\[host\]/);
  bad('https://*.bank.example/', /did you mean|a URL is not a pattern/);
  bad('mailto:', /a URL is not a pattern/);
  bad('a@b@c.example', /double quotes/);
  bad('"open@law.example', /double quotes/);
  bad('boss@[192.0.2.1', /double quotes/);
  bad('::1/128', /trusted-clients/);
  t.end();
});

t.test('patterns that a certificate can be compared with', (t) => {
  const has = (text: string) => {
    const pattern = parsePattern(text);
    return !(pattern instanceof Invalid) && hasDomain(pattern);
  };
  t.strictSame(['bank.example', '.bank.example', 'boss@law.example'].map(has), [true, true, true]);
  t.strictSame(['*', '<>', '[192.0.2.1]', '[relay.example]:587'].map(has), [false, false, false, false]);
  t.end();
});

/** Whatever is written, the row it makes is one that an envelope with the same spelling looks up. */
t.test('a row for an address or domain is found by that address', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  let rows = 0;
  for (let run = 0; run < 20_000; run++) {
    const local = random.text('abAB+=._"\\ é@', 5);
    const domain = random.text('abA.-_éü。[19:', random.pick([6, 70]), 1);
    const text = random.below(2) === 0 ? `${local}@${domain}` : domain;
    const pattern = parsePattern(text);
    if (pattern instanceof Invalid) continue;
    if (!/^[ -~]+$/.test(pattern.text)) t.fail(`${JSON.stringify(text)} is not ASCII`);
    if (pattern.kind !== 'address' && pattern.kind !== 'domain' && pattern.kind !== 'literal') continue;
    rows++;
    const envelope = parsePath(pattern.kind === 'address' ? text : `x@${text}`);
    const key = pattern.kind === 'address' ? envelope.mailbox : envelope.domain;
    if (envelope.kind !== 'mailbox' || key !== pattern.text) {
      t.fail(JSON.stringify(text), { pattern, envelope });
      break;
    }
  }
  t.ok(rows > 500, `${rows} rows`);
  t.end();
});

t.test('suffixes under which anyone can register', (t) => {
  for (const name of ['com', 'de', 'co.uk', 'com.au', 'ac.jp', 'xn--p1ai'])
    t.equal(looksPublic(name), true, name);
  for (const name of [
    'bank.example',
    'example',
    'bank.com',
    'local',
    'x.co.uk',
    'constructor.uk',
    'co.constructor',
  ]) {
    t.equal(looksPublic(name), false, name);
  }
  t.end();
});

t.test('labels that mix scripts', (t) => {
  const mixed = (written: string, want: RegExp | null) => {
    const pattern = parsePattern(written);
    const found = pattern instanceof Invalid ? 'not a pattern' : mixedScripts(pattern.text);
    if (want === null) t.equal(found, null, written);
    else t.match(found, want, written);
  };
  mixed('bаnk.example', /^bаnk \(Latin and Cyrillic\)$/);
  mixed('www.gοοgle.example', /\(Latin and Greek\)$/);
  mixed('bücher.example', null);
  mixed('банк.example', null);
  mixed('東京タワーです.example', null);
  mixed('tokyo東京.example', null);
  mixed('한국漢字.example', null);
  mixed('bank.example', null);
  t.end();
});

t.test('did you mean', (t) => {
  const words = ['none', 'may', 'encrypt', 'verify'];
  const means = (word: string, want: string | null) => t.equal(nearest(word, words), want, word);
  means('encrpyt', 'encrypt');
  means('ENCRYPT', 'encrypt');
  means('verfy', 'verify');
  means('mya', 'may');
  means('nonee', 'none');
  means('tls', null);
  means('', null);
  means('x'.repeat(1000), null);
  t.equal(didYouMean('encript', words), 'did you mean encrypt?');
  t.equal(didYouMean('secure', words), '');
  t.equal(nearest('ab', ['ac', 'ad']), 'ac', 'the first of equally near ones');
  t.equal(editDistance('abcd', 'acbd', 3), 1, 'a swap is one edit');
  t.equal(editDistance('abc', 'abc', 3), 0);
  t.equal(editDistance('abc', '', 3), 3);
  t.equal(editDistance('abcdefgh', '', 3), 4, 'cut off above the limit');
  t.end();
});
