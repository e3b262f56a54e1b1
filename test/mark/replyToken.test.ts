/** Reply tokens: made, found again however a mail program carried them, refused when anything was changed, bounded. */
import { test } from 'tap';
import {
  checkReplyTokens,
  findReplyTokens,
  MAX_PAIRS,
  MAX_TOKENS,
  makeReplyToken,
  verifiedDomains,
} from '../../src/mark/replyToken.ts';
import { key } from './sample.ts';

/** printf 'tlsward-reply-token\nday=...\n' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101... -binary | head -c 16 | base64 */
const HMAC = 'fvKSAbp-vhHRKS_zxMyAlw';
const NOON = Date.UTC(2026, 10, 20, 12);
const make = (domain = 'bank.example', keys = [key(1)], code = 'AB12CD34') =>
  makeReplyToken(domain, code, NOON, keys, 'mx.example.org');

test('a token is a msg-id that says the day, the code and the key', async (t) => {
  const token = make();
  // what stands here was worked out by openssl from the text in the file comment
  t.equal(token, `<tw1.20261120.AB12CD34.${key(1).id}.${HMAC}@mx.example.org>`);
  t.match(token, /^<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*@[a-z0-9.-]+>$/, 'dot-atoms on both sides');
  t.equal(make('bank.example', [key(1), key(2)]), token, 'the first key signs');
  t.match(makeReplyToken('a.example', 'X', NOON, [key(1)], 'not a name'), /@tlsward\.invalid>$/);
  t.throws(() => make('bank.example', []), RangeError);
});

test('it verifies for its domain, by any key of the file, however it was carried', async (t) => {
  const token = make();
  const carried = [
    [token],
    [` <a@b> ${token} <c@d>`],
    [`<a@b>\n ${token}\n\t<c@d>`],
    [`<a@b>${token}<c@d>`],
    ['<x@y>', `(comment) ${token}`],
    [token.replace('mx.example.org', 'other.example')],
  ];
  for (const values of carried) {
    t.same(verifiedDomains(values, ['x.example', 'bank.example'], [key(2), key(1)]), ['bank.example']);
  }
  t.same(checkReplyTokens([token, token], ['bank.example'], [key(1)]), [
    {
      text: token,
      day: '2026-11-20',
      code: 'AB12CD34',
      keyId: key(1).id,
      result: 'verifies',
      domains: ['bank.example'],
    },
  ]);
});

test('what was changed, moved or made by another does not', async (t) => {
  const token = make();
  const refused = (text: string, domains = ['bank.example'], keys = [key(1)]) =>
    checkReplyTokens([text], domains, keys).map(({ result }) => result);
  t.same(refused(token, ['other.example']), ['no-domain'], 'moved to mail for somebody else');
  t.same(refused(token, ['sub.bank.example', '.bank.example', '']), ['no-domain']);
  t.same(refused(token, []), ['no-domain']);
  t.same(refused(token, ['bank.example'], [key(2)]), ['unknown-key']);
  t.same(refused(token, ['bank.example'], []), ['unknown-key']);
  t.same(refused(token.replace('20261120', '20261121')), ['no-domain']);
  t.same(refused(token.replace('AB12CD34', 'AB12CD35')), ['no-domain']);
  t.same(refused(token.replace(key(1).id, key(2).id), undefined, [key(2)]), ['no-domain']);
  for (let at = 0; at < HMAC.length; at++) {
    const flipped = HMAC.slice(0, at) + (HMAC[at] === 'A' ? 'B' : 'A') + HMAC.slice(at + 1);
    t.same(refused(token.replace(HMAC, flipped)), ['no-domain'], `digit ${at}`);
  }
  for (const text of [
    token.slice(1),
    token.slice(0, -1),
    token.toUpperCase(),
    token.replace('tw1', 'tw2'),
    token.replace('.2', '.'),
    token.replace(HMAC, `${HMAC}A`),
    token.replace('@', ' @'),
    token.replace('@mx.example.org', ''),
  ]) {
    t.same(findReplyTokens([text]), [], text);
  }
});

test('the last tokens and as many domains as there is room for count, and nothing throws', async (t) => {
  const junk = Array.from({ length: 300 }, (_, i) => make('bank.example', [key(3)], `N${i}`));
  t.equal(findReplyTokens([junk.join(' ')]).length, MAX_TOKENS);
  t.same(verifiedDomains([`${junk.join(' ')} ${make()}`], ['bank.example'], [key(1)]), ['bank.example']);
  t.same(verifiedDomains([`${make()} ${junk.join(' ')}`], ['bank.example'], [key(1)]), []);
  const many = Array.from({ length: MAX_PAIRS }, (_, i) => `d${i}.example`);
  t.same(verifiedDomains([make()], [...many, 'bank.example'], [key(1)]), []);
  t.same(verifiedDomains([make()], [...many.slice(1), 'bank.example'], [key(1)]), ['bank.example']);
  // a reply to a thousand domains, in a thread with tokens that others signed
  t.same(verifiedDomains([`${junk.join(' ')} ${make()}`], [...many.slice(1), 'bank.example'], [key(1)]), [
    'bank.example',
  ]);
  const own = Array.from({ length: MAX_TOKENS - 1 }, (_, i) => make('other.example', [key(1)], `M${i}`));
  const [all, places] = [[...own, make()].join(' '), MAX_PAIRS / MAX_TOKENS];
  t.same(verifiedDomains([all], [...many.slice(0, places), 'bank.example'], [key(1)]), []);
  t.same(verifiedDomains([all], [...many.slice(0, places - 1), 'bank.example'], [key(1)]), ['bank.example']);
  for (const text of ['', '<', '<tw1.', '\0\uffff\n', '<'.repeat(100_000), '<tw1.20261120.'.repeat(20_000)]) {
    t.same(findReplyTokens([text]), []);
  }
});
