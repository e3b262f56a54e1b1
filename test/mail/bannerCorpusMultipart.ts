/**
 * The corpus: multiparts, whole and broken (see corpus.ts).
 */
import {
  attachedText,
  base64,
  bodyOf,
  type Case,
  forwarded,
  HTML,
  html,
  image,
  leaf,
  message,
  multi,
  type Part,
  page,
  pdf,
  plain,
} from './buildMessage.ts';

const cases: Case[] = [];

function add(...given: Parameters<typeof message>): void {
  cases.push(message(...given));
}

add('alternative', multi('alternative', [plain, html]), ['1', '2']);
add(
  'alternative, html base64',
  multi('alternative', [plain, page(base64(HTML), 'Content-Transfer-Encoding: base64')]),
  ['1', '2'],
);
const named = leaf('text/plain; charset=us-ascii; name="body.txt"', 'Hello Ben\r\n');
const namedHtml = leaf('text/html; charset=us-ascii; name="body.html"', HTML);
add('alternative, plain with a name', multi('alternative', [named, html]), ['1', '2']);
add('alternative, html with a name', multi('alternative', [plain, namedHtml]), ['1', '2']);
add('alternative, plain with name and disposition', multi('alternative', [attachedText, html]), ['2']);
add('related, html with a name', multi('related', [namedHtml, image]), ['1']);
add('mixed, text with a name behind', multi('mixed', [plain, named]), ['1']);
add('mixed, text with a name in front', multi('mixed', [named, plain]), ['2']);
add('mixed, html with a name in front', multi('mixed', [namedHtml, plain]), ['2']);
add('mixed(alternative with names)', multi('mixed', [multi('alternative', [named, namedHtml]), pdf]), [
  '1.1',
  '1.2',
]);
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

export const multipartCases: readonly Case[] = cases;
