/** The subject tag: put once, every copy taken out, the rest kept. */
import t from 'tap';
import { decodeHeaderText } from '../../src/mail/encodedWords.ts';
import { checkTag, retagSubject } from '../../src/mail/subject.ts';
import { utf8 } from './buildMessage.ts';
import { tagSubject } from './tagSubject.ts';

const b = (text: string, charset = 'utf-8'): string =>
  `=?${charset}?B?${Buffer.from(text, 'utf8').toString('base64')}?=`;

t.test('taking copies out', async (t) => {
  const cases: [string, string][] = [
    ['[TLS] hello', 'hello'],
    ['[tls] hello', 'hello'],
    ['[TLS]', ''],
    ['[TLS] [TLS]  [TLS]', ''],
    ['Re: [TLS] hello', 'Re: hello'],
    ['AW: WG: Fwd: [Tls] hello [TLS]', 'AW: WG: Fwd: hello'],
    ['Re: [TLS] Re: [TLS] hello', 'Re: Re: hello'],
    ['hello[TLS]there', 'hellothere'],
    ['hello [TLS]there', 'hello there'],
    ['hello[TLS] there', 'hello there'],
    ['hello [TLS] there', 'hello there'],
    ['[ T L S ] hello', 'hello'],
    ['[T[TLS]LS] hello', 'hello'],
    ['[T[T[TLS]LS]L S] hello', 'hello'],
    ['[TLS\n ] hello', 'hello'],
    [' [TLS] hello', ' hello'],
    ['=?utf-8?Q?=5BTLS=5D_hello?=', 'hello'],
    ['=?us-ascii?q?[TLS]?= hello', 'hello'],
    ['=?utf-8?B?W1RMU10=?= hello', 'hello'],
    ['=?UTF-8*en?b?W1RMU10=?= hello', 'hello'],
    ['=?utf-8?Q?=5BTL?=\n =?utf-8?Q?S=5D?= hello', 'hello'],
    ['=?utf-8?Q?=5BTL?= =?iso-8859-1?Q?S=5D?= hello', 'hello'],
    ['[T=?utf-8?Q?L?=S] hello', 'hello'],
    ['[=?utf-8?Q?TLS?=] hello', 'hello'],
    ['=?utf-8?Q?[TLS] hello?=', 'hello'],
    ['=?utf-7?Q?+AFs-TLS+AF0-?= hello', 'hello'],
    ['=?utf-16be?B?AFsAVABMAFMAXQ==?= hello', 'hello'],
    ['=?x-unknown?Q?=5BTLS=5D?= hello', 'hello'],
    ['=?iso-2022-jp?B?GyRCIU4bKEJUTFMbJEIhTxsoQg==?= hello', 'hello'],
    ['=?shift_jis?B?gW2CcoNMUw==?=', '=?shift_jis?B?gW2CcoNMUw==?='],
    [b('［ＴＬＳ］ hello'), 'hello'],
    [b('【ＴＬＳ】hello'), 'hello'],
    [b('[Т\u200bL\u00adЅ] hello'), 'hello'],
    [b('[𝐓𝐋𝐒] hello'), 'hello'],
    [b('[ŤĹŚ]\u202e hello'), 'hello'],
    [b('[ⓉⓁⓈ] hello'), 'hello'],
    [utf8('［TLS］ hello'), 'hello'],
    ['[TLS] caf\xe9', '=?utf-8?Q?caf=C3=A9?='],
    [utf8('Grüße [TLS]'), '=?utf-8?B?R3LDvMOfZQ==?='],
    // What holds no part of a copy stays as it was written, in its own character set.
    ['Re: [TLS] =?iso-2022-jp?B?GyRCJDMbKEI=?=', 'Re: =?iso-2022-jp?B?GyRCJDMbKEI=?='],
    ['=?koi8-r?B?8PI=?= [TLS] =?koi8-r?B?8PI=?=', '=?koi8-r?B?8PI=?= =?utf-8?Q?_?= =?koi8-r?B?8PI=?='],
    ['[TLS]=?koi8-r?B?8PI=?=', '=?koi8-r?B?8PI=?='],
    ['x[TLS]=?koi8-r?B?8PI=?=', '=?utf-8?Q?x?= =?koi8-r?B?8PI=?='],
  ];
  for (const [value, want] of cases) {
    t.equal(tagSubject(value, '[TLS]', false), want, JSON.stringify(value));
    t.equal(tagSubject(want, '[TLS]', false), want, 'nothing more to take');
  }
});

t.test('a subject without the tag stays byte for byte', async (t) => {
  const cases = [
    '',
    ' ',
    'hello',
    '  hello  world\t',
    'TLS and [TL S? not',
    '=?utf-8?Q?broken',
    '=?utf-8?X?broken?=',
    '=?utf-8?B?!!!!?= =?utf-8?Q?=ZZ?=',
    'a\n\tb\n c',
    'raw \xff\xfe bytes',
    utf8('［TLS'),
    `=?utf-8?Q?${'a'.repeat(200)}?=`,
    '\x1b$B[TLS\x1b(B',
  ];
  for (const value of cases) t.equal(tagSubject(value, '[TLS]', false), value, JSON.stringify(value));
});

t.test('a tag that controls of direction would show', async (t) => {
  const cases: [string, string][] = [
    ['\u202e[SLT] hello', '[SLT] hello'],
    ['\u202e]SLT[ hello', ']SLT[ hello'],
    ['[\u202eSLT\u202c] hello', '[SLT] hello'],
    ['\u200fLS] hello\u200f [T', 'LS] hello [T'],
    ['\u2067S]\u2069 \u061c[TL', 'S] [TL'],
    ['[T\u202eS\u202d]L[ [TLS]', '[TS]L['],
    ['[T\u200fL\u200fS] hello', 'hello'],
  ];
  for (const [text, want] of cases) {
    for (const value of [utf8(text), b(text)]) {
      const clean = tagSubject(value, '[TLS]', false);
      t.equal(decodeHeaderText(clean), want, JSON.stringify(text));
      t.equal(tagSubject(clean, '[TLS]', false), clean, 'once');
      t.equal(decodeHeaderText(tagSubject(value, '[TLS]', true)), `[TLS] ${want}`);
    }
  }
  for (const text of [
    '\u202b\u05e9\u05dc\u05d5\u05dd (TLS)\u202c',
    '\u200f[\u05d0] hello',
    '\u202e[SLP]',
    '[SLT] \u200e hello',
    ']SLT[',
  ])
    t.equal(tagSubject(utf8(text), '[TLS]', false), utf8(text), JSON.stringify(text));
});

t.test('putting the tag in front', async (t) => {
  const cases: [string, string, string][] = [
    ['hello', '[TLS]', '[TLS] hello'],
    [' hello', '[TLS]', ' [TLS] hello'],
    ['', '[TLS]', '[TLS]'],
    ['[TLS] hello', '[TLS]', '[TLS] hello'],
    ['Re: [TLS] hello', '[TLS]', '[TLS] Re: hello'],
    ['[TLS] Re: [TLS] Re: [TLS] hello', '[TLS]', '[TLS] Re: Re: hello'],
    ['=?koi8-r?B?8PI=?=', '[TLS]', '[TLS] =?koi8-r?B?8PI=?='],
    ['[TLS] =?koi8-r?B?8PI=?=', '[TLS]', '[TLS] =?koi8-r?B?8PI=?='],
    ['\n =?koi8-r?B?8PI=?=', '[TLS]', '[TLS] =?koi8-r?B?8PI=?='],
    [`${'x'.repeat(60)}\n y`, '[TLS]', `[TLS] ${'x'.repeat(60)}\n y`],
    [`${'x'.repeat(65)}\n y`, '[TLS]', `[TLS]\n ${'x'.repeat(65)}\n y`],
    ['hello', '[sécurisé]', '=?utf-8?Q?=5Bs=C3=A9curis=C3=A9=5D?= hello'],
    ['=?koi8-r?B?8PI=?=', '🔒', '=?utf-8?B?8J+UkiA=?= =?koi8-r?B?8PI=?='],
    ['Re: =?utf-8?B?8J+Ukg==?= hello', '🔒', '=?utf-8?B?8J+Ukg==?= Re: hello'],
    ['Re: [TLS ok] x', '[TLS OK]', '[TLS OK] Re: x'],
  ];
  for (const [value, tag, want] of cases) {
    const once = tagSubject(value, tag, true);
    t.equal(once, want, JSON.stringify(value));
    t.equal(tagSubject(once, tag, true), once, 'once');
  }
});

t.test('long results are folded and their words are short', async (t) => {
  const long = `Re: [TLS] ${'Übergrößenträger 日本語 '.repeat(20)}`;
  const value = tagSubject(utf8(long), '[TLS]', true);
  for (const [index, line] of value.split('\n').entries()) {
    t.ok(line.length + (index === 0 ? 9 : 0) <= 76, line);
    t.match(line, index === 0 ? /^\[TLS\]/ : /^ /);
    for (const word of line.split(' ')) t.ok(word.length <= 75);
  }
  t.equal(decodeHeaderText(value), `[TLS] ${long.replace('[TLS] ', '').trim()}`);
});

t.test('several tags at once', async (t) => {
  const tags = ['[TLS]', '[OK]', '🔒'];
  const cases: [string, string, string][] = [
    ['[T[OK]LS] hello', '', 'hello'],
    ['[O[TLS]K] hello', '', 'hello'],
    ['[O[T[O🔒K]LS]K] 🔒 hello'.replaceAll('🔒', b('🔒')), '', 'hello'],
    ['[OK] Re: [TLS] hello', '[TLS]', '[TLS] Re: hello'],
    ['[TLS] [OK] hello', '[TLS]', '[TLS] hello'],
    ['[TLS] hello', '[OK]', '[OK] hello'],
    ['[NEW] hello', '[NEW]', '[NEW] hello'],
    ['hello', '', 'hello'],
  ];
  for (const [value, put, want] of cases) {
    t.equal(retagSubject(value, tags, put), want, value);
    t.equal(retagSubject(want, tags, put), want, 'once');
  }
  t.equal(retagSubject(' x', [], ''), ' x');
});

t.test('tags that can be used', async (t) => {
  for (const tag of ['[TLS]', '(sécurisé)', '🔒', '[TLS 1.3]', '🔒️', '*secure*', '【安全】'])
    t.equal(checkTag(tag), null, tag);
  for (const tag of [
    '',
    ' ',
    'TLS',
    '[TLS',
    'TLS]',
    ' [TLS]',
    '[TLS]\n',
    '!',
    '[]',
    `[${'x'.repeat(40)}]`,
    '\u200b',
    '[=?a]',
  ]) {
    t.type(checkTag(tag), 'string', JSON.stringify(tag));
  }
});

t.test('any bytes', async (t) => {
  let seed = 20_270_101;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const pieces = [
    '[',
    'T',
    'L',
    'S',
    ']',
    ' ',
    '\n ',
    '=?',
    '?=',
    '?Q?',
    '?B?',
    'utf-8',
    '=5B',
    '_',
    'W1RM',
    '[TLS]',
    '\xe9',
    '\xc3\xa9',
    '\x00',
    '=?utf-8?Q?=5BTL?= ',
    '=?utf-8?Q?S]?=',
    'Re:',
    b('［ＴＬ'),
    b('Ｓ］'),
  ];
  for (let round = 0; round < 20_000; round++) {
    const value = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]!).join('');
    const clean = tagSubject(value, '[TLS]', false);
    const tagged = tagSubject(value, '[TLS]', true);
    const looks = decodeHeaderText(clean)
      .normalize('NFKC')
      .replace(/[\s\0]/g, '')
      .toLowerCase();
    if (looks.includes('[tls]')) t.fail('a copy is left', { value, clean });
    if (tagSubject(tagged, '[TLS]', true) !== tagged)
      t.fail('the second time differs', { value, tagged, again: tagSubject(tagged, '[TLS]', true) });
    if (!tagged.trimStart().startsWith('[TLS]')) t.fail('no tag', { value, tagged });
    if (/\n(?![ \t])|\r/.test(tagged) || (clean !== value && /[^\n\x20-\x7e]/.test(clean)))
      t.fail('not a header value', { value, clean });
  }
  t.pass('20000 values');
});
