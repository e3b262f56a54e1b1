/** Banners in our words that came with the mail: taken from the top of what a person reads, and from nowhere else. */
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { putBodyBanner, takeBodyBanners } from '../../src/mail/bodyBanner.ts';
import { bannerBlock } from '../../src/mail/html.ts';
import { ownBanners, parseTemplate, renderTemplate, type Template } from '../../src/mail/template.ts';
import { corpus } from './bannerCorpus.ts';
import { base64, fields, leaf, multi, quotedPrintable, utf8 } from './buildMessage.ts';
import { headerText, joined } from './checkBanner.ts';
import { decodeLeaf, inCharset, readSegments, seenOf } from './reader.ts';

function template(text: string): Template {
  const parsed = parseTemplate(text);
  if (parsed.kind === 'errors') throw new Error('bad template');
  return parsed.template;
}

const OURS = template('This message reached {host} over an encrypted connection ({protocol}).');
const TWO = template('Sécurisé par {host},\nsigned: the postmaster');
const own = ownBanners([OURS, TWO]);
const LINE = renderTemplate(OURS, { host: 'mx.our.example', protocol: 'TLSv1.3' });
const LINES = renderTemplate(TWO, { host: 'mx.our.example' });
const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

/** The body without, or null when it stays as it is. */
function take(headers: readonly string[], body: string, breakSignatures = false): string | null {
  const result = allAtOnce(takeBodyBanners(fields(...headers), bytes(body), { own, breakSignatures }));
  return result === null ? null : joined(result);
}

t.test('plain text', async (t) => {
  const cases: [readonly string[], string, string | null][] = [
    [[], `${LINE}\r\n\r\nHello\r\n`, 'Hello\r\n'],
    [[], `\r\n \r\n${LINE.toUpperCase()} \r\nHello\r\n`, 'Hello\r\n'],
    [[], `${LINE}\r\n${LINE}\r\n\r\n\r\n${LINE}\r\n\r\nHello\r\n`, 'Hello\r\n'],
    [[], `${LINE}`, ''],
    [[], `> ${LINE}\r\n\r\nHello\r\n`, null],
    [[], `Hello\r\n\r\n${LINE}\r\n`, null],
    [[], '\r\n\r\nHello\r\n', null],
    [[], '', null],
    [['Content-Type: text/plain; format=flowed'], ` ${LINE}\r\n\r\nHello\r\n`, 'Hello\r\n'],
    [
      ['Content-Type: text/plain; charset=utf-8'],
      utf8(`\ufeff${LINES.replace('\n', '\r\n')}\r\n\r\nx`),
      utf8('\ufeffx'),
    ],
    [['Content-Type: text/plain; charset=utf-16'], `${LINE}\r\n`, null],
  ];
  for (const [headers, body, want] of cases) t.equal(take(headers, body), want, JSON.stringify(body));
  const encoded = ['Content-Transfer-Encoding: base64'];
  for (const rest of ['Hello\r\n', 'Hello', 'H', 'long '.repeat(100)]) {
    const without = take(encoded, base64(`${LINE}\r\n\r\n${rest}`));
    t.equal(Buffer.from(without ?? '', 'base64').toString('latin1'), rest);
    t.ok((without ?? '').split('\r\n').every((line) => line.length <= 76));
  }
  const quoted = ['Content-Transfer-Encoding: quoted-printable'];
  t.equal(take(quoted, quotedPrintable(`${LINE}\r\n\r\nHello =\r\n`)), 'Hello =3D\r\n');
});

t.test('html', async (t) => {
  const cases: [string, string | null][] = [
    [`${bannerBlock([LINE])}\r\n<p>Hello`, '<p>Hello'],
    [`<body>\r\n${bannerBlock(['anything else'])}\r\n<p>Hello`, '<body><p>Hello'],
    [`<div><DIV style=x class='a tlsward-banner'>x</DIV >Hello</div>`, '<div>\r\nHello</div>'],
    [`<p>${LINE}</p><p>Hello</p>`, '<p>\r\n</p><p>Hello</p>'],
    [
      `<table><tr><td>This <b>message</b> reached mx <i>over an&nbsp;&#101;ncrypted</i> connection (&#x54;LS).</td></tr></table>Hello`,
      '<table><tr><td><b></b><i></i>\r\n</td></tr></table>Hello',
    ],
    [`<!-- x --><img src=x>${LINE}<br><br>Hello`, null],
    [`<!-- x --><img src=x>${LINE}<hr>Hello`, '<!-- x --><img src=x>\r\n<hr>Hello'],
    [
      `<style>p { x: y }</style><p>${LINE}</p>${bannerBlock(['x'])}<p>Hello`,
      '<style>p { x: y }</style><p></p>\r\n<p>Hello',
    ],
    [LINE, ''],
    [`<blockquote>${bannerBlock([LINE])}</blockquote>`, null],
    [`<p>Hello</p>${bannerBlock([LINE])}`, null],
    [`<p>They said: ${LINE}</p>`, null],
    ['<p>Hello</p>', null],
    ['<div class="tlsward-banner">not closed', null],
  ];
  for (const [body, want] of cases) {
    t.equal(take(['Content-Type: text/html'], body), want, body.slice(0, 90));
  }
  const lines = take(
    ['Content-Type: text/html; charset=utf-8'],
    utf8(`<p>${LINES.replace('\n', '<br>')}</p>x`),
  );
  t.equal(lines, '<p><br>\r\n</p>x');
});

t.test('what is protected, and what cannot be read', async (t) => {
  const signed = ['DKIM-Signature: v=1; h=from; b=x'];
  t.equal(take(signed, `${LINE}\r\n\r\nx`), null);
  t.equal(take(signed, `${LINE}\r\n\r\nx`, true), 'x');
  for (const type of ['multipart/signed; boundary=b', 'multipart/encrypted; boundary=b', 'multipart/mixed'])
    t.equal(take([`Content-Type: ${type}`], `--b\r\n\r\n${LINE}\r\n--b--\r\n`, true), null, type);
  const half = multi('alternative', [
    leaf('text/plain; charset=utf-16', 'x'),
    leaf('text/html', bannerBlock([LINE])),
  ]);
  const without = take(half.header, half.body) ?? '';
  t.notMatch(without, /tlsward-banner/, 'a part that cannot be read does not protect the other');
});

t.test('what was put in comes out again, and the rest is as it was', async (t) => {
  let taken = 0;
  for (const message of corpus) {
    if (message.leaves !== null) continue;
    const put = allAtOnce(putBodyBanner(message.headers, bytes(message.body), { text: LINE, own }));
    if (put.kind === 'skipped') {
      t.fail(`${message.name}: ${put.reason}`);
      continue;
    }
    const without = allAtOnce(takeBodyBanners(message.headers, bytes(joined(put)), { own }));
    if (without === null) {
      t.fail(`${message.name}: not found again`);
      continue;
    }
    taken++;
    const header = headerText(message.headers);
    const shown = (body: string): string[] =>
      readSegments(header, body).map((segment) => {
        const text = decodeLeaf(segment);
        if (!segment.leaf) return text.replace(/^\r\n$/, '');
        return segment.type === 'text/html' ? seenOf(inCharset(text, segment.charset)) : text.trimStart();
      });
    t.same(shown(joined(without)), shown(message.body), message.name);
    t.equal(allAtOnce(takeBodyBanners(message.headers, bytes(joined(without)), { own })), null, 'once');
  }
  t.ok(taken > 60, `${taken} messages`);
});

t.test("another row's banner gives way too", async (t) => {
  const other = ownBanners([OURS, template('Careful: this message came without encryption from {domain}.')]);
  const text = 'Careful: this message came without encryption from bank.example.';
  const plain = allAtOnce(putBodyBanner([], bytes(`\r\n${LINE}\r\n\r\nHello\r\n`), { text, own: other }));
  t.equal(plain.kind === 'edited' && joined(plain), `${text}\r\n\r\nHello\r\n`);
  const html = allAtOnce(
    putBodyBanner(fields('Content-Type: text/html'), bytes(`${bannerBlock([text])}\r\n<p>${LINE}</p>x`), {
      text,
      own: other,
    }),
  );
  t.equal(html.kind === 'edited' && joined(html), `${bannerBlock([text])}\r\n<p>\r\n</p>x`);
});
