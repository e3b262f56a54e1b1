/** What is repeated to make hostile input: what some reader of foreign text gives a meaning to, and the fixtures' own words. */
import { RECEIVED } from '../hops/received.ts';

const PLAIN = ['a', 'A', '0', ' ', '\t', '.', ',', ';', ':', '=', '"', "'", '\\', '*', '%', '+', '-', '_'];
const PAIRS = ['(', ')', '()', '<', '>', '<>', '[', ']', '[]', '{', '}', '{a}', '@', '!', '&', '?'];
const BYTES = ['\0', '\x1b', '\x7f', '\xff', '\xc3\xa9', '\xe2\x80\xae', '\xf0\x9f\x94\x92', '\u0130'];
const LINES = ['\n', '\r', '\r\n', '\n ', '\r\n ', '\n\t \n', ' \n', 'a\n', 'a: b\n', 'a=b\n'];
const WORDS = [
  '=?',
  '?=',
  '=?a?q?',
  '=?utf-8?Q?=41?= ',
  '=?utf-8?B?QUJD?=',
  '=?x?q??=',
  '_',
  '=3D',
  '=\r\n',
  ' =\r\n',
];
const MARKUP = [
  '<!--',
  '-->',
  '<a ',
  '</',
  '<title>',
  '<div class="tlsward-banner"',
  '</div>',
  '<p a="',
  '&#65;',
];
const NAMES = [
  'a.',
  'a@',
  'a@b.example,',
  'a%',
  'a!',
  'xn--',
  '1:',
  '1.',
  '::',
  '%6',
  '"a"',
  '\\"',
  '.a',
  '-',
];
const FIELDS = [
  'a=b;',
  'a="b";',
  "a*0*=u'';",
  'a*=',
  'h=',
  'h = a :',
  '; h=',
  'x-tls=pass ',
  'a/1 ',
  'a:b; ',
];
const MIME = [
  '--',
  '--b',
  '\r\n--b\r\n',
  '\r\n--b--',
  'QUJD',
  'QUJD\r\n',
  'multipart/',
  'boundary=',
  '\r\n--',
];
const TOKENS = [
  '[TLS]',
  '[T',
  'LS]',
  '[t]',
  '[',
  '<tw1.',
  '<tw1.20261120.A.0123abcd.',
  '<a@b>',
  '<a@b> ',
  'h :',
];
const TRACE = [
  'from ',
  ' by ',
  ' with ESMTPS',
  ' (',
  'TLSv1.3 ',
  'TLS ',
  ', from userid 1',
  '1:11 ',
  'From a 1:11',
];
const STS = ['mx: a.b\n', 'mx: *.a\n', 'v=STSv1; ', 'id=a;', 'version: STSv1\n', 'x:', 'x: \t', ' ;', '; '];
const POSTFIX = [
  'request=',
  'recipient=a\n',
  'tlsward-via.',
  '.tlsward-encrypt',
  'm.',
  '+2B',
  '+AGE-',
  '+',
  '\x1b$B',
];

export const PIECES: readonly string[] = [
  ...PLAIN,
  ...PAIRS,
  ...BYTES,
  ...LINES,
  ...WORDS,
  ...MARKUP,
  ...NAMES,
  ...FIELDS,
  ...MIME,
  ...TOKENS,
  ...TRACE,
  ...STS,
  ...POSTFIX,
];

/** Every kind of word that the Received fields of the fixtures have, for what reads those. */
export const TRACE_PIECES: readonly string[] = [
  ...new Set(RECEIVED.flatMap(([, value]) => value.split(/\s+/).map((word) => `${word} `))),
];

export function repeated(piece: string, size: number): string {
  return piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
}
