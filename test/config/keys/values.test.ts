import t from 'tap';
import { formatProblem, Invalid, quote, Report } from '../../../src/config/ini/problem.ts';
import { formatListen, isLoopback, parseListen } from '../../../src/config/keys/listenAddress.ts';
import * as values from '../../../src/config/keys/values.ts';

type Parse = (text: string) => unknown;

function tables(t: Pick<typeof import('tap').default, 'strictSame' | 'match'>, parse: Parse) {
  return {
    good: (text: string, want: unknown) => t.strictSame(parse(text), want, text),
    bad: (text: string, want: RegExp) => {
      const value = parse(text);
      const said = value instanceof Invalid ? `${value.found}, ${value.expected}, ${value.hint}` : 'accepted';
      t.match(said, want, text);
    },
  };
}

t.test('lists', (t) => {
  const { good, bad } = tables(t, values.parseList);
  good('', []);
  good('  ', []);
  good('a', ['a']);
  good(' a , b ', ['a', 'b']);
  good('Example CA\\, Inc, R3', ['Example CA, Inc', 'R3']);
  good('a\\b', ['a\\b']);
  good('a\\', ['a\\']);
  bad('a,', /one comma/);
  bad(',', /one comma/);
  bad('a,,b', /one comma/);
  const upper = (text: string) => (text === 'x' ? new Invalid('x', 'not x') : text.toUpperCase());
  t.strictSame(values.parseListOf('a, b, A', upper), ['A', 'B'], 'duplicates fold');
  const wrong = values.parseListOf('x, a, x', upper);
  t.ok(wrong instanceof Invalid && wrong.others.length === 1, 'all wrong elements');
  t.end();
});

t.test('fingerprints', (t) => {
  const { good, bad } = tables(t, values.parseFingerprint);
  const md5 = '00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF';
  good(md5, md5);
  good(md5.toLowerCase(), md5);
  good(md5.replaceAll(':', ''), md5);
  good('ab'.repeat(20), `${'AB:'.repeat(19)}AB`);
  good('ab'.repeat(32), `${'AB:'.repeat(31)}AB`);
  good('ab'.repeat(64), `${'AB:'.repeat(63)}AB`);
  bad('ab'.repeat(24), /48 hex digits/);
  bad('ab'.repeat(28), /56 hex digits/);
  bad('abc', /3 hex digits/);
  bad('zz', /pairs of digits/);
  bad(`${md5}:`, /pairs of digits/);
  bad(md5.replace(':', ''), /pairs of digits/);
  bad(':', /pairs of digits/);
  bad('', /pairs of digits/);
  t.end();
});

t.test('names in certificates', (t) => {
  const { good, bad } = tables(t, values.parseClientName);
  good('MX1.Gov.example.', 'mx1.gov.example');
  good('.Out.gov.example', '.out.gov.example');
  good('bücher.example', 'xn--bcher-kva.example');
  bad('*.gov.example', /did you mean \.gov\.example\?/);
  bad('.', /no name/);
  bad('mx1.gov.example/24', /cannot be part/);
  t.end();
});

t.test('bits, ciphers, days', (t) => {
  const bits = tables(t, values.parseBits);
  bits.good('0', 0);
  bits.good('512', 512);
  bits.bad('513', /0 to 512/);
  bits.bad('0128', /0 to 512/);
  bits.bad('1e2', /0 to 512/);
  bits.bad('', /nothing, a whole/);
  const ciphers = tables(t, values.parseCipherFragment);
  ciphers.good('3DES', '3des');
  ciphers.bad('x', /parts of cipher names/);
  ciphers.bad('a.b', /parts of cipher names/);
  const days = tables(t, values.parseDay);
  days.good('', null);
  days.good('2028-02-29', '2028-02-29');
  days.good('0099-12-31', '0099-12-31');
  days.bad('2027-02-29', /no such day/);
  days.bad('2027-00-10', /no such day/);
  days.bad('2027-1-1', /YYYY-MM-DD/);
  t.end();
});

t.test('texts', (t) => {
  const reply = tables(t, (text) => values.parseReply(text, 40));
  reply.good('', null);
  reply.good('{domain} needs {required}', '{domain} needs {required}');
  reply.good('{seen}{help}{contact}{code}', '{seen}{help}{contact}{code}');
  reply.bad('{Domain}', /did you mean domain\?/);
  reply.bad('{}', /only the fields/);
  reply.bad('{{domain}}', /a brace/);
  reply.bad('domain}', /a brace/);
  reply.bad('{domain', /a brace/);
  reply.bad('x'.repeat(41), /41 characters/);
  reply.bad('grün', /"\\u\{fc\}", printable ASCII/);
  const text = tables(t, (value) => values.parseText(value, 4));
  text.good('', null);
  text.good('grün', 'grün');
  text.bad('grüne', /5 characters/);
  t.end();
});

t.test('listeners', (t) => {
  const { good, bad } = tables(t, (text) => parseListen(text, '/etc/tlsward'));
  good('unix:/run/p.sock', { kind: 'unix', path: '/run/p.sock' });
  good('unix:p.sock', { kind: 'unix', path: '/etc/tlsward/p.sock' });
  good('unix:../p.sock', { kind: 'unix', path: '/etc/p.sock' });
  good('inet:127.0.0.1:8891', { kind: 'inet', host: '127.0.0.1', port: 8891 });
  good('inet:[::1]:0', { kind: 'inet', host: '::1', port: 0 });
  good('inet:MX.example:25', { kind: 'inet', host: 'mx.example', port: 25 });
  bad('unix:', /not the path of a socket/);
  bad('unix:/run/', /not the path of a socket/);
  bad('inet:127.0.0.1', /unix:\/path or inet/);
  bad('inet:127.0.0.1:65536', /0 to 65535/);
  bad('inet:127.0.0.1:-1', /unix:\/path or inet/);
  bad('inet:[127.0.0.1]:25', /IPv6/);
  bad('inet::25', /0\.0\.0\.0/);
  bad('127.0.0.1:25', /did you mean inet:127\.0\.0\.1:25\?/);
  bad('', /unix:\/path or inet/);
  for (const text of ['unix:/run/p.sock', 'inet:127.9.9.9:1', 'inet:[::1]:1', 'inet:localhost:1']) {
    const address = parseListen(text, '/');
    t.ok(!(address instanceof Invalid) && isLoopback(address) && formatListen(address) === text, text);
  }
  for (const text of [
    'inet:0.0.0.0:1',
    'inet:[::]:1',
    'inet:[::ffff:192.0.2.1]:1',
    'inet:localhost.example:1',
  ]) {
    const address = parseListen(text, '/');
    t.ok(!(address instanceof Invalid) && !isLoopback(address) && formatListen(address) === text, text);
  }
  t.end();
});

t.test('foreign text is made harmless before it is printed', (t) => {
  t.equal(quote('x'.repeat(200)).length, 82);
  t.equal(quote(''), 'nothing');
  const problem = { file: 'a\nb.ini', line: 3, where: '[domains]', found: '"x"', expected: 'y', hint: '' };
  t.equal(formatProblem(problem), 'a\\u{a}b.ini:3: [domains]: found "x", expected y');
  t.equal(
    formatProblem({ ...problem, line: 0, where: '', hint: 'h' }),
    'a\\u{a}b.ini: found "x", expected y (h)',
  );
  t.end();
});

t.test('problems come sorted: files as they were read, then lines', (t) => {
  const report = new Report();
  const wrong = new Invalid('x', 'y');
  for (const [file, line] of [
    ['b', 2],
    ['a', 9],
    ['other', 1],
    ['b', 1],
    ['a', 3],
  ] as const) {
    report.problem({ file, line }, '', wrong);
    report.notice('file', { file, line }, '', 'n');
  }
  const order = ['b:1', 'b:2', 'a:3', 'a:9', 'other:1'];
  t.strictSame(
    report.problems(['b', 'a']).map(({ file, line }) => `${file}:${line}`),
    order,
  );
  t.strictSame(
    report.notices(['b', 'a']).map(({ file, line }) => `${file}:${line}`),
    order,
  );
  t.end();
});
