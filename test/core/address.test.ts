/** Envelope addresses: paths as typed (milter), internal form (policy delegation), and what broken ones might mean. */
import { test } from 'tap';
import { type EnvelopeAddress, mailboxKey, parseInternalAddress, parsePath } from '../../src/core/address.ts';
import { canonicalDomain, canonicalLiteral } from '../../src/core/domain.ts';
import { generator } from '../mark/generator.ts';

/** In one line: the mailbox, `<>`, `domainless`, or `malformed` with its readings in order of the alphabet. */
function show(address: EnvelopeAddress): string {
  if (address.kind === 'mailbox') return `${address.mailbox} at ${address.domain}`;
  if (address.kind === 'null') return '<>';
  return [address.kind, ...[...address.readings].sort()].join(' ');
}

test('paths as typed', async (t) => {
  const good = (path: string, want: string): void => {
    const address = parsePath(path);
    t.equal(show(address), want, JSON.stringify(path));
    t.equal(address.text, path === '' ? '<>' : path, 'the text is kept');
  };
  good('<>', '<>');
  good('', '<>');
  good('<a@b.example>', 'a@b.example at b.example');
  good('a@b.example', 'a@b.example at b.example');
  good('<A.B+c@B.Example.>', 'a.b+c@b.example at b.example');
  good('<a@b\u00fccher.example>', 'a@xn--bcher-kva.example at xn--bcher-kva.example');
  good('<gr\u00fcn@b.example>', 'gr\\u00fcn@b.example at b.example');
  good('<a@b\u3002example>', 'a@b.example at b.example');
  good('<a@[192.0.2.1]>', 'a@[192.0.2.1] at [192.0.2.1]');
  good('<a@[IPv6:2001:DB8::1]>', 'a@[ipv6:2001:db8:0:0:0:0:0:1] at [ipv6:2001:db8:0:0:0:0:0:1]');
  // lax about dots, as MTAs are
  good('<.a..b.@b.example>', '.a..b.@b.example at b.example');
  // quoting
  good('<"a b"@b.example>', 'a b@b.example at b.example');
  good('<"a@evil.example x"@b.example>', 'a@evil.example x@b.example at b.example');
  good('<"a\\"@evil.example"@b.example>', 'a"@evil.example@b.example at b.example');
  good('<"a\\\\"@b.example>', 'a\\u005c@b.example at b.example');
  good('<"A"@b.example>', 'a@b.example at b.example');
  // the route is ignored, not believed
  good('<@x.example,@y.example:a@b.example>', 'a@b.example at b.example');
  good('<@x.example:"q@r"@b.example>', 'q@r@b.example at b.example');
  // a domain in the local part counts besides: whose the one behind is, and whether it is looked for, only the MTA knows
  good('<a%evil.example@b.example>', 'a%evil.example@b.example at b.example');
  t.same([...parsePath('<a%evil.example@b.example>').readings].sort(), ['a@evil.example', 'evil.example']);
  t.same(parsePath('<"a@evil.example"@b.example>').readings.includes('evil.example'), true);
  t.same(parsePath('<evil.example!a@b.example>').readings.includes('evil.example'), true);
  t.same(parsePath('<a=evil.example@b.example>').readings, []);
  good('<postmaster>', 'domainless');
  good('<"two words">', 'domainless');
  good('<"">', 'domainless');
});

test('broken paths keep every reading', async (t) => {
  const broken = (path: string, ...readings: readonly string[]): void => {
    t.equal(show(parsePath(path)), ['malformed', ...[...readings].sort()].join(' '), JSON.stringify(path));
  };
  const both = (localPart: string, ...domains: readonly string[]): string[] =>
    domains.flatMap((domain) => [domain, `${localPart}@${domain}`]);
  // unbalanced brackets
  broken('<a@b.example', ...both('a', 'b.example'));
  broken('a@b.example>', ...both('a', 'b.example'));
  broken('<a@b.example>>', ...both('a', 'b.example'));
  broken('<<a@b.example>>', ...both('a', 'b.example'));
  broken('<', ...[]);
  broken('>', ...[]);
  // a comment is no part of an envelope: readers glue or cut, so all count
  broken(
    '<a@good.example(x)evil.example>',
    ...both(
      'a',
      'good.example',
      'x',
      'evil.example',
      'good.exampleevil.example',
      'good.examplexevil.example',
    ),
  );
  broken('<a@b.example (x)>', ...both('a', 'b.example', 'x', 'b.examplex'));
  broken('<a@(x)b.example>', ...both('a', 'b.example', 'x', 'xb.example'));
  broken('<a@net.example(.b.example>', ...both('a', 'net.example', 'b.example', 'net.example.b.example'));
  // dots
  broken('<a@b.example..>', ...both('a', 'b.example'));
  broken('<a@.b.example>', ...both('a', 'b.example'));
  broken('<a@b..example>', ...both('a', 'b.example'));
  // white space and controls
  broken('<a @b.example>', 'b.example');
  broken('<a@b.example >', ...both('a', 'b.example'));
  broken('<a@ b.example>', ...both('a', 'b.example'));
  broken('<a@b.\r\nexample>', ...both('a', 'b', 'example', 'b.example'));
  broken('<a@b.example\0.evil.example>', ...both('a', 'b.example', 'evil.example', 'b.example.evil.example'));
  // several
  broken('<a@b.example@c.example>', ...both('a', 'b.example'), 'c.example', 'b.example@c.example');
  broken(
    '<a@b.example,d@e.example>',
    ...both('a', 'b.example', 'd', 'b.exampled'),
    ...both('d', 'e.example'),
  );
  broken('<a@b.example;>', ...both('a', 'b.example'));
  broken('<a@b.example> SIZE=1', ...both('a', 'b.example'));
  // no local part, no domain
  broken('<@b.example>', 'b.example');
  broken('<""@b.example>', 'b.example');
  broken('<a@>');
  broken('<@>');
  // quotes that never end, or are not at the ends
  broken('<"a@b.example>', ...both('a', 'b.example'));
  broken('<"a"x@b.example>', ...both('x', 'b.example'));
  broken('<"a\\', ...[]);
  // names that cannot be converted, full-width at-signs, literals that are none
  broken('<a@xn--a.example>');
  broken('<a\uff20b.example@c_.example.1>', ...both('a', 'b.example'));
  broken('<a\uff20b.example>', ...both('a', 'b.example'));
  broken('<a@b.example\u202e>', ...both('a', 'b.example'));
  broken('<a@[192.0.2.1>');
  broken('<a@[192.0.2.1]x>', ...both('a', '[192.0.2.1]', 'x', '192.0.2.1x'));
  broken('<a@[192.0.2.300]>');
  broken('<a@192.0.2.1>');
  // Postfix finds a domain in these
  broken('<"a@b.example">', ...both('a', 'b.example'));
  broken('<a%b.example>', ...both('a', 'b.example'));
  broken('<b.example!a>', 'b.example');
  broken('<c.example!b.example!a>', 'b.example', 'c.example');
  // a route whose literal has colons cannot be skipped safely
  broken(
    '<@[IPv6:::1]:a@b.example>',
    '[ipv6:0:0:0:0:0:0:0:1]',
    'a',
    'ipv6',
    'ipv61a',
    ...both('a', 'b.example'),
  );
});

test('internal form, the last @ counts', async (t) => {
  const good = (text: string, want: string): void => {
    t.equal(show(parseInternalAddress(text)), want, JSON.stringify(text));
  };
  good('', '<>');
  good('a@b.example', 'a@b.example at b.example');
  good('a b@b.example', 'a b@b.example at b.example');
  good('a@evil.example@b.example', 'a@evil.example@b.example at b.example');
  good('"@b.example', '"@b.example at b.example');
  good('A@B.Example.', 'a@b.example at b.example');
  good('@x.example,@y.example:a@b.example', 'a@b.example at b.example');
  good('postmaster', 'domainless');
  good('two words', 'domainless');
  good('a%b.example', 'malformed a@b.example b.example');
  good('b.example!a', 'malformed b.example');
  good('a@b.example>', 'malformed a@b.example b.example');
  good('@b.example', 'malformed b.example');
  good('<a>', 'malformed');
  good('a@', 'malformed');
  t.equal(parseInternalAddress('"a b"@b.example').mailbox, '"a b"@b.example', 'quotes are part of it');
});

test('both forms agree on the mailbox', async (t) => {
  t.equal(parsePath('<"a b\\"c"@B.example>').mailbox, parseInternalAddress('a b"c@b.example').mailbox);
  t.equal(mailboxKey('Gr\u00fcn\\', 'b.example'), 'gr\\u00fcn\\u005c@b.example');
  t.equal(mailboxKey('\ud83d\ude00', 'b.example'), '\\ud83d\\ude00@b.example');
  t.equal(mailboxKey('a\n', 'b.example'), 'a\\u000a@b.example');
});

test('overlong addresses keep what counts, their end', async (t) => {
  const long = 'x'.repeat(5000);
  t.ok(parsePath(`<${long}@b.example>`).readings.includes('b.example'), 'after a long local part');
  t.ok(parsePath(`<${'x@'.repeat(200)}b.example>`).readings.includes('b.example'), 'the last of many');
  t.ok(parsePath(`<a@b.example${'@x'.repeat(200)}>`).readings.includes('b.example'), 'the first of many');
  t.ok(parsePath(`<${'x!'.repeat(200)}b.example!u>`).readings.includes('b.example'));
});

test('any text is parsed, and every domain that comes out is canonical', async (t) => {
  const random = generator();
  const pieces = [
    'a',
    'b.example',
    '@',
    '"',
    '<',
    '>',
    '(',
    ')',
    ':',
    ',',
    '\\',
    '.',
    ' ',
    '[192.0.2.1]',
    '%',
    '!',
    '\u00fc',
    '\uff20',
    'xn--',
  ];
  let mailboxes = 0;
  for (let round = 0; round < 30_000; round++) {
    let text = '';
    for (let i = random.integer(8); i >= 0; i--)
      text += random.integer(15) === 0 ? random.text(4) : random.pick(pieces);
    if (random.integer(4) === 0) text += '@b.example';
    if (random.integer(2) === 0) text = `<${text}>`;
    for (const address of [parsePath(text), parseInternalAddress(text)]) {
      const domains = [address.domain, ...address.readings]
        .filter((domain) => domain !== '')
        .map((domain) => domain.slice(domain.lastIndexOf('@') + 1));
      const clean = domains.every(
        (domain) => (domain.startsWith('[') ? canonicalLiteral(domain) : canonicalDomain(domain)) === domain,
      );
      const shape =
        (address.kind === 'mailbox') === (address.domain !== '') &&
        (address.kind === 'mailbox') === (address.mailbox !== '') &&
        (address.kind === 'malformed' || address.kind === 'mailbox' || address.readings.length === 0) &&
        /^[\x20-\x7e]*$/.test(address.mailbox);
      if (!clean || !shape)
        t.fail(`seed ${random.seed}: ${JSON.stringify(text)} gives ${JSON.stringify(address)}`);
      if (address.kind === 'mailbox') mailboxes++;
    }
  }
  t.ok(mailboxes > 1000, `${mailboxes} mailboxes`);
});

test('a domain cannot be hidden by one more character', async (t) => {
  const seen = (path: string): boolean => {
    const address = parsePath(path);
    return address.domain === 'bank.example' || address.readings.includes('bank.example');
  };
  const clean = '<alice@bank.example>';
  const hidden: string[] = [];
  for (const extra of [
    '<',
    '>',
    '(',
    ')',
    '"',
    ',',
    ';',
    ' ',
    '\t',
    '\r',
    '\0',
    '.',
    '..',
    '()',
    '(x)',
    '@',
    '@@',
    ':',
    '\\',
    '!',
    '%',
  ]) {
    // in the name itself it is another name; anywhere else it must not help
    for (let at = 0; at <= clean.length; at++) {
      if (at > 7 && at < clean.length - 1) continue;
      const path = clean.slice(0, at) + extra + clean.slice(at);
      if (!seen(path)) hidden.push(path);
    }
  }
  t.same(hidden, []);
});
