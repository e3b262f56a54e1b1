/**
 * The corpus: messages of one part that is no HTML (see corpus.ts).
 */
import {
  attachedText,
  base64,
  type Case,
  forwarded,
  image,
  leaf,
  message,
  PLAIN,
  plain,
  utf8,
} from './buildMessage.ts';

const cases: Case[] = [];

function add(...given: Parameters<typeof message>): void {
  cases.push(message(...given));
}

add('plain, no MIME at all', { header: [], body: PLAIN }, ['']);
add('plain, empty body', { header: [], body: '' }, ['']);
add('plain, no final line end', { header: [], body: 'one line' }, ['']);
add('plain, empty lines first', { header: [], body: '\r\n\r\n\r\nlate\r\n' }, ['']);
add('plain, a line of 998', { header: [], body: `${'x'.repeat(998)}\r\n` }, ['']);
add('plain, dots and hyphens first', { header: [], body: '.\r\n--\r\n..\r\n--x\r\n' }, ['']);
add('plain, bare LF and CR inside', { header: [], body: 'a\nb\rc\r\n' }, ['']);
add('plain, NUL inside', { header: [], body: 'a\0b\r\n' }, ['']);
add('plain us-ascii', plain, ['']);
add(
  'plain utf-8 8bit',
  leaf('text/plain; charset=UTF-8', utf8('Grüße, 日本\r\n'), 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add(
  'plain utf-8 with byte order mark',
  leaf('text/plain; charset=utf-8', utf8('\ufeffText\r\n'), 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add('plain utf-8 declared 7bit but 8bit', leaf('text/plain; charset=utf-8', utf8('Grüße\r\n')), ['']);
add(
  'plain utf-8 declared 7bit',
  leaf('text/plain; charset=utf-8', 'only ASCII\r\n', 'Content-Transfer-Encoding: 7bit'),
  [''],
);
add(
  'plain utf-8 quoted-printable',
  leaf(
    'text/plain; charset=utf-8',
    'Gr=C3=BC=C3=9Fe, a long line that =\r\nis softly broken=20\r\n=46rom here\r\n',
    'Content-Transfer-Encoding: quoted-printable',
  ),
  [''],
);
add(
  'quoted-printable, soft break at the end',
  leaf('text/plain; charset=utf-8', 'never ends=\r\n', 'Content-Transfer-Encoding: quoted-printable'),
  [''],
);
add(
  'quoted-printable, soft break first',
  leaf('text/plain; charset=utf-8', '=\r\nlate\r\n', 'Content-Transfer-Encoding: quoted-printable'),
  [''],
);
add(
  'quoted-printable, padded soft breaks and trailing blanks',
  leaf(
    'text/plain; charset=utf-8',
    'a =  \r\nb   \r\nc=0D=0Ad\r\n',
    'Content-Transfer-Encoding: quoted-printable',
  ),
  [''],
);
add(
  'quoted-printable, lower-case hex',
  leaf('text/plain; charset=iso-8859-1', 'caf=e9\r\n', 'Content-Transfer-Encoding: QUOTED-PRINTABLE'),
  [''],
);
add(
  'quoted-printable, broken',
  leaf('text/plain; charset=utf-8', '100 =% sure\r\n', 'Content-Transfer-Encoding: quoted-printable'),
  'encoding-malformed',
);
for (const length of [0, 1, 2, 3, 100, 171]) {
  add(
    `plain base64, ${length} bytes`,
    leaf(
      'text/plain; charset=utf-8',
      `${base64('x'.repeat(length))}\r\n`,
      'Content-Transfer-Encoding: base64',
    ),
    [''],
  );
}
add(
  'plain base64, one endless line',
  leaf('text/plain; charset=utf-8', base64('word '.repeat(100), 10_000), 'Content-Transfer-Encoding: base64'),
  [''],
);
add(
  'plain base64, odd lines and blanks',
  leaf(
    'text/plain; charset=utf-8',
    ` ${base64('word '.repeat(20), 7)} \r\n\r\n`,
    'Content-Transfer-Encoding: base64',
  ),
  [''],
);
add(
  'plain base64, list footer behind',
  leaf(
    'text/plain; charset=utf-8',
    `${base64('hello\r\n')}\r\n_____\r\nlist footer\r\n`,
    'Content-Transfer-Encoding: base64',
  ),
  'encoding-malformed',
);
add(
  'plain base64, padding in the middle',
  leaf('text/plain; charset=utf-8', 'aGVsbG8=aGVsbG8=\r\n', 'Content-Transfer-Encoding: base64'),
  'encoding-malformed',
);
add(
  'plain base64, cut short',
  leaf('text/plain; charset=utf-8', 'aGVsbG\r\n', 'Content-Transfer-Encoding: base64'),
  'encoding-malformed',
);
add(
  'plain iso-8859-1',
  leaf('text/plain; charset=iso-8859-1', 'caf\xe9\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add(
  'plain windows-1252',
  leaf('text/plain; charset=windows-1252', '\x84caf\xe9\x93\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add(
  'plain iso-8859-2',
  leaf('text/plain; charset=ISO-8859-2', '\xb1\xb6\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add('plain koi8-r', leaf('text/plain; charset=koi8-r', '\xf0\xf2\r\n', 'Content-Transfer-Encoding: 8bit'), [
  '',
]);
add(
  'plain iso-2022-jp',
  leaf('text/plain; charset=ISO-2022-JP', '\x1b$B$3$s\x1b(B\r\n', 'Content-Transfer-Encoding: 7bit'),
  [''],
);
add(
  'plain shift_jis',
  leaf('text/plain; charset=shift_jis', '\x82\xb1\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add('plain gb2312', leaf('text/plain; charset="gb2312"', '\xc4\xe3\r\n', 'Content-Transfer-Encoding: 8bit'), [
  '',
]);
add(
  'plain utf-16',
  leaf('text/plain; charset=utf-16', base64('\xff\xfea\0'), 'Content-Transfer-Encoding: base64'),
  'charset-unsupported',
);
add('plain utf-7', leaf('text/plain; charset=utf-7', 'a+AFs-\r\n'), 'charset-unsupported');
add('plain unknown charset', leaf('text/plain; charset=x-martian', 'zip\r\n'), 'charset-unsupported');
add(
  'plain unknown-8bit',
  leaf('text/plain; charset=unknown-8bit', 'zip\xff\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add(
  'plain format=flowed',
  leaf('text/plain; charset=utf-8; format=flowed; delsp=yes', 'one \r\ntwo\r\n> quote \r\n> more\r\n'),
  [''],
);
add(
  'plain format=flowed base64',
  leaf(
    'text/plain; charset=utf-8; format=flowed',
    base64('one \r\ntwo\r\n'),
    'Content-Transfer-Encoding: base64',
  ),
  [''],
);
add(
  'plain binary',
  leaf('text/plain; charset=utf-8', `${'y'.repeat(5000)}\r\n`, 'Content-Transfer-Encoding: binary'),
  [''],
);
add(
  'plain uuencode',
  leaf('text/plain', 'begin 644 x\r\n', 'Content-Transfer-Encoding: x-uuencode'),
  'encoding-unknown',
);
add(
  'plain 8-bit with a typing error',
  leaf('text/plain', 'x\r\n', 'Content-Transfer-Encoding: 8-bit'),
  'encoding-unknown',
);
add(
  'plain folded Content-Type with comments',
  leaf(
    'text/plain (really)\r\n ; charset = "utf-8" (of course)',
    utf8('é\r\n'),
    'Content-Transfer-Encoding: 8bit (by hand)',
  ),
  [''],
);
add('plain with a quoting person', leaf('text/plain', '> Protected by TLS\r\n>\r\n> old\r\nnew\r\n'), ['']);
add(
  'inline PGP',
  leaf('text/plain', '-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nx\r\n'),
  'pgp-inline',
);
add(
  'inline PGP further down, base64',
  leaf('text/plain', base64('see\r\n-----BEGIN PGP MESSAGE-----\r\n'), 'Content-Transfer-Encoding: base64'),
  'pgp-inline',
);
add('quoted PGP', leaf('text/plain', 'see\r\n> -----BEGIN PGP MESSAGE-----\r\n'), ['']);
add('Content-MD5', leaf('text/plain', 'x\r\n', 'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ=='), 'content-md5');
add('text/enriched', leaf('text/enriched', '<bold>x</bold>\r\n'), 'no-text');
add('text/calendar', leaf('text/calendar; method=REQUEST', 'BEGIN:VCALENDAR\r\n'), 'no-text');
add('one picture', image, 'no-text');
add('one text file', attachedText, 'no-text');
add(
  'one named inline text',
  leaf('text/plain; name=log.txt', 'x\r\n', 'Content-Disposition: inline; filename=log.txt'),
  'no-text',
);
add('plain with a name', leaf('text/plain; name=log.txt', 'x\r\n'), ['']);
add('html with a name', leaf('text/html; name=log.html', '<p>x</p>\r\n'), ['']);
add('plain, disposition inline', leaf('text/plain', 'x\r\n', 'Content-Disposition: inline'), ['']);
add('one forwarded message', forwarded, 'no-text');
add('message/partial', leaf('message/partial; id="a@b"; number=1; total=3', PLAIN), 'partial');
add(
  'two Content-Types',
  { header: ['Content-Type: text/plain', 'Content-type: text/html'], body: 'x\r\n' },
  'header-malformed',
);
add('Content-Type in one word', { header: ['Content-Type: text'], body: 'x\r\n' }, 'content-type-malformed');
add('charset twice', leaf('text/plain; charset=utf-8; charset=utf-16', 'x\r\n'), 'content-type-malformed');
add('DKIM', { header: ['DKIM-Signature: v=1; a=rsa-sha256; b=abc'], body: PLAIN }, 'dkim-signed');
add('ARC', { header: ['ARC-Message-Signature: i=1; b=abc'], body: PLAIN }, 'dkim-signed');

export const plainCases: readonly Case[] = cases;
