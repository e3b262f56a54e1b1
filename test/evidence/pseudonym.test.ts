/** What is left of an address. */
import { createHmac } from 'node:crypto';
import { test } from 'tap';
import { addressOf, pseudonymOf, splitAddress } from '../../src/evidence/pseudonym.ts';

const KEY = { month: '2026-11', secret: Buffer.alloc(32, 7) };
const hmac = (text: string): string =>
  createHmac('sha256', KEY.secret).update(text).digest().subarray(0, 12).toString('base64url');

test('each mode', async (t) => {
  t.equal(addressOf('Alice@Bank.Example', 'domains', null), '@bank.example');
  t.equal(addressOf('Alice@Bank.Example', 'full', null), 'Alice@bank.example');
  t.equal(
    addressOf('Alice@Bank.Example', 'hashed', KEY),
    `h:2026-11:${hmac('Alice@bank.example')}@bank.example`,
  );
  t.equal(hmac('x').length, 16);
  for (const mode of ['domains', 'full', 'hashed'] as const)
    for (const empty of ['', '<>']) t.equal(addressOf(empty, mode, KEY), '<>');
  t.throws(() => addressOf('a@b.example', 'hashed', null), /no key/);
});

test('the pseudonym is the HMAC of node:crypto', async (t) => {
  for (const length of [0, 1, 2, 63, 64, 300, 340, 341, 342, 1000, 4000]) {
    const address = `${'x'.repeat(length)}\u00fc@x.example`;
    t.equal(pseudonymOf(address, KEY), `h:2026-11:${hmac(address)}@x.example`, `${length}`);
  }
  const wide = { month: '2026-12', secret: Buffer.alloc(65) };
  t.throws(() => pseudonymOf('a@x.example', wide), RangeError);
});

test('every way to write an address gives one pseudonym', async (t) => {
  const want = pseudonymOf('a b@x.example', KEY);
  for (const written of [
    '<"a b"@x.example>',
    '"a b"@X.EXAMPLE',
    '<"a\\ b"@x.example>',
    '<@r.example:"a b"@x.example>',
  ])
    t.equal(pseudonymOf(written, KEY), want, written);
  t.not(pseudonymOf('A b@x.example', KEY), want, 'the local part counts as it is');
  t.equal(pseudonymOf('a@b\u00fccher.example', KEY), pseudonymOf('a@xn--bcher-kva.example', KEY));
});

test('anything at all is an address', async (t) => {
  t.same(splitAddress('postmaster'), { local: 'postmaster', domain: '' });
  t.same(splitAddress('<a@[192.0.2.1]>'), { local: 'a', domain: '[192.0.2.1]' });
  t.same(splitAddress('a@b c'), { local: 'a@b c', domain: '' });
  t.same(splitAddress('"@x.example'), { local: '"', domain: 'x.example' });
  t.equal(addressOf('evil\u202e@b c', 'domains', null), '@');
  for (const odd of ['\0', '@', '<', '"', '"\\', `${'a'.repeat(3000)}@x.example`, '\u2028@x.example'])
    for (const mode of ['domains', 'full', 'hashed'] as const)
      t.match(addressOf(odd, mode, KEY), /^[ -~]{1,330}$/, mode);
});
