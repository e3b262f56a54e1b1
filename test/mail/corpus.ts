/**
 * The message corpus: about a hundred structurally different messages, each with what the body banner does to it.
 *
 * `edits` are the numbers of the parts that get the banner (RFC 3501 numbering, "" for a message of one part), `leaves`
 * is the reason why the message stays as it came. Bodies are latin1 strings with CRLF lines. The messages are made by
 * hand after the habits of well-known mailers; nothing in them is from anybody's mail.
 */
import type { HeaderField } from '../../src/core/edit.ts';
import type { LeaveReason } from '../../src/mail/reasons.ts';

export interface Case {
  readonly name: string;
  readonly headers: readonly HeaderField[];
  readonly body: string;
  readonly edits: readonly string[];
  readonly leaves: LeaveReason | null;
}

export interface Part {
  readonly header: readonly string[];
  readonly body: string;
}

/** A field from "Name: value"; continuation lines are given with LF. */
export function fields(...lines: readonly string[]): HeaderField[] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
  });
}

export function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function base64(latin1: string, width = 76): string {
  const dense = Buffer.from(latin1, 'latin1').toString('base64');
  return dense.replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\r\n');
}

export function quotedPrintable(latin1: string): string {
  return latin1
    .split('\r\n')
    .map((line) => {
      const rows = [''];
      for (const [at, char] of line.split('').entries()) {
        const plain = char === ' ' ? at < line.length - 1 : /[!-<>-~]/.test(char);
        const piece = plain ? char : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
        if (rows.at(-1)!.length + piece.length > 75) rows.push('');
        rows[rows.length - 1] += piece;
      }
      return rows.join('=\r\n');
    })
    .join('\r\n');
}

export function leaf(type: string, body: string, ...more: readonly string[]): Part {
  return { header: [`Content-Type: ${type}`, ...more], body };
}

let made = 0;

export function multi(
  kind: string,
  parts: readonly Part[],
  options: { boundary?: string; extra?: string; preamble?: string; epilogue?: string } = {},
): Part {
  const boundary = options.boundary ?? `=_part_${++made}_b`;
  const body = parts
    .map(
      ({ header, body }) => `--${boundary}\r\n${header.map((line) => `${line}\r\n`).join('')}\r\n${body}\r\n`,
    )
    .join('');
  return {
    header: [`Content-Type: multipart/${kind}; boundary="${boundary}"${options.extra ?? ''}`],
    body: `${options.preamble ?? ''}${body}--${boundary}--\r\n${options.epilogue ?? ''}`,
  };
}

export function bodyOf(part: Part, bare = false): Part {
  return bare ? { ...part, body: part.body.replace(/\r\n$/, '') } : part;
}

const COMMON = [
  'From: Ann <ann@a.example>',
  'To: Ben <ben@b.example>',
  'Subject: hello',
  'MIME-Version: 1.0',
];

const cases: Case[] = [];

function add(name: string, part: Part, result: readonly string[] | LeaveReason): void {
  const headers = fields(...COMMON, ...part.header.map((line) => line.replace(/\r\n/g, '\n')));
  const edits = typeof result === 'string' ? [] : result;
  cases.push({ name, headers, body: part.body, edits, leaves: typeof result === 'string' ? result : null });
}

const PLAIN = 'Hello Ben,\r\n\r\nthis is the text.\r\n-- \r\nAnn\r\n';
const HTML =
  '<!DOCTYPE html>\r\n<html><head><title>x</title></head>\r\n<body bgcolor="white">\r\n<p>Hello Ben</p>\r\n</body></html>\r\n';
const plain = leaf('text/plain; charset=us-ascii', PLAIN);
const html = leaf('text/html; charset=us-ascii', HTML);
const image = leaf(
  'image/png; name="a.png"',
  base64('\x89PNG\r\n\x1a\n'.repeat(40)),
  'Content-Transfer-Encoding: base64',
  'Content-ID: <img1@a.example>',
);
const pdf = leaf(
  'application/pdf; name="a.pdf"',
  base64('%PDF-1.4 '.repeat(30)),
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="a.pdf"',
);
const attachedText = leaf(
  'text/plain; charset=utf-8',
  'col1,col2\r\n',
  'Content-Disposition: attachment; filename="data.txt"',
);
const forwarded = leaf(
  'message/rfc822',
  `From: x@x.example\r\nSubject: inner\r\nMIME-Version: 1.0\r\n${multi('mixed', [plain, pdf]).header[0]}\r\n\r\n--b\r\n`,
);

// One part
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

// One part, HTML
const page = (body: string, ...more: readonly string[]): Part =>
  leaf('text/html; charset=utf-8', body, ...more);
add('html with head and body', page(HTML), ['']);
add('html, empty', page(''), ['']);
add('html without any structure', page('<p>Hello</p>\r\n'), ['']);
add('html, text only', page('Hello\r\n'), ['']);
add('html without body tag', page('<html><head><style>p{}</style></head>\r\n<p>x</p></html>\r\n'), ['']);
add('html without head, body in capitals', page('<HTML><BODY STYLE=\'x:">"\'>Hello</BODY></HTML>\r\n'), ['']);
add(
  'html, body in comment, style, script, title',
  page(
    '<!-- <body> --><html><head><title><body></title><style>/*<body>*/</style><script>"<body>"</script></head><body class=a>Hello</body></html>',
  ),
  [''],
);
add(
  'html, conditional comments',
  page(
    '<html><head><!--[if gte mso 9]><xml><body></xml><![endif]--></head><!--[if !mso]><!--><body><!--<![endif]-->Hello</body></html>',
  ),
  [''],
);
add(
  'html, > in an attribute of body',
  page('<html><body title="a > b" bgcolor=#ffffff>Hello</body></html>'),
  [''],
);
add('html, CDATA first', page('<![CDATA[ <body> ]]>Hello\r\n'), ['']);
add('html, text above the html tag', page('[EXTERNAL]<html><body>Hello</body></html>\r\n'), ['']);
add('html, unclosed comment', page('<html><!-- <body>Hello</body></html>\r\n'), ['']);
add('html, unclosed quote in body', page('<html><body title="x>Hello</body></html>\r\n'), ['']);
add(
  'xhtml with declaration',
  page(
    '<?xml version="1.0"?>\r\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\r\n<html xmlns="http://www.w3.org/1999/xhtml"><head/><body>Hello</body></html>\r\n',
  ),
  [''],
);
add(
  'html, byte order mark',
  page(utf8('\ufeff<html><body>Hello</body></html>\r\n'), 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add('html, one line of 900', page(`<html><body>${'Hello '.repeat(145)}</body></html>\r\n`), ['']);
add(
  'html, frameset',
  page('<html><frameset cols="1,2"><frame src=x></frameset></html>\r\n'),
  'html-frameset',
);
add(
  'html quoted-printable, body on a soft line',
  page(
    '<html><head><meta charset=3D"utf-8"></head><body style=3D"margin:0;padding:=\r\n0">Hello =C3=A9</body></html>\r\n',
    'Content-Transfer-Encoding: quoted-printable',
  ),
  [''],
);
add(
  'html quoted-printable, full line',
  page(
    `<html><body class=3D"${'a'.repeat(50)}">=\r\nHello</body></html>\r\n`,
    'Content-Transfer-Encoding: quoted-printable',
  ),
  [''],
);
add(
  'html quoted-printable, blank before the text',
  page('<html> Hello\r\n', 'Content-Transfer-Encoding: quoted-printable'),
  [''],
);
for (const extra of [0, 1, 2]) {
  add(
    `html base64, group ${extra}`,
    page(
      base64(`<html>${' '.repeat(extra)}<body>Hello ${'x'.repeat(100)}</body></html>`),
      'Content-Transfer-Encoding: base64',
    ),
    [''],
  );
}
add('html base64, body is last', page(base64('<html><body>'), 'Content-Transfer-Encoding: base64'), ['']);
add(
  'html shift_jis',
  leaf('text/html; charset=shift_jis', '<body>\x83\x5c\r\n', 'Content-Transfer-Encoding: 8bit'),
  [''],
);
add(
  'html iso-2022-jp with markup-like bytes',
  leaf('text/html; charset=iso-2022-jp', '<html><title>\x1b$B</title>\x1b(B</title><body>\x1b$B$3\x1b(B\r\n'),
  [''],
);
add(
  'html iso-2022-jp with a strange escape sequence',
  leaf('text/html; charset=iso-2022-jp', '<html><title>\x1b$</title><body>x\r\n'),
  'charset-unsupported',
);
add(
  'html utf-16',
  leaf('text/html; charset=utf-16le', base64('<\0b\0'), 'Content-Transfer-Encoding: base64'),
  'charset-unsupported',
);
add('html with PGP', page('<pre>-----BEGIN PGP MESSAGE-----</pre>\r\n'), 'pgp-inline');

// Multiparts
add('alternative', multi('alternative', [plain, html]), ['1', '2']);
add(
  'alternative, html base64',
  multi('alternative', [plain, page(base64(HTML), 'Content-Transfer-Encoding: base64')]),
  ['1', '2'],
);
add(
  'alternative with calendar',
  multi('alternative', [plain, html, leaf('text/calendar; method=REQUEST', 'BEGIN:VCALENDAR\r\n')]),
  ['1', '2'],
);
add(
  'alternative with amp',
  multi('alternative', [plain, leaf('text/x-amp-html', '<html amp4email><body>x</body></html>'), html]),
  ['1', '3'],
);
add(
  'alternative, one half unsayable',
  multi('alternative', [
    leaf('text/plain; charset=utf-16', base64('\xff\xfea\0'), 'Content-Transfer-Encoding: base64'),
    html,
  ]),
  'charset-unsupported',
);
add(
  'alternative(plain, related(html, image))',
  multi('alternative', [plain, multi('related', [html, image])]),
  ['1', '2.1'],
);
add(
  'related(alternative(plain, html), image)',
  multi('related', [multi('alternative', [plain, html]), image]),
  ['1.1', '1.2'],
);
add(
  'related with start',
  multi('related', [image, leaf('text/html', HTML, 'Content-ID: <root@a.example>')], {
    extra: '; start="<root@a.example>"; type="text/html"',
  }),
  ['2'],
);
add('related, picture first without start', multi('related', [image, html]), 'no-text');
add('mixed(plain, pdf)', multi('mixed', [plain, pdf]), ['1']);
add('mixed(html, text file)', multi('mixed', [html, attachedText]), ['1']);
add('mixed(plain, plain footer)', multi('mixed', [plain, leaf('text/plain', '____\r\nlist\r\n')]), ['1']);
add('mixed(text file, plain)', multi('mixed', [attachedText, plain]), ['2']);
add('mixed(image, html)', multi('mixed', [image, html]), ['2']);
add('mixed(text files only)', multi('mixed', [attachedText, attachedText]), 'no-text');
add('mixed(message, plain)', multi('mixed', [forwarded, plain]), 'no-text');
add('mixed(plain, message)', multi('mixed', [plain, forwarded]), ['1']);
add(
  'mixed(alternative(plain, related(html, image)), pdf)',
  multi('mixed', [multi('alternative', [plain, multi('related', [html, image])]), pdf]),
  ['1.1', '1.2.1'],
);
add(
  'mixed(related(alternative(plain, html), image), pdf, text)',
  multi('mixed', [multi('related', [multi('alternative', [plain, html]), image]), pdf, attachedText]),
  ['1.1.1', '1.1.2'],
);
add(
  'alternative(plain, mixed(html, pdf, html))',
  multi('alternative', [plain, multi('mixed', [html, pdf, html])]),
  ['1', '2.1'],
);
add('mixed in mixed in mixed', multi('mixed', [multi('mixed', [multi('mixed', [plain]), pdf]), pdf]), [
  '1.1.1',
]);
add('mixed, no header in the part', multi('mixed', [{ header: [], body: 'implicit text\r\n' }, pdf]), ['1']);
add('mixed, empty text', multi('mixed', [leaf('text/plain', ''), pdf]), ['1']);
add(
  'mixed, empty text without its line',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nContent-Type: text/plain\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n',
  },
  ['1'],
);
add(
  'mixed, preamble and epilogue',
  multi('mixed', [plain, pdf], { preamble: 'This is MIME.\r\n\r\n', epilogue: '\r\nnobody reads this\r\n' }),
  ['1'],
);
add('mixed, no line end at all behind', bodyOf(multi('mixed', [plain, pdf]), true), ['1']);
add(
  'mixed, blanks behind the boundaries',
  { header: ['Content-Type: multipart/mixed; boundary="b c"'], body: '--b c \t\r\n\r\nx\r\n--b c-- \r\n' },
  ['1'],
);
add('mixed, boundary of signs', multi('mixed', [plain], { boundary: "'()+_,-./:=?a" }), ['1']);
add(
  'mixed, boundary in RFC 2231 sections',
  {
    header: ['Content-Type: multipart/mixed; boundary*0=ab; boundary*1=cd'],
    body: '--abcd\r\n\r\nx\r\n--abcd--\r\n',
  },
  ['1'],
);
add(
  'mixed, inner boundary longer than outer',
  multi('mixed', [multi('alternative', [plain, html], { boundary: 'abcd' }), pdf], { boundary: 'abc' }),
  ['1.1', '1.2'],
);
add(
  'mixed, outer boundary longer than inner',
  multi('mixed', [multi('alternative', [plain, html], { boundary: 'abc' }), pdf], { boundary: 'abcd' }),
  ['1.1', '1.2'],
);
add('parallel', multi('parallel', [plain, image]), ['1']);
add('unknown multipart', multi('x-mixed-replace', [plain, image]), ['1']);
add(
  'text part deep in 8 multiparts',
  [1, 2, 3, 4, 5, 6, 7, 8].reduce<Part>((inner) => multi('mixed', [inner]), plain),
  ['1.1.1.1.1.1.1.1'],
);
add(
  '17 multiparts',
  Array.from({ length: 17 }).reduce<Part>((inner) => multi('mixed', [inner]), plain),
  'too-deep',
);
add(
  '1100 parts',
  multi('mixed', [plain, ...Array.from({ length: 1100 }, () => leaf('image/gif', 'x'))]),
  'too-many-parts',
);
add(
  'signed',
  multi('signed', [plain, leaf('application/pgp-signature', 'x')], {
    extra: '; micalg=pgp-sha256; protocol="application/pgp-signature"',
  }),
  'signed',
);
add(
  'signed with a list footer',
  multi('mixed', [multi('signed', [plain, leaf('application/pkcs7-signature; name=smime.p7s', 'x')]), plain]),
  'signed',
);
add(
  'text and a loose signature',
  multi('mixed', [plain, leaf('application/octet-stream; name="smime.p7s"', 'x')]),
  'signed',
);
add(
  'encrypted',
  multi('encrypted', [
    leaf('application/pgp-encrypted', 'Version: 1'),
    leaf('application/octet-stream', 'x'),
  ]),
  'encrypted',
);
add(
  'encrypted, mangled by a server',
  multi('mixed', [
    leaf('text/plain', ''),
    leaf('application/pgp-encrypted', 'Version: 1'),
    leaf('application/octet-stream', 'x'),
  ]),
  'encrypted',
);
add(
  'S/MIME',
  leaf(
    'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
    base64('x'),
    'Content-Transfer-Encoding: base64',
  ),
  'smime',
);
add(
  'S/MIME as octet-stream',
  leaf('application/octet-stream; name="SMIME.P7M"', base64('x'), 'Content-Transfer-Encoding: base64'),
  'smime',
);
add(
  'report',
  multi('report', [plain, leaf('message/delivery-status', 'Reporting-MTA: dns; x\r\n')], {
    extra: '; report-type=delivery-status',
  }),
  'report',
);
add('digest', multi('digest', [{ header: [], body: 'Subject: a\r\n\r\nx\r\n' }]), 'no-text');
add(
  'winmail.dat',
  multi('mixed', [
    plain,
    leaf('application/ms-tnef; name=winmail.dat', base64('x'), 'Content-Transfer-Encoding: base64'),
  ]),
  ['1'],
);
add(
  'multipart without boundary',
  { header: ['Content-Type: multipart/mixed'], body: '--b\r\n\r\nx\r\n--b--\r\n' },
  'boundary-missing',
);
add(
  'multipart whose boundary never comes',
  { header: ['Content-Type: multipart/mixed; boundary=b'], body: 'just text\r\n' },
  'boundary-missing',
);
add(
  'multipart not closed',
  { header: ['Content-Type: multipart/mixed; boundary=b'], body: '--b\r\n\r\nx\r\n' },
  'boundary-not-closed',
);
add(
  'inner multipart not closed',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b--\r\n',
  },
  'boundary-not-closed',
);
add(
  'multipart in base64',
  {
    header: ['Content-Type: multipart/mixed; boundary=b', 'Content-Transfer-Encoding: base64'],
    body: '--b\r\n\r\nx\r\n--b--\r\n',
  },
  'encoding-malformed',
);
add(
  'boundary with something behind',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\n\r\nx\r\n--bc\r\n\r\ny\r\n--b--\r\n',
  },
  'boundary-ambiguous',
);
add(
  'boundary behind a bare LF',
  { header: ['Content-Type: multipart/mixed; boundary=b'], body: '--b\r\n\r\nx\n--b\r\n\r\ny\r\n--b--\r\n' },
  'boundary-ambiguous',
);
add(
  'boundary behind a bare CR',
  { header: ['Content-Type: multipart/mixed; boundary=b'], body: '--b\r\n\r\nx\r--b\r\n\r\ny\r\n--b--\r\n' },
  'boundary-ambiguous',
);
add(
  'same boundary inside',
  multi('mixed', [multi('mixed', [plain], { boundary: 'b' })], { boundary: 'b' }),
  'boundary-ambiguous',
);
add(
  'boundary after the end',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n--b--\r\n',
  },
  'boundary-ambiguous',
);
add(
  'part header without empty line',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nContent-Type: text/plain\r\nHello there\r\n\r\nx\r\n--b--\r\n',
  },
  'header-malformed',
);
add(
  'part header runs into the boundary',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nContent-Type: text/plain\r\n--b\r\n\r\nx\r\n--b--\r\n',
  },
  'header-malformed',
);
add(
  'part header with bare CR',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nX-A: b\rContent-Type: text/html\r\n\r\nx\r\n--b--\r\n',
  },
  'header-malformed',
);
add(
  'part with two encodings',
  multi('mixed', [
    leaf('text/plain', 'x', 'Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: base64'),
  ]),
  'header-malformed',
);
add(
  'html, boundary behind body on one line',
  {
    header: ['Content-Type: multipart/mixed; boundary=b'],
    body: '--b\r\nContent-Type: text/html\r\n\r\n<body>--b--\r\n--b--\r\n',
  },
  'boundary-clash',
);

export const corpus: readonly Case[] = cases;
