import { test } from 'tap';
import { parseStsPolicy } from '../../src/sts/policyFile.ts';

/** A file of these lines, with the rest of a valid policy. */
const file = (...lines: string[]) => `${['version: STSv1', ...lines].join('\r\n')}\r\n`;
const whole = (...lines: string[]) => file('mode: enforce', 'max_age: 86400', ...lines);

test('policies', async (t) => {
  const good = (text: string, mode: string, mx: readonly string[], maxAgeSeconds: number) => {
    const parsed = parseStsPolicy(text);
    t.match(parsed, { kind: 'policy', policy: { mode, maxAgeSeconds } }, JSON.stringify(text));
    if (parsed.kind === 'policy') t.same(parsed.policy.mx, mx);
  };
  good(
    'version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800',
    'enforce',
    ['mail.example.com', '*.example.net'],
    604800,
  );
  good('version: STSv1\nmode: testing\nmx: a.example\nmax_age: 0\n', 'testing', ['a.example'], 0);
  good('max_age:31557600\nmx:a.example\nmode:enforce\nversion:STSv1', 'enforce', ['a.example'], 31_557_600);
  good('version: STSv1\nmode: none\nmax_age: 86400\n', 'none', [], 86400);
  good(
    'version: STSv1 \t\r\nmode:\tenforce \r\nmx: a.example \r\nmax_age: 1 \r\n',
    'enforce',
    ['a.example'],
    1,
  );
  good(whole('mx: MAIL.Bank.Example', 'mx: mail.bank.example.'), 'enforce', ['mail.bank.example'], 86400);
  good(whole('mx: *.b\u00fccher.example'), 'enforce', ['*.xn--bcher-kva.example'], 86400);
  good(whole('mx: a.example', 'x-new: b\u00fccher: {}', 'empty:'), 'enforce', ['a.example'], 86400);
  good(whole('mx: a.example', 'mode: nonsense', 'max_age: x', 'version: 2'), 'enforce', ['a.example'], 86400);
  good(whole('mx: a.example', '', '  ', ''), 'enforce', ['a.example'], 86400);
  good(whole(...Array.from({ length: 100 }, () => 'mx: a.example')), 'enforce', ['a.example'], 86400);
});

test('what is no policy', async (t) => {
  const bad = (text: string, why: RegExp) => {
    const parsed = parseStsPolicy(text);
    t.equal(parsed.kind, 'invalid', JSON.stringify(text.slice(0, 100)));
    if (parsed.kind === 'invalid') t.match(parsed.why, why);
  };
  bad('', /no version/);
  bad('<html><body>404</body></html>', /line 1 is not "name: value"/);
  bad('{"version":"STSv1"}', /line 1 is not/);
  bad('version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1', /line 1: version is not STSv1/);
  bad('version: stsv1\nmode: enforce\nmx: a.example\nmax_age: 1', /version is not STSv1/);
  bad('Version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1', /no version/);
  bad('mode: enforce\nmx: a.example\nmax_age: 1', /no version/);
  bad(file('mx: a.example', 'max_age: 1'), /no mode/);
  bad(file('mode: Enforce', 'mx: a.example', 'max_age: 1'), /mode is not one of/);
  bad(file('mode: enforce', 'mx: a.example'), /no max_age/);
  for (const age of ['31557601', '-1', '1.5', '1e3', '0x10', '', '12345678901', '60 s']) {
    bad(file('mode: enforce', 'mx: a.example', `max_age: ${age}`), /max_age is not a number/);
  }
  bad(whole(), /no mx/);
  for (const mx of [
    '',
    '*',
    '*.',
    '*a.example',
    'a*.example',
    'a.*.example',
    '*.*.example',
    '.a.example',
    'a..example',
    '192.0.2.1',
    '[192.0.2.1]',
    'a.example:25',
    'a.example b.example',
    'a.example, b.example',
    'xn--a.example',
    `${'a'.repeat(64)}.example`,
    'a{b}.example',
  ]) {
    bad(whole(`mx: ${mx}`), /line 4: mx is neither/);
  }
  bad(whole(...Array.from({ length: 101 }, (_, i) => `mx: m${i}.example`)), /more than 100 mx lines/);
  bad(whole('mx: a.example', 'x: a\u0000b'), /line 5 has a control character/);
  bad(whole('mx: a.example', 'x: a\rmode: none'), /line 5 has a control character/);
  bad(whole('mx: a.example', 'x: \u001b[31m'), /control character/);
  bad(whole('mx: a.example', ' x: folded'), /line 5 is not/);
  bad(whole('mx: a.example', 'mode : none'), /line 5 is not/);
  bad(whole('mx: a.example', `${'n'.repeat(33)}: 1`), /line 5 is not/);
  bad(whole('mx: a.example', `x: ${'y'.repeat(65_536)}`), /longer than/);
});

test('no message quotes the file', async (t) => {
  const parsed = parseStsPolicy(whole('mx: sentinel}value'));
  t.equal(parsed.kind, 'invalid');
  t.notMatch(JSON.stringify(parsed), /sentinel/);
});

test('lines for reports fit between braces', async (t) => {
  const long = 'y'.repeat(600);
  const parsed = parseStsPolicy(whole('mx: a.example', 'x: {a}\t{b \u00fc\u2028', '', `l: ${long}`));
  t.equal(parsed.kind, 'policy');
  if (parsed.kind !== 'policy') return;
  t.same(parsed.policy.lines, [
    'version: STSv1',
    'mode: enforce',
    'max_age: 86400',
    'mx: a.example',
    'x: a b ??',
    `l: ${long}`.slice(0, 512),
  ]);
  const many = parseStsPolicy(whole('mx: a.example', ...Array.from({ length: 200 }, (_, i) => `x${i}: 1`)));
  t.equal(many.kind === 'policy' && many.policy.lines.length, 100);
});
