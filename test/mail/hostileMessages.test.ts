/** Random and hostile messages: never an exception, never another byte changed, never more than linear time. */
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { putBodyBanner } from '../../src/mail/bodyBanner.ts';
import { decodeHeaderText } from '../../src/mail/encodedWords.ts';
import { parseParameterized } from '../../src/mail/parameters.ts';
import { cleanValue, ownBanners, parseTemplate } from '../../src/mail/template.ts';
import { leastThreadMs } from '../measured.ts';
import { corpus } from './bannerCorpus.ts';
import { checkingBanners } from './bannerTexts.ts';
import { base64, fields, leaf, multi, type Part, quotedPrintable, utf8 } from './buildMessage.ts';
import { complaints, joined } from './checkBanner.ts';
import { tagSubject } from './tagSubject.ts';

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

/** A generator with a seed, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

t.test('random trees', async (t) => {
  const seed = 4;
  const random = generator(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const texts = [
    '',
    'x',
    'Grüße\r\n\r\nund mehr = ',
    'a\r\n'.repeat(30),
    `${'lang '.repeat(60)}\r\n`,
    '\r\n\r\n',
    '> quote\r\n',
    '\ufefftop\r\n',
  ];
  const encode = (type: string, text: string): Part => {
    const latin1 = utf8(text);
    switch (random(4)) {
      case 0:
        return leaf(
          `${type}; charset=utf-8`,
          base64(latin1, pick([4, 19, 76])),
          'Content-Transfer-Encoding: base64',
        );
      case 1:
        return leaf(
          `${type}; charset=utf-8`,
          quotedPrintable(latin1),
          'Content-Transfer-Encoding: quoted-printable',
        );
      case 2:
        return leaf(
          `${type}; charset=utf-8${type === 'text/plain' ? pick(['', '; format=flowed']) : ''}`,
          latin1,
          'Content-Transfer-Encoding: 8bit',
        );
      default:
        return leaf(type, text.replace(/[^\0-\x7f]/g, '?'));
    }
  };
  const tree = (depth: number): Part => {
    const kind = random(depth === 0 ? 4 : 8);
    if (kind <= 1) return encode('text/plain', pick(texts));
    if (kind === 2)
      return encode(
        'text/html',
        `${pick(['', '<html><body>', '<!-- x --><BODY a="é>">', '<p>'])}${pick(texts)}`,
      );
    if (kind === 3)
      return leaf('image/png', base64('x'.repeat(random(200))), 'Content-Transfer-Encoding: base64');
    const parts = Array.from({ length: 1 + random(3) }, () => tree(depth - 1));
    return multi(pick(['mixed', 'alternative', 'related']), parts, {
      preamble: pick(['', 'pre\r\n']),
      epilogue: pick(['', 'epi\r\n']),
    });
  };
  const counts = { edited: 0, skipped: 0 };
  for (let round = 0; round < 1500; round++) {
    const part = tree(4);
    const headers = fields('MIME-Version: 1.0', ...part.header);
    const { text, forms } = pick(checkingBanners);
    const result = allAtOnce(putBodyBanner(headers, bytes(part.body), { text }));
    counts[result.kind]++;
    if (result.kind === 'skipped') {
      if (result.reason !== 'no-text')
        t.fail(`left: ${result.reason}`, { seed, round, headers, body: part.body });
      continue;
    }
    const after = joined(result);
    const wrong = complaints(headers, part.body, after, result.parts, forms);
    if (wrong.length > 0)
      t.same(wrong, [], JSON.stringify({ seed, round, header: part.header, body: part.body }));
    const again = allAtOnce(putBodyBanner(headers, bytes(after), { text }));
    if (again.kind !== 'skipped' || again.reason !== 'already-there')
      t.fail('not once', { seed, round, header: part.header, body: part.body });
  }
  t.ok(counts.edited > 1000, JSON.stringify(counts));
});

t.test('damaged messages', async (t) => {
  const random = generator(5);
  const pieces = [
    '\r\n',
    '\n',
    '\r',
    '--',
    '=',
    '<',
    '>',
    '"',
    '\0',
    '\xff',
    'boundary=',
    '\r\n\r\n',
    'Content-Type: text/html\r\n',
    '-->',
    ' ',
  ];
  let edited = 0;
  for (let round = 0; round < 6000; round++) {
    const message = corpus[random(corpus.length)]!;
    let body = message.body.slice(0, 20_000);
    for (let change = 0; change <= random(4); change++) {
      const at = random(body.length + 1);
      const piece = pieces[random(pieces.length)]!;
      body = body.slice(0, at) + (random(2) === 0 ? piece : '') + body.slice(at + random(6));
    }
    const result = allAtOnce(putBodyBanner(message.headers, bytes(body), { text: 'Secured' }));
    if (result.kind === 'skipped') continue;
    edited++;
    const after = joined(result);
    // What a broken HTML text shows is for its reader to say; what is where in the message is not.
    const wrong = complaints(message.headers, body, after, result.parts, ['Secured']).filter(
      (text) => !text.includes('a reader sees'),
    );
    if (wrong.length > 0) t.same(wrong, [], JSON.stringify({ name: message.name, body, after }));
    const again = allAtOnce(putBodyBanner(message.headers, bytes(after), { text: 'Secured' }));
    if (again.kind !== 'skipped' || again.reason !== 'already-there')
      t.fail('not once', { name: message.name, body, after, again });
  }
  t.ok(edited > 2000, `${edited} edited`);
});

t.test('noise', async (t) => {
  const random = generator(6);
  for (let round = 0; round < 2000; round++) {
    const noise = (length: number): string =>
      Buffer.from(Array.from({ length }, () => random(256))).toString('latin1');
    const headers = fields(
      `Content-Type: ${['multipart/mixed; boundary=', 'text/html; charset=', ''][random(3)]}${noise(random(20))}`,
      `Content-Transfer-Encoding: ${['base64', 'quoted-printable', '8bit', noise(4)][random(4)]}`,
      `${noise(5)}: ${noise(30)}`,
    );
    const result = allAtOnce(putBodyBanner(headers, bytes(noise(random(300))), { text: noise(random(40)) }));
    if (result.kind === 'edited') t.type(result.chunks, Array);
    tagSubject(noise(random(60)), '[TLS]', true);
    decodeHeaderText(noise(40));
    cleanValue(noise(40));
    parseTemplate(noise(20));
  }
  t.pass('2000 messages of noise');
});

const MEGABYTE = 1_000_000;
const SIZE = 5 * MEGABYTE;
const repeat = (piece: string, size = SIZE): string =>
  piece.repeat(Math.ceil(size / piece.length)).slice(0, size);

/** Seconds. Reading such input again and again takes minutes; reading it once takes about one on a slow machine. */
const SLOW = 10;

/** CPU seconds of this thread for one call: the machine may be busy with other work. */
function cpuSeconds(work: () => unknown): number {
  return leastThreadMs(SLOW * 1000, work) / 1000;
}

t.test('five megabytes of the worst, none for longer than a few seconds', async (t) => {
  const html = ['Content-Type: text/html; charset=utf-8'];
  const nested = Array.from({ length: 15 }).reduce<Part>(
    (inner, _, depth) => multi('mixed', [inner], { boundary: `${'a'.repeat(100)}${depth}x` }),
    leaf('text/plain', repeat(`--${'a'.repeat(99)}\r\n`, 4 * MEGABYTE)),
  );
  const bodies: [string, readonly string[], string][] = [
    ['plain text', [], repeat('hello world\r\n')],
    ['one line', [], repeat('x')],
    ['line ends', [], repeat('\r\n')],
    ['bare CR', ['Content-Type: multipart/mixed; boundary=b'], `--b\r\n\r\n${repeat('\r')}\r\n--b--`],
    ['hyphens', ['Content-Type: multipart/mixed; boundary=b'], `--b\r\n\r\n${repeat('-')}\r\n--b--`],
    [
      'lines of hyphens',
      ['Content-Type: multipart/mixed; boundary=b'],
      `--b\r\n\r\n${repeat('--\r\n')}--b--`,
    ],
    ['near boundaries in 15 multiparts', nested.header, nested.body],
    [
      '999 parts',
      ['Content-Type: multipart/mixed; boundary=b'],
      `${`--b\r\n\r\n${'x'.repeat(5000)}\r\n`.repeat(990)}--b--\r\n`,
    ],
    ['parts without end', ['Content-Type: multipart/mixed; boundary=b'], repeat('--b\r\n\r\n')],
    [
      'part header without end',
      ['Content-Type: multipart/mixed; boundary=b'],
      `--b\r\n${repeat('A: b\r\n')}`,
    ],
    [
      'many part headers without end',
      ['Content-Type: multipart/mixed; boundary=b'],
      repeat(`--b\r\nA:${'x'.repeat(60_000)}\r\n\r\n`),
    ],
    ['banner copies', [], repeat('Secured\r\n\r\n')],
    [
      'banner copies in base64',
      ['Content-Transfer-Encoding: base64'],
      base64(repeat('Secured\r\n\r\n', 3 * MEGABYTE)),
    ],
    ['base64', ['Content-Transfer-Encoding: base64'], base64(repeat('hello', 3.6 * MEGABYTE))],
    ['base64 with blanks', ['Content-Transfer-Encoding: base64'], repeat('A A A A ')],
    [
      'html in base64',
      [...html, 'Content-Transfer-Encoding: base64'],
      base64(`${repeat('<!-- -->', 3.6 * MEGABYTE)}<body>x`),
    ],
    ['quoted-printable', ['Content-Transfer-Encoding: quoted-printable'], repeat('=41=\r\n')],
    ['quoted-printable blanks', ['Content-Transfer-Encoding: quoted-printable'], repeat(' ')],
    [
      'quoted-printable soft breaks with blanks',
      ['Content-Transfer-Encoding: quoted-printable'],
      repeat('=        \r\n'),
    ],
    ['PGP in the middle of lines', [], repeat('x-----BEGIN PGP')],
    ['html comments', html, repeat('<!---->')],
    ['html open comment', html, repeat('<!--')],
    ['html comment of comments', html, `<!--${repeat('--!')}`],
    ['html open tags', html, repeat('<')],
    ['html head tags', html, repeat('<meta>')],
    ['html styles', html, repeat('<style></style>')],
    ['html styles that do not end', html, repeat('<style>')],
    ['html script with comments', html, `<script>${repeat('<!--')}</script>`],
    ['html scripts', html, repeat('<script></script>')],
    ['html attributes', html, `<body${repeat(' a="b"')}>`],
    ['html open quotes', html, `<body a="${repeat(">'")}`],
    ['html equals signs', html, `<body${repeat(' =')}`],
    ['html banners', html, repeat('<div class="tlsward-banner"></div>')],
    ['html banners that do not end', html, repeat('<div class="tlsward-banner">')],
    ['html doctypes', html, repeat('<!x>')],
    ['iso-2022-jp', ['Content-Type: text/html; charset=iso-2022-jp'], repeat('\x1b$B\x1b(B')],
  ];
  for (const [name, headers, body] of bodies) {
    const input = bytes(body);
    const list = fields(...headers);
    const isOurs = { matches: (text: string) => text === 'Secured', lineCounts: [1] };
    const seconds = cpuSeconds(() =>
      allAtOnce(putBodyBanner(list, input, { text: 'Secured by TLS', own: isOurs })),
    );
    t.ok(seconds < SLOW, `${name}: ${seconds.toFixed(2)} s`);
  }
  const own = parseTemplate('Received over {tls} from {domain} by {host}.');
  const values: [string, () => unknown][] = [
    ['comments', () => parseParameterized(repeat('(', MEGABYTE), 'type')],
    ['closed comments', () => parseParameterized(repeat('()'), 'type')],
    ['parameters', () => parseParameterized(`text/plain${repeat(';a=b', MEGABYTE)}`, 'type')],
    ['semicolons', () => parseParameterized(`text/plain${repeat(';', MEGABYTE)}`, 'type')],
    ['open quote', () => parseParameterized(`text/plain; a="${repeat('\\x')}`, 'type')],
    [
      'sections',
      () =>
        parseParameterized(
          `text/plain${Array.from({ length: 300_000 }, (_, at) => `; a*${at}=b`).join('')}`,
          'type',
        ),
    ],
    ['quotes in sections', () => parseParameterized(`text/plain; a*=${repeat("'%")}`, 'type')],
    [
      'template',
      () =>
        own.kind === 'template' &&
        ownBanners([own.template]).matches(`Received over ${repeat(' from ', MEGABYTE)}`),
    ],
    ['template braces', () => parseTemplate(repeat('{', MEGABYTE))],
    ['template open fields', () => parseTemplate(repeat('{a', MEGABYTE))],
    ['value', () => cleanValue(repeat('\u202e', MEGABYTE))],
  ];
  for (const [name, piece] of Object.entries({
    'encoded word openings': '=?',
    'encoded words without end': '=?utf-8?Q?x',
    'encoded words': '=?utf-8?Q?x?= ',
    'encoded words of two sets': '=?utf-8?Q?x?= =?us-ascii?Q?x?= ',
    tags: '[TLS]',
    'tag halves': '[T',
    blanks: ' ',
    folds: '\n ',
    'question marks': '?',
    'empty base64 words': '=?a?b??=',
    'utf-7': '=?utf-7?Q?+?=',
    'raw bytes': '\xc3\xa9',
    'combining marks': '\xcc\x81',
  })) {
    // Twice the longest header lines that are seen; five megabytes do not fit into a header of any MTA.
    const value = repeat(piece, 200_000);
    values.push([`${name}, tagged`, () => tagSubject(value, '[TLS]', true)]);
    values.push([`${name} with a tag, stripped`, () => tagSubject(`${value} [TLS]`, '[TLS]', false)]);
  }
  values.push(['nested tags', () => tagSubject('[T'.repeat(200_000) + 'LS]'.repeat(200_000), '[TLS]', true)]);
  for (const [name, work] of values) {
    const seconds = cpuSeconds(work);
    t.ok(seconds < SLOW, `${name}: ${seconds.toFixed(2)} s`);
  }
});
