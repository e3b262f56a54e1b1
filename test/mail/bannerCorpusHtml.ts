/**
 * The corpus: HTML texts of one part (see corpus.ts).
 */
import { base64, type Case, HTML, leaf, message, page, utf8 } from './buildMessage.ts';

const cases: Case[] = [];

function add(...given: Parameters<typeof message>): void {
  cases.push(message(...given));
}

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

export const htmlCases: readonly Case[] = cases;
