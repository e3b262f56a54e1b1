/** Single rules of the body banner: once, replaced, quoted, refused; the limits; text for humans. */
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { type BodyBanner, leaveByHeader, putBodyBanner } from '../../src/mail/bodyBanner.ts';
import { SKIP_REASONS } from '../../src/mail/skipReasons.ts';
import { ownBanners, parseTemplate, renderTemplate, type Template } from '../../src/mail/template.ts';
import { corpus } from './bannerCorpus.ts';
import { base64, fields, leaf, multi, quotedPrintable, utf8 } from './buildMessage.ts';
import { joined } from './checkBanner.ts';
import { decodeLeaf, inCharset, readSegments, seenOf } from './reader.ts';

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

/** The result as latin1, or the reason why there is none. */
function put(headers: readonly string[], body: string, banner: string | BodyBanner): string {
  const result = allAtOnce(
    putBodyBanner(fields(...headers), bytes(body), typeof banner === 'string' ? { text: banner } : banner),
  );
  return result.kind === 'edited'
    ? joined(result)
    : `left: ${result.reason}${result.part === null ? '' : ` (${result.part})`}`;
}

function template(text: string): Template {
  const parsed = parseTemplate(text);
  if (parsed.kind === 'errors') throw new Error('bad template');
  return parsed.template;
}

t.test('what it looks like', async (t) => {
  t.equal(put([], 'Hello\r\n', 'Secured'), 'Secured\r\n\r\nHello\r\n');
  t.equal(put([], '', 'Secured'), 'Secured\r\n\r\n');
  t.equal(put([], 'x\r\n', 'Line one\nLine two\n'), 'Line one\r\nLine two\r\n\r\nx\r\n');
  t.equal(put([], 'x\r\n', 'a\0b\x07c\td'), 'a b c d\r\n\r\nx\r\n');
  t.equal(put(['Content-Type: text/plain; format=flowed'], 'x\r\n', 'From us'), ' From us\r\n\r\nx\r\n');
  t.equal(put(['Content-Type: text/plain; format=flowed'], 'x\r\n', '> quoted '), ' > quoted\r\n\r\nx\r\n');
  t.equal(
    put(
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
      'x\r\n',
      '-- é =',
    ),
    '=2D- =C3=A9 =3D\r\n\r\nx\r\n',
  );
  t.equal(
    put(['Content-Transfer-Encoding: base64'], `${base64('hello')}\r\n`, '12345'),
    'MTIzNDUNCg0K\r\naGVsbG8=\r\n',
  );
  t.equal(
    put(['Content-Transfer-Encoding: base64'], `${base64('hello')}\r\n`, '1234'),
    'MTIzNCANCg0K\r\naGVsbG8=\r\n',
  );
});

t.test('base64 keeps every group it can', async (t) => {
  for (const length of [5, 6, 7, 8]) {
    const body = `${base64('old text '.repeat(30))}\r\n`;
    for (const type of ['text/plain', 'text/plain; format=flowed']) {
      const after = put(
        [`Content-Type: ${type}`, 'Content-Transfer-Encoding: base64'],
        body,
        'x'.repeat(length),
      );
      t.ok(after.endsWith(body), 'the old lines are all there');
      t.notOk(after.slice(0, -body.length).includes('='), 'without padding in front of them');
    }
  }
});

t.test('reasons', async (t) => {
  const mixed = 'Content-Type: multipart/mixed; boundary="is it"';
  const inMixed = '--is it\r\n\r\nx\r\n--is it--\r\n';
  const cases: [readonly string[], string, string | BodyBanner, string][] = [
    [[], 'x', '', 'left: banner-empty'],
    [[], 'x', ' \n\0 ', 'left: banner-empty'],
    [[], 'x', 'y'.repeat(999), 'left: banner-too-long'],
    [['Content-Type: text/html'], 'x', 'y'.repeat(999), 'left: banner-too-long'],
    [[], 'x', 'こんにちは', 'left: not-representable'],
    [[], 'x', '🔒', 'left: not-representable'],
    [[], 'x'.repeat(11), { text: 'y', limitBytes: 10 }, 'left: too-large'],
    [['DKIM-Signature: x'], 'x', { text: 'y' }, 'left: dkim-signed'],
    [['DKIM-Signature: x'], 'x\r\n', { text: 'y', breakSignatures: true }, 'y\r\n\r\nx\r\n'],
    [['dkim-signature : x'], 'x', { text: 'y' }, 'left: dkim-signed'],
    [[mixed], inMixed, '--is it true?', 'left: boundary-clash (1)'],
    [[mixed], inMixed, 'good\n--is it--', 'left: boundary-clash (1)'],
    [[mixed], inMixed, 'good\n--is', '--is it\r\n\r\ngood\r\n--is\r\n\r\nx\r\n--is it--\r\n'],
    [['Content-Type : text/html'], 'x', 'y', 'left: header-malformed'],
  ];
  for (const [headers, body, banner, want] of cases) t.equal(put(headers, body, banner), want);
});

t.test('what the header alone says', async (t) => {
  const cases: [readonly string[], string | null][] = [
    [[], null],
    [['Content-Type: multipart/mixed; boundary=x'], null],
    [['Content-Type: image/png'], 'no-text'],
    [['Content-Type: multipart/signed; boundary=x'], 'signed'],
    [['Content-Type: application/pkcs7-mime'], 'smime'],
    [['Content-Type: message/partial; id=x; number=1'], 'partial'],
    [['Content-Disposition: attachment'], 'no-text'],
    [['DKIM-Signature: x'], 'dkim-signed'],
  ];
  for (const [headers, want] of cases)
    t.equal(leaveByHeader(fields(...headers), false), want, headers.join());
  t.equal(leaveByHeader(fields('DKIM-Signature: x'), true), null);
  for (const message of corpus) {
    const early = leaveByHeader(message.headers, false);
    if (early !== null) t.equal(early, message.leaves, message.name);
  }
});

t.test('an older banner of ours gives way', async (t) => {
  const own = template('Received over {tls} from {domain}, says {host}.');
  const isOurs = ownBanners([own]);
  const older = renderTemplate(own, { tls: 'TLSv1.2', domain: 'á.example', host: 'mx1' });
  const newer = renderTemplate(own, {
    tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
    domain: 'b.example',
    host: 'mx2',
  });
  let editable = 0;
  for (const message of corpus) {
    if (message.leaves !== null) continue;
    const first = allAtOnce(
      putBodyBanner(message.headers, bytes(message.body), { text: older, own: isOurs }),
    );
    if (first.kind === 'skipped') {
      t.fail(`${message.name}: ${first.reason}`);
      continue;
    }
    const second = allAtOnce(
      putBodyBanner(message.headers, bytes(joined(first)), { text: newer, own: isOurs }),
    );
    const direct = allAtOnce(
      putBodyBanner(message.headers, bytes(message.body), { text: newer, own: isOurs }),
    );
    if (second.kind === 'skipped' || direct.kind === 'skipped') {
      t.fail(`${message.name}: not replaced`);
      continue;
    }
    editable++;
    t.same(second.parts, message.edits, message.name);
    const header = message.headers
      .map(({ name, value }) => `${name}: ${value}\r\n`)
      .join('')
      .replace(/\r?\n(?=[ \t])/g, ' ');
    // Padding in base64 aside, the two ways lead to the same text.
    const texts = (body: string): string[] =>
      readSegments(header, body).map((segment) =>
        decodeLeaf(segment)
          .replace(/ *\r\n(?:\r\n)*/g, '\r\n')
          .replace(/(?<=^(?:\xef\xbb\xbf)?) /, ''),
      );
    t.same(texts(joined(second)), texts(joined(direct)), message.name);
  }
  t.ok(editable >= 60, `${editable} messages`);
});

t.test('copies on top go, copies below stay', async (t) => {
  const own = template('Received over {tls} from {domain}, says {host}.');
  const isOurs = ownBanners([own]);
  const forged = 'RECEIVED over TLSv1.3 from bank.example, says mx.';
  const text = 'Received over no TLS from bank.example, says mx.';
  for (const copies of [1, 2, 5, 300]) {
    t.equal(
      put([], `${`${forged}\r\n\r\n`.repeat(copies)}Dear customer\r\n`, { text, own: isOurs }),
      `${text}\r\n\r\nDear customer\r\n`,
      `${copies} copies`,
    );
    const block = '<div class="tlsward-banner" style="color:red">Received over <b>TLSv1.3</b></div>\r\n';
    const page = put(['Content-Type: text/html'], `<body>\r\n${block.repeat(copies)}Dear customer`, {
      text,
      own: isOurs,
    });
    t.equal(seenOf(page), `${text} Dear customer`);
    t.equal(page.split('tlsward-banner').length, 2);
  }
  const reply = `Yes.\r\n> ${text}\r\n>\r\n> Dear customer\r\n`;
  t.equal(put([], reply, { text, own: isOurs }), `${text}\r\n\r\n${reply}`);
  t.equal(
    put([], `> x${text}\r\n`, { text, own: { matches: () => true, lineCounts: [1] } }),
    `${text}\r\n\r\n> x${text}\r\n`,
  );
  const bottom = `> ${text}\r\n> old\r\n\r\nYes.\r\n`;
  t.equal(put([], bottom, { text, own: isOurs }), `${text}\r\n\r\n${bottom}`);
  const quoted = put(['Content-Type: text/html'], '<body>Dear customer', { text, own: isOurs }).replace(
    '<body>',
    '<body>Yes.<blockquote>',
  );
  const replied = put(['Content-Type: text/html'], quoted, { text, own: isOurs });
  t.equal(seenOf(replied), `${text} Yes. ${text} Dear customer`, 'a reply gets its own');
  t.equal(
    put(['Content-Type: text/html'], '<body><div class="tlsward-banner">open', { text }).split(
      'tlsward-banner',
    ).length,
    3,
    'what never closes is not ours',
  );
  // The same words with another style could be invisible words.
  const hidden = put(
    ['Content-Type: text/html'],
    `<body><div class="tlsward-banner" style="display:none">${text}</div>x`,
    { text },
  );
  t.match(hidden, /^<body>\r\n<div class="tlsward-banner"\r\nstyle="display:block/);
  t.notMatch(hidden, 'display:none');
});

t.test('one half has it already', async (t) => {
  const part = multi('alternative', [leaf('text/plain', 'Secured\r\n\r\nx'), leaf('text/html', '<body>x')], {
    boundary: 'b',
  });
  const result = allAtOnce(putBodyBanner(fields(...part.header), bytes(part.body), { text: 'Secured' }));
  t.match(result, { kind: 'edited', parts: ['2'] });
});

t.test('an ASCII form where the part has no better', async (t) => {
  const banner = 'Gesichert über TLS – „wirklich“ 🔒';
  const cases: [string, string, string][] = [
    ['us-ascii', '7bit', 'Gesichert uber TLS - "wirklich"'],
    ['utf-8', '7bit', 'Gesichert uber TLS - "wirklich"'],
    ['utf-8', '8bit', banner],
    ['iso-8859-1', '8bit', 'Gesichert über TLS - "wirklich"'],
    ['koi8-r', '8bit', 'Gesichert uber TLS - "wirklich"'],
    ['windows-1250', 'quoted-printable', 'Gesichert über TLS – „wirklich“'],
  ];
  for (const [charset, encoding, want] of cases) {
    const header = [`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`];
    const after = put(header, 'x\r\n', banner);
    const [segment] = readSegments(`${header.join('\r\n')}\r\n`, after);
    t.equal(inCharset(decodeLeaf(segment!), charset).split('\r\n')[0], want, `${charset} ${encoding}`);
  }
  for (const charset of ['iso-2022-jp', 'shift_jis', 'euc-jp', 'utf-8', 'gb18030']) {
    const header = [
      `Content-Type: text/plain; charset=${charset}`,
      `Content-Transfer-Encoding: ${charset === 'iso-2022-jp' ? '7bit' : '8bit'}`,
    ];
    const after = put(header, 'x\r\n', 'TLSで保護されています。');
    t.equal(inCharset(after, charset).split('\r\n')[0], 'TLSで保護されています。', charset);
    t.equal(
      allAtOnce(putBodyBanner(fields(...header), bytes(after), { text: 'TLSで保護されています。' })).kind,
      'skipped',
    );
  }
  const part = leaf('text/html; charset=us-ascii', '<body>x');
  t.ok(seenOf(put(part.header, part.body, banner)).startsWith(banner), 'HTML says everything');
});

t.test('input is not written to', async (t) => {
  const body = bytes(utf8('<body>Grüße'));
  const copy = Buffer.from(body);
  const result = allAtOnce(putBodyBanner(fields('Content-Type: text/html'), body, { text: 'x' }));
  t.equal(result.kind, 'edited');
  t.ok(body.equals(copy));
  const plain = new Uint8Array([0x68, 0x69]).subarray(1);
  const small = allAtOnce(putBodyBanner([], plain, { text: 'x' }));
  t.equal(small.kind === 'edited' && joined(small), 'x\r\n\r\ni', 'a view into a larger array');
});

t.test('every reason has a sentence and most have a message in the corpus', async (t) => {
  const used = new Set(corpus.map((message) => message.leaves));
  for (const [reason, sentence] of Object.entries(SKIP_REASONS))
    t.match(sentence, /^[a-z].{10,}[^.]$/i, reason);
  const others = ['already-there', 'banner-empty', 'banner-too-long', 'too-large', 'not-representable'];
  t.same(
    Object.keys(SKIP_REASONS).filter((reason) => !used.has(reason as keyof typeof SKIP_REASONS)),
    others,
  );
});

t.test('quoted-printable of the tests themselves', async (t) => {
  const [segment] = readSegments(
    'Content-Transfer-Encoding: quoted-printable\r\n',
    quotedPrintable(utf8(`é ${'x'.repeat(200)} = \r\n`)),
  );
  t.equal(decodeLeaf(segment!), utf8(`é ${'x'.repeat(200)} = \r\n`));
});
