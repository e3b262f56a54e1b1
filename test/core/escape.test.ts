/** Foreign text for logs, terminals and SMTP replies. */
import { test } from 'tap';
import { escapeLine, escapeText } from '../../src/core/escape.ts';
import { formatPosition } from '../../src/core/position.ts';

test('what is not printable ASCII is escaped, and the backslash', async (t) => {
  t.equal(escapeText('plain <a@b>'), 'plain <a@b>');
  t.equal(
    escapeText('a\nb\x1b[31m\u2028\u202e\x85\\'),
    'a\\u{a}b\\u{1b}[31m\\u{2028}\\u{202e}\\u{85}\\u{5c}',
  );
  t.equal(escapeText('a\x1b[2J\n\u202e\u2028\u0085ü'), 'a\\u{1b}[2J\\u{a}\\u{202e}\\u{2028}\\u{85}\\u{fc}');
  t.equal(escapeText('a\u00e9\n\x7f'), 'a\\u{e9}\\u{a}\\u{7f}');
  t.equal(escapeText('\u{1f600}'), '\\u{1f600}');
  t.equal(escapeText('\ud800'), '\\u{d800}');
  t.equal(escapeText(''), '');
});

test('the limit counts the characters that are shown', async (t) => {
  t.equal(escapeText('x'.repeat(256)).length, 256);
  t.equal(escapeText('x'.repeat(300)), `${'x'.repeat(253)}...`);
  t.equal(escapeText('abcdef', 5), 'ab...');
  t.equal(escapeText('abcde', 5), 'abcde');
  t.equal(escapeText('ab\u{1f600}', 11), 'ab\\u{1f600}', 'just fits');
  t.equal(escapeText('ab\u{1f600}', 10), 'ab...', 'an escape is never cut in two');
  t.equal(escapeText('a\u{1f600}b', 2 + 3), 'a...');
  for (let limit = 3; limit < 40; limit++)
    t.ok(escapeText('a\\b\u00fcc\ud83d\u{1f600}def', limit).length <= limit, `${limit}`);
});

test('a line of escaped texts keeps its backslashes', async (t) => {
  t.equal(escapeLine(`${escapeText('\u00fc\\')}: no`, 60), '\\u{fc}\\u{5c}: no');
  t.equal(escapeLine('a\r\nb\u20ac', 60), 'a\\u{d}\\u{a}b\\u{20ac}');
  t.equal(escapeLine('a\\b', 60), 'a\\b');
  t.equal(escapeLine('abcdef', 5), 'ab...');
});

test('positions', async (t) => {
  t.equal(formatPosition({ file: 'tls.ini', line: 14 }), 'tls.ini:14');
  t.equal(formatPosition({ file: 'tls.ini', line: 0 }), 'tls.ini', 'the file as a whole');
  t.equal(formatPosition({ file: 'a\nb', line: 1 }), 'a\\u{a}b:1');
});
