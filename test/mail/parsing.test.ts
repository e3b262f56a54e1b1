/** The readers below the banner: field values, part headers, encodings, character sets, the start of an HTML text. */
import t from 'tap';
import { charsetOf, decodeText, encodeLine } from '../../src/mail/charset.ts';
import { decodeHeaderText, encodeHeaderText } from '../../src/mail/encodedWords.ts';
import { bannerBlock, endOfTag, findStart } from '../../src/mail/html.ts';
import { parseParameterized } from '../../src/mail/parameters.ts';
import { decodeTransfer, encodeQuotedPrintable } from '../../src/mail/transfer.ts';
import { transliterate } from '../../src/mail/transliterate.ts';

t.test('Content-Type', async (t) => {
  const good = (raw: string, value: string, params: Record<string, string> = {}): void => {
    const parsed = parseParameterized(raw, 'type');
    t.equal(parsed?.value, value, raw);
    t.same(Object.fromEntries(parsed?.params ?? []), params, raw);
  };
  const bad = (raw: string): void => {
    t.equal(parseParameterized(raw, 'type'), null, raw);
  };
  good('text/plain', 'text/plain');
  good(' TEXT/Plain ;', 'text/plain');
  good('text/plain;;charset=UTF-8;', 'text/plain', { charset: 'UTF-8' });
  good('text/plain;\n\tcharset = "utf-8" (x (y) \\) z)', 'text/plain', { charset: 'utf-8' });
  good('(a) text/plain (b) ; (c) charset (d) = (e) x', 'text/plain', { charset: 'x' });
  good('multipart/mixed; boundary="a\\"b\\\\ c"', 'multipart/mixed', { boundary: 'a"b\\ c' });
  good('multipart/mixed; boundary=----=_Part:1/2?3', 'multipart/mixed', { boundary: '----=_Part:1/2?3' });
  good("text/plain; name*=utf-8'en'a%20b%C3%A9", 'text/plain', { name: 'a b\xc3\xa9' });
  good("multipart/mixed; boundary*1=b; boundary*0*=us-ascii''a%2d", 'multipart/mixed', { boundary: 'a-b' });
  good('text/plain; charset=utf-8; charset="utf-8"', 'text/plain', { charset: 'utf-8' });
  good('text/plain; x=1; x=2', 'text/plain', { x: '1' });
  good('text/plain; __proto__=1', 'text/plain', { ['__proto__']: '1' });
  for (const raw of [
    '',
    'text',
    'text/',
    '/plain',
    'text/plain charset=x',
    'text/plain; charset',
    'text/plain; charset=',
    'text/plain; charset="x',
    'text/plain (x',
    'text/plain; charset=x y',
    'text/plain; =x',
    'text /plain',
    'text/plain, text/html',
    'text/plain; charset=a; charset=b',
    'multipart/mixed; boundary=a; boundary*0=b',
    'multipart/mixed; boundary*0=a; boundary*2=b',
    'multipart/mixed; boundary*0=a; boundary*0=b',
  ])
    bad(raw);
});

t.test('quoted-printable', async (t) => {
  const good = (raw: string, want: string): void => {
    t.equal(
      decodeTransfer(Buffer.from(raw, 'latin1'), 'quoted-printable')?.toString('latin1'),
      want,
      JSON.stringify(raw),
    );
  };
  good('a=3Db', 'a=b');
  good('a=\r\nb', 'ab');
  good('a= \t\r\nb', 'ab');
  good('a=', 'a');
  good('a \t\r\nb ', 'a\r\nb');
  good('=e9\xe9', '\xe9\xe9');
  for (const raw of ['=', '=4', '=4G', 'a=b', '=\n', '==41', '=\rx']) {
    const decoded = decodeTransfer(Buffer.from(`${raw}x`, 'latin1'), 'quoted-printable');
    t.equal(decoded, null, JSON.stringify(raw));
  }
  const text = `-- dash\r\n.dot\r\nFrom x\r\ntrailing \r\n${'é='.repeat(100)}\r\n`;
  const encoded = encodeQuotedPrintable(Buffer.from(text, 'utf8'));
  t.ok(
    encoded.split('\r\n').every((line) => line.length <= 76 && !/^(?:-|\.|From )/.test(line)),
    encoded,
  );
  good(encoded, Buffer.from(text, 'utf8').toString('latin1'));
});

t.test('base64', async (t) => {
  const decode = (raw: string): string | undefined =>
    decodeTransfer(Buffer.from(raw, 'latin1'), 'base64')?.toString('latin1');
  t.equal(decode('aGVs\r\n bG8=\r\n'), 'hello');
  t.equal(decode(''), '');
  for (const raw of ['aGVsbG8', 'aGVsbG8==', 'a===', '=', 'aGVs*bG8=', 'aGVs-G8_', 'aG=sbG8=', 'aGVsbG8=x'])
    t.equal(decode(raw), undefined, raw);
});

t.test('character sets', async (t) => {
  const say = (line: string, label: string, asciiOnly = false): string | null =>
    encodeLine(line, charsetOf(label)!, asciiOnly)?.toString('latin1') ?? null;
  t.equal(say('é–€', 'windows-1252'), '\xe9\x96\x80');
  t.equal(say('é–€', 'iso-8859-1'), '\xe9-EUR');
  t.equal(say('é€', 'iso-8859-15'), '\xe9\xa4');
  t.equal(say('ęś', 'ISO-8859-2'), '\xea\xb6');
  t.equal(say('ç–', 'iso-8859-9'), '\xe7-', 'nothing between 0x80 and 0x9F in iso-8859');
  t.equal(say('Привет', 'koi8-r'), '\xf0\xd2\xc9\xd7\xc5\xd4');
  t.equal(say('ü', 'koi8-r'), 'u');
  t.equal(say('é', 'utf-8'), '\xc3\xa9');
  t.equal(say('é', 'utf-8', true), 'e');
  t.equal(say('e\u0301', 'iso-8859-1'), '\xe9');
  t.equal(say('こんx', 'iso-2022-jp', true), '\x1b$B$3$s\x1b(Bx');
  t.equal(say('こ', 'shift_jis'), '\x82\xb1');
  t.equal(say('你', 'gb2312'), '\xc4\xe3');
  t.equal(say('你–', 'gb2312'), '\xc4\xe3-', 'a dash of gbk is not in gb2312');
  t.equal(say('–', 'gbk'), '\xa8C');
  t.equal(say('①', 'shift_jis'), '1', 'nor a vendor sign in shift_jis');
  t.equal(say('①', 'windows-31j'), '\x87@');
  t.equal(say('①', 'iso-2022-jp'), '1');
  t.equal(say('뷁', 'euc-kr'), null);
  t.equal(say('你', 'big5'), '\xa7A');
  t.equal(say('한', 'euc-kr'), '\xc7\xd1');
  t.equal(say('🔒 TLS 🔒', 'us-ascii'), 'TLS');
  t.equal(say('a 🔒 b', 'us-ascii'), 'a b');
  t.equal(say('🔒', 'us-ascii'), null);
  t.equal(say('こ', 'us-ascii'), null);
  t.equal(say('Привет', 'iso-8859-1'), null);
  for (const label of [
    'utf-16',
    'utf-16be',
    'utf-32',
    'utf-7',
    'hz-gb-2312',
    'iso-2022-kr',
    'iso-2022-cn',
    'x-martian',
    "'utf-8'",
    'ibm037',
  ])
    t.equal(charsetOf(label), null, label);
  t.equal(decodeText(Buffer.from([0x96, 0xe9]), 'windows-1252'), '–é');
  t.equal(decodeText(Buffer.from('+AFs-x+-', 'latin1'), 'utf-7'), '[x+');
  // Every single-byte set: what it writes is what its decoder reads.
  for (const label of [
    'iso-8859-3',
    'iso-8859-5',
    'iso-8859-7',
    'iso-8859-10',
    'iso-8859-13',
    'windows-1250',
    'windows-1251',
    'windows-1253',
    'windows-1257',
    'macintosh',
    'ibm866',
    'koi8-u',
  ]) {
    const all = Buffer.from(Array.from({ length: 96 }, (_, at) => at + 0xa0));
    const text = decodeText(all, label)!.replace(/\ufffd|\u00a0|\uf8ff/g, '');
    const bytes = encodeLine(text, charsetOf(label)!, false);
    t.equal(bytes === null ? null : decodeText(bytes, label), text.normalize('NFC'), label);
  }
  t.equal(transliterate('ß'), 'ss');
  t.equal(transliterate('Ж'), null);
});

t.test('where an HTML text starts', async (t) => {
  // The bar is the place.
  const cases = [
    '|',
    '  |x',
    '<body>|x',
    '<BODY class="a>b" id=\'>\'>|x',
    '<body =">|">x',
    '<body a=b"c>|x',
    '<body a = "x>y" / b>|',
    '<body/>|x',
    '<body\n>|x',
    '|<bodyguard>x',
    '<html><head></head><body>|x',
    '<!doctype html><html>|<p>x<body>',
    '<!-- <body> --><body>|',
    '<!--><body>|',
    '<!---><body>|',
    '<!-- --!><body>|',
    '|<!-- <body>',
    '<script>"<body>"</script><body>|',
    '|<script><!-- <script> </script><body> --></script>',
    '<style><!-- <body> --></style ><body>|',
    '<title><body></titles></title><body>|',
    '|<title><body>',
    '<meta name="<body>"><link><base><body>|',
    '<noscript><style></style></noscript><body>|',
    '</p></head><body>|',
    '|</body><body>',
    '</ <body>|><body>',
    '<?xml version="1.0"?><body>|',
    '|<![CDATA[<body>]]><body>',
    '|< body><body>',
    '|&nbsp;<body>',
    '|<template><body></template>',
    '|<svg><body></svg>',
    '<html>|',
  ];
  for (const marked of cases) {
    const text = marked.replace('|', '');
    t.equal(findStart(text), marked.indexOf('|'), marked);
  }
  t.equal(findStart('<html><frameset>'), null);
  t.equal(endOfTag('<a b=">">', 2), 9);
  t.equal(endOfTag('<a b="', 2), -1);
  const block = bannerBlock(['<b> & "é" \'🔒\'', `${'word '.repeat(40)}`.trim()]);
  t.match(block, /^[\r\n -~]*$/);
  t.ok(
    block.split('\r\n').every((line) => line.length <= 90),
    block,
  );
  t.match(block, '&#60;b&#62; &#38; &#34;&#233;&#34; &#39;&#128274;&#39;<br>');
});

t.test('encoded words, both ways', async (t) => {
  for (const text of [
    '',
    'plain text',
    'é',
    'a é b',
    'é à',
    'word =?x?= word',
    `${'日本語'.repeat(40)}`,
    '🔒🔒 [TLS] 🔒',
    `${'x'.repeat(300)} y`,
    'e\u0301'.repeat(60),
    'double  blank é  é',
  ]) {
    const value = encodeHeaderText('X-Secured-By', text);
    t.equal(decodeHeaderText(value), text, text);
    t.match(value, /^[\n -~]*$/);
    t.ok(
      value.split('\n').every((line, index) => line.length + (index === 0 ? 14 : 0) <= 76),
      value,
    );
    t.ok(
      value.split(/\s+/).every((word) => word.length <= 75),
      value,
    );
  }
  t.equal(
    decodeHeaderText('=?utf-8?B?w?= =?utf-8?B?qQ==?='),
    '\ufffd\ufffd'.slice(0, decodeHeaderText('=?utf-8?B?w?= =?utf-8?B?qQ==?=').length),
  );
  t.equal(decodeHeaderText('=?utf-8?Q?=C3?= =?utf-8?Q?=A9?='), 'é', 'a character in two words');
  t.equal(decodeHeaderText('=?a?Q?x?= y =?utf-8?q?z_?= =?utf-8?q?w?='), 'x y z w');
});
