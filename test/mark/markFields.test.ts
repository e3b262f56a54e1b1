import t from 'tap';
import { type MarkFault, type MarkFields, parseMark } from '../../src/mark/markFields.ts';
import { decodeMarkText, encodeMarkText, MAX_MARK_TEXT } from '../../src/mark/markText.ts';
import { canonicalMark, formatMark } from '../../src/mark/writtenMark.ts';
import { generator } from './generator.ts';
import { anyFields, refold, SAMPLE } from './sample.ts';

const SEAL = { keyId: '0123abcd', hmac: 'A'.repeat(43) };

t.test('escaping', (t) => {
  const good = (text: string, encoded: string): void => {
    t.equal(encodeMarkText(text), encoded, encoded);
    t.equal(decodeMarkText(encoded), text, `${encoded} back`);
  };
  good('', '-');
  good('-', '%2D');
  good('--', '--');
  good('mx.example.org', 'mx.example.org');
  good('[192.0.2.1]', '[192.0.2.1]');
  good('boss@law.example', 'boss@law.example');
  good('<>', '%3C%3E');
  good('*', '*');
  good('a; verdict=accept', 'a%3B%20verdict%3Daccept');
  good('100%', '100%25');
  good('a\r\nX-Evil: 1', 'a%0D%0AX-Evil:%201');
  good('m\u00fcller', 'm%C3%BCller');
  good('\u{1f600}', '%F0%9F%98%80');
  good('"(\\)', '%22%28%5C%29');
  for (const bad of [
    '%3b',
    '%',
    '%4',
    '%41',
    'a b',
    'a=b',
    'a;b',
    '%FF',
    '%C3',
    '%ED%A0%80',
    '',
    'm\u00fcller',
    '%2d',
  ]) {
    t.equal(decodeMarkText(bad), null, `refused: ${JSON.stringify(bad)}`);
  }
  const long = encodeMarkText('x'.repeat(MAX_MARK_TEXT + 1));
  t.equal(long.length, MAX_MARK_TEXT);
  t.ok(long.endsWith('...'));
  t.equal(encodeMarkText('x'.repeat(MAX_MARK_TEXT)).endsWith('...'), false);
  // cut between characters, never inside one
  const wide = decodeMarkText(encodeMarkText('\u00fc'.repeat(300)));
  t.match(wide, /^\u00fc+\.\.\.$/);
  t.end();
});

t.test('the form in the header', (t) => {
  const value = formatMark(SAMPLE, SEAL);
  t.equal(
    value,
    [
      'v=1; leg=receive; state=protected; protocol=TLSv1.3;',
      ' cipher=TLS_AES_256_GCM_SHA384; bits=256; certificate=trusted;',
      ' certificate-name=client.partner.example; row=.bank.example; verdict=accept;',
      ' host=mx.example.org; id=4ZJ2N92ChLz4x04; time=2026-11-22T18:47:31Z;',
      ' code=AB12CD34; key=0123abcd;',
      ` hmac=${SEAL.hmac}`,
    ].join('\n'),
  );
  t.strictSame(parseMark(value), { ok: true, fields: SAMPLE, seal: SEAL });
  t.strictSame(parseMark(formatMark(SAMPLE)), { ok: true, fields: SAMPLE, seal: null });
  const plain: MarkFields = {
    ...SAMPLE,
    state: 'unprotected',
    protocol: '',
    cipher: '',
    bits: null,
    certificate: 'none',
    certificateName: '',
  };
  t.match(
    formatMark(plain).replace(/\n/g, ''),
    /state=unprotected; protocol=-; cipher=-; bits=-; certificate=none;/,
  );
  t.strictSame(parseMark(formatMark(plain)), { ok: true, fields: plain, seal: null });
  t.end();
});

t.test('a value that is not a mark is a named fault', (t) => {
  const whole = formatMark(SAMPLE, SEAL).replace(/\n /g, ' ');
  const bad = (value: string, reason: MarkFault): void => {
    const parsed = parseMark(value);
    t.equal(parsed.ok ? 'ok' : parsed.reason, reason, `${reason}: ${value.slice(0, 50)}`);
    if (!parsed.ok) t.match(parsed.detail, /^[\x20-\x7e]+$/);
  };
  bad('', 'syntax');
  bad('Secured by TLS', 'syntax');
  bad(`${whole};`, 'syntax');
  bad(`${whole};;`, 'syntax');
  bad(`=1; ${whole}`, 'syntax');
  bad('leg=receive; v=1', 'version');
  bad(whole.replace('v=1', 'v=2'), 'version');
  bad(whole.replace('v=1', 'v=10'), 'version');
  bad(whole.replace('v=1', 'V=1'), 'version');
  bad(whole.replace('bits=', 'strength='), 'unknown-field');
  bad(`${whole}; __proto__=1`, 'unknown-field');
  bad(`${whole}; note=x`, 'unknown-field');
  bad(`${whole}; state=protected`, 'duplicate-field');
  bad(`${whole}; v=1`, 'duplicate-field');
  bad(whole.replace(' row=.bank.example;', ''), 'missing-field');
  bad(whole.replace(' key=0123abcd;', ''), 'missing-field');
  bad(whole.replace(`; hmac=${SEAL.hmac}`, ''), 'missing-field');
  bad(whole.replace('state=protected', 'state=secured'), 'bad-value');
  bad(whole.replace('state=protected', 'state='), 'bad-value');
  bad(whole.replace('leg=receive', 'leg=deliver'), 'bad-value');
  bad(whole.replace('bits=256', 'bits=0256'), 'bad-value');
  bad(whole.replace('bits=256', 'bits=256/256'), 'bad-value');
  bad(whole.replace('18:47:31Z', '18:47:31'), 'bad-value');
  bad(whole.replace('host=mx', 'host=%6Dx'), 'bad-value');
  bad(whole.replace('host=mx.example.org', 'host='), 'bad-value');
  bad(whole.replace('host=mx', 'host=m"x'), 'bad-value');
  bad(whole.replace('key=0123abcd', 'key=0123ABCD'), 'bad-value');
  bad(whole.replace(/.$/, ''), 'bad-value');
  bad(whole.replace('mx.', 'm\u00fc.'), 'not-ascii');
  bad(whole.replace('mx.', 'm\0.'), 'not-ascii');
  bad(whole.replace('mx.', 'm\v.'), 'not-ascii');
  bad(`v=1;${' '.repeat(9000)}`, 'too-long');
  t.end();
});

t.test('no foreign text makes a line, a field or a second header', (t) => {
  const g = generator();
  for (let round = 0; round < 3000; round++) {
    const fields = anyFields(g);
    const value = formatMark(fields, SEAL);
    const lines = value.split('\n');
    const good =
      /^[\x20-\x7e\n]*$/.test(value) &&
      `X-TLS-Ward: ${lines[0]}`.length <= 76 &&
      lines.every((line, i) => line.length <= 76 && (i === 0 || /^ [^ ]/.test(line))) &&
      value.replace(/[ \n]/g, '').split(';').length === (fields.bodyDigest === '' ? 16 : 17);
    if (!good) throw new Error(`seed ${g.seed}, round ${round}: ${JSON.stringify(value)}`);
    const parsed = parseMark(refold(value, g));
    if (!parsed.ok) throw new Error(`seed ${g.seed}, round ${round}: ${parsed.reason}`);
    t.same(parsed.fields, expected(fields), `seed ${g.seed}, round ${round}`);
  }
  t.end();
});

function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** What comes back: lone surrogates, which are no text, come back as U+FFFD. */
function expected(fields: MarkFields): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? wellFormed(value) : value,
    ]),
  );
}

t.test('a header name of any length leaves the lines at 76 columns', (t) => {
  for (let length = 1; length < 90; length++) {
    const name = 'X'.repeat(length);
    const lines = `${name}: ${formatMark({ ...SAMPLE, row: 'r'.repeat(300) }, SEAL, name)}`.split('\n');
    t.ok(
      lines.every((line, i) => line.length <= Math.max(76, i === 0 ? length + 6 : 0)),
      `name of ${length}`,
    );
  }
  t.end();
});

t.test('canonical form: one line a fact, whatever the texts', (t) => {
  const g = generator();
  const seen = new Map<string, string>();
  for (let round = 0; round < 2000; round++) {
    const fields = anyFields(g);
    const sender = g.text(40);
    const canonical = canonicalMark(fields, sender, SEAL.keyId);
    const lines = canonical.split('\n');
    if (lines.length !== (fields.bodyDigest === '' ? 18 : 19) || lines.at(-1) !== '')
      t.fail(`seed ${g.seed}, round ${round}: ${JSON.stringify(canonical)}`);
    const what = JSON.stringify([expected(fields), wellFormed(sender)]);
    const before = seen.get(canonical);
    if (before !== undefined && before !== what)
      t.fail(`seed ${g.seed}: two marks with one canonical form: ${before} ${what}`);
    seen.set(canonical, what);
  }
  t.ok(seen.size > 1900, 'different marks have different canonical forms');
  t.end();
});
