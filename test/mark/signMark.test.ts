import t from 'tap';
import { type MarkFields, parseMark } from '../../src/mark/markFields.ts';
import { type MarkRefusal, markKey, signMark, verifyMark } from '../../src/mark/signMark.ts';
import { formatMark } from '../../src/mark/writtenMark.ts';
import { generator } from './generator.ts';
import { anyFields, key, refold, SAMPLE } from './sample.ts';

const DOMAIN = 'partner.example';

function refusal(value: string, domain: string, keys = [key(7)]): MarkRefusal | 'ok' {
  const check = verifyMark(value, domain, keys);
  return check.ok ? 'ok' : check.reason;
}

t.test('a value computed by another program', (t) => {
  // Python's hmac module over the canonical form as markFields.ts writes it down, key: 32 bytes of 7
  const value = signMark(SAMPLE, DOMAIN, [key(7)]);
  t.match(value, /key=83da5bc0;/);
  t.match(value.replace(/\n /g, ''), /hmac=_s_FszVygeYY80OzIgTM9eVnLWfA-XBA42JRI1ubIyQ$/);
  t.strictSame(verifyMark(value, DOMAIN, [key(7)]), { ok: true, keyId: '83da5bc0', fields: SAMPLE });
  t.end();
});

t.test('folding, white space and order do not count', (t) => {
  const g = generator();
  const value = signMark(SAMPLE, DOMAIN, [key(7)]);
  for (let round = 0; round < 200; round++) {
    t.equal(refusal(refold(value, g), DOMAIN), 'ok', `seed ${g.seed}, round ${round}`);
  }
  const [v, ...rest] = value.replace(/\n/g, '').split(';');
  t.equal(refusal([v, ...rest.reverse()].join(';'), DOMAIN), 'ok', 'fields in another order');
  t.equal(refusal(value.replace(/\n/g, '\r\n'), DOMAIN), 'ok', 'CRLF');
  t.end();
});

t.test('every fact is bound', (t) => {
  const value = signMark(SAMPLE, DOMAIN, [key(7)]);
  const parsed = parseMark(value);
  if (!parsed.ok || parsed.seal === null) throw new Error('unreadable');
  const changes: { [K in keyof MarkFields]?: MarkFields[K] }[] = [
    { state: 'unprotected' },
    { state: 'unknown' },
    { protocol: 'TLSv1.2' },
    { protocol: '' },
    { cipher: 'TLS_AES_128_GCM_SHA256' },
    { bits: 128 },
    { bits: null },
    { certificate: 'none' },
    { certificateName: 'client.partner.exampl' },
    { row: '*' },
    { verdict: 'tag' },
    { host: 'mx2.example.org' },
    { queueId: '4ZJ2N92ChLz4x05' },
    { time: '2026-11-22T18:47:32Z' },
    { code: 'AB12CD35' },
    { bodyDigest: 'A'.repeat(43) },
  ];
  for (const change of changes) {
    const forged = formatMark({ ...SAMPLE, ...change }, parsed.seal);
    t.equal(refusal(forged, DOMAIN), 'hmac', JSON.stringify(change));
  }
  const bound = { ...SAMPLE, bodyDigest: 'A'.repeat(43) };
  const seal = parseMark(signMark(bound, DOMAIN, [key(7)]));
  if (!seal.ok || seal.seal === null) throw new Error('unreadable');
  for (const bodyDigest of ['', `${'A'.repeat(42)}E`])
    t.equal(
      refusal(formatMark({ ...bound, bodyDigest }, seal.seal), DOMAIN),
      'hmac',
      'taken away or changed',
    );
  t.equal(refusal(formatMark(bound, seal.seal), DOMAIN), 'ok');
  const touched = new Set(changes.flatMap((change) => Object.keys(change)));
  t.strictSame(
    Object.keys(SAMPLE).filter((name) => name !== 'leg' && !touched.has(name)),
    [],
    'each field is in the list (leg has one value only)',
  );
  t.equal(refusal(value, 'evil.example'), 'hmac', 'another sender domain');
  t.equal(refusal(value, ''), 'hmac', 'the null sender');
  t.equal(refusal(value, 'Partner.example'), 'hmac', 'domains are canonical');
  t.equal(refusal(value.replace('key=83da5bc0', 'key=83da5bc1'), DOMAIN), 'unknown-key');
  t.equal(refusal(formatMark(SAMPLE), DOMAIN), 'unsigned');
  t.equal(refusal('nonsense', DOMAIN), 'syntax');
  t.end();
});

t.test('text cannot move from one field to the next', (t) => {
  const a = signMark({ ...SAMPLE, row: 'a', host: 'b' }, DOMAIN, [key(7)]);
  const seal = parseMark(a);
  if (!seal.ok) throw new Error('unreadable');
  for (const [row, host] of [
    ['a\nhost=b', ''],
    ['ab', ''],
    ['', 'ab'],
    ['a;host=b', ''],
    ['b', 'a'],
  ] as const) {
    t.equal(
      refusal(formatMark({ ...SAMPLE, row, host }, seal.seal), DOMAIN),
      'hmac',
      JSON.stringify([row, host]),
    );
  }
  t.end();
});

t.test('any one character changed', (t) => {
  const g = generator();
  const value = signMark(SAMPLE, DOMAIN, [key(7)]);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.;=% ';
  let tried = 0;
  for (let i = 0; i < value.length; i++) {
    if (/\s/.test(value[i]!)) continue;
    for (let n = 0; n < 6; n++) {
      const char = g.pick([...alphabet]);
      if (char === value[i]) continue;
      const forged = value.slice(0, i) + char + value.slice(i + 1);
      tried++;
      if (refusal(forged, DOMAIN) === 'ok') t.fail(`seed ${g.seed}: character ${i} as "${char}" verifies`);
    }
  }
  t.ok(tried > 1000, `${tried} changes tried`);
  // the last digit of the HMAC has two spare bits, the first 42 have none
  const last = alphabet
    .slice(0, 64)
    .split('')
    .filter((char) => refusal(value.slice(0, -1) + char, DOMAIN) === 'ok');
  t.strictSame(last, [value.at(-1)]);
  t.end();
});

t.test('several keys: the first signs, all verify', (t) => {
  const old = signMark(SAMPLE, DOMAIN, [key(1)]);
  const fresh = signMark(SAMPLE, DOMAIN, [key(2), key(1)]);
  t.equal(refusal(old, DOMAIN, [key(2), key(1)]), 'ok');
  t.equal(refusal(fresh, DOMAIN, [key(2), key(1)]), 'ok');
  t.equal(refusal(fresh, DOMAIN, [key(1), key(2)]), 'ok');
  t.equal(refusal(fresh, DOMAIN, [key(1)]), 'unknown-key', 'signed by the first');
  t.equal(refusal(old, DOMAIN, [key(2)]), 'unknown-key', 'a key taken out disowns what it signed');
  t.equal(refusal(old, DOMAIN, []), 'unknown-key');
  // a key that only says it has another's id
  const liar = { ...key(3), id: key(1).id };
  t.equal(refusal(old, DOMAIN, [liar]), 'hmac');
  t.equal(refusal(old, DOMAIN, [liar, key(1)]), 'ok', 'equal ids: each is tried');
  t.throws(() => signMark(SAMPLE, DOMAIN, []), RangeError);
  t.throws(() => markKey(new Uint8Array(31)), RangeError);
  t.notMatch(JSON.stringify(key(1)), /AQEB|0101/, 'a key does not print its secret');
  t.end();
});

t.test('any fields, any sender, round and round', (t) => {
  const g = generator();
  for (let round = 0; round < 1000; round++) {
    const fields = anyFields(g);
    const sender = g.text(30);
    const value = signMark(fields, sender, [key(g.integer(3)), key(4)]);
    const check = verifyMark(refold(value, g), sender, [key(0), key(1), key(2)]);
    if (!check.ok) t.fail(`seed ${g.seed}, round ${round}: ${check.reason}`);
    if (verifyMark(value, `${sender}x`, [key(0), key(1), key(2)]).ok)
      t.fail(`seed ${g.seed}, round ${round}: wrong sender`);
  }
  t.pass('1000 rounds');
  t.end();
});

t.test('random values never verify and never throw', (t) => {
  const g = generator();
  for (let round = 0; round < 5000; round++) {
    const value = g.pick(['', 'v=1; ', 'v=1; leg=receive; ']) + g.text(300);
    if (verifyMark(value, DOMAIN, [key(7)]).ok) t.fail(`seed ${g.seed}: ${JSON.stringify(value)}`);
  }
  t.pass('5000 values');
  t.end();
});
