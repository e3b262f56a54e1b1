import t from 'tap';
import { encryptsNothing } from '../../src/core/tls.ts';
import { dateFromWords } from '../../src/hops/receivedDate.ts';
import { parseReceived } from '../../src/hops/receivedField.ts';
import { keywordSays, protocolName } from '../../src/hops/tlsClaim.ts';
import { generator } from '../mark/generator.ts';
import { leastThreadMs } from '../measured.ts';
import { type Expected, RECEIVED } from './received.ts';

/** The parts of a field that an entry of the table speaks of. */
function read(value: string, expected: Expected): Expected {
  const field = parseReceived(value);
  const all: Required<Expected> = {
    from: field.from,
    address: field.address,
    by: field.by,
    protocol: field.protocol,
    id: field.id,
    carrier: field.carrier,
    tls: field.tls.encrypted,
    version: field.tls.protocol,
    cipher: field.tls.cipher,
    bits: field.tls.bits,
    weak: field.tls.weakness,
    cert: field.tls.certificate,
    cn: field.tls.certificateName,
    time: field.timeMs === null ? null : new Date(field.timeMs).toISOString(),
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => Object.hasOwn(expected, name)));
}

t.test('forms that servers write', (t) => {
  t.ok(RECEIVED.length >= 60, `${RECEIVED.length} fields`);
  for (const [name, value, expected] of RECEIVED) {
    t.strictSame(read(value, expected), expected, name);
    // folded elsewhere, or not at all, it says the same
    t.strictSame(read(value.replace(/\n[ \t]+/g, ' '), expected), expected, `${name}, in one line`);
    t.strictSame(read(value.replace(/\n[ \t]+/g, '\r\n\t  '), expected), expected, `${name}, CRLF`);
  }
  t.end();
});

t.test('the registry of keywords', (t) => {
  const say = {
    yes: 'ESMTPS ESMTPSA LMTPS LMTPSA UTF8SMTPS UTF8SMTPSA UTF8LMTPS UTF8LMTPSA SMTPS HTTPS ESMTP/TLS',
    no: 'SMTP ESMTP ESMTPA LMTP LMTPA UTF8SMTP UTF8SMTPA UTF8LMTP UTF8LMTPA',
    unknown: 'MMS HTTP MAPI BSMTP LOCAL ESMTPX XESMTPS ASMTP BIZSMTP NNFMP',
  };
  for (const [answer, keywords] of Object.entries(say)) {
    for (const keyword of keywords.split(' ')) t.equal(keywordSays(keyword), answer, keyword);
  }
  t.equal(keywordSays(''), 'unknown');
  t.equal(keywordSays('MICROSOFT SMTPSVC'), 'unknown');
  t.equal(keywordSays('MICROSOFT SMTP SERVER'), 'unknown');
  t.end();
});

t.test('names of protocols', (t) => {
  for (const [text, name] of [
    ['TLS1_3', 'TLSv1.3'],
    ['TLS1.2', 'TLSv1.2'],
    ['TLSv1.1', 'TLSv1.1'],
    ['TLS-1.3', 'TLSv1.3'],
    ['TLSV1_2', 'TLSv1.2'],
    ['TLSv1', 'TLSv1'],
    ['TLS1.0', 'TLSv1'],
    ['TLS1', 'TLSv1'],
    ['SSLv3', 'SSLv3'],
    ['TLSv1/SSLv3', 'TLSv1/SSLv3'],
    ['TLS', ''],
    ['', ''],
    ['ECDHE', ''],
  ] as const) {
    t.equal(protocolName(text), name, text);
  }
  t.end();
});

t.test('dates', (t) => {
  const good = (text: string, iso: string): void => {
    const time = dateFromWords(text.split(/\s+/), 0);
    t.equal(time === null ? null : new Date(time).toISOString(), iso, text);
  };
  good('Sun, 22 Nov 2026 18:47:31 +0000', '2026-11-22T18:47:31.000Z');
  good('Sun,22 Nov 2026 18:47:31 +0000', '2026-11-22T18:47:31.000Z');
  good('22 Nov 2026 18:47:31 -0000', '2026-11-22T18:47:31.000Z');
  good('22 Nov 2026 18:47', '2026-11-22T18:47:00.000Z');
  good('22 November 2026 18:47:31 GMT', '2026-11-22T18:47:31.000Z');
  good('Sunday, 22 Nov 126 18:47:31 PST', '2026-11-23T02:47:31.000Z'.replace('2026', '2026'));
  good('Sun, 22 Nov 26 18:47:31 +0530', '2026-11-22T13:17:31.000Z');
  good('31 Dec 2016 23:59:60 +0000', '2017-01-01T00:00:00.000Z');
  good('29 Feb 2024 12:00:00 +0000 (leap year)', '2024-02-29T12:00:00.000Z');
  good('5 Jul 2026 8:05:09.123456 +0000', '2026-07-05T08:05:09.000Z');
  for (const bad of [
    '',
    'Sun',
    '22 Nov',
    '22 Nov 2026',
    '22 Foo 2026 10:00:00',
    '29 Feb 2025 10:00:00',
    '0 Nov 2026 10:00:00',
    '22 Nov 2026 24:00:00',
    '22 Nov 2026 10:60:00',
    '22 Nov 1914 10:00:00',
    'x 22 Nov 2026 10:00:00',
    '22 Nov 20266 10:00:00',
    '2026-11-22T10:00:00Z',
  ]) {
    t.equal(dateFromWords(bad.split(' '), 0), null, `refused: ${bad}`);
  }
  t.end();
});

t.test('any text: no exception, clean results', (t) => {
  const g = generator();
  const bits = RECEIVED.flatMap(([, value]) => value.split(/(?<=[ ;()\n\t])/));
  for (let round = 0; round < 5000; round++) {
    let value = '';
    for (let i = g.integer(40); i > 0; i--) value += g.integer(5) === 0 ? g.text(6) : g.pick(bits);
    const field = parseReceived(value);
    if (field.complete !== (field.by !== '' && field.timeMs !== null))
      t.fail(`seed ${g.seed}, round ${round}`);
    if (field.address !== '' && !/^[0-9a-f.:]+$/.test(field.address))
      t.fail(`seed ${g.seed}: ${field.address}`);
    const open = field.tls.bits === 0 || encryptsNothing(field.tls.cipher);
    if (field.tls.encrypted === 'yes' ? open : field.tls.cipher !== '' && !open)
      t.fail(`seed ${g.seed}: cipher and TLS do not fit: ${JSON.stringify(value)}`);
  }
  t.pass('5000 values');
  t.end();
});

t.test('long and hostile values take no long time', (t) => {
  const size = 2_000_000;
  const hostile = [
    '(',
    ')',
    '()',
    '(\\',
    '((((a',
    ';',
    '; 1 Jan 2020 ',
    '<',
    '["',
    '[',
    '"',
    'a',
    ' ',
    'from ',
    '1 ',
    'tls ',
    '<"a b ',
    'Sun, 1 Jan 2020 ',
    '(using A',
    '(using a with cipher ',
    '(version=',
    '(TLS1.3:',
    '(from ',
    '(Client CN "',
    'helo=',
    '(helo=',
    '[[[',
    '(a [',
  ];
  for (const piece of hostile) {
    for (const value of [
      piece.repeat(size / piece.length),
      `from x (y [192.0.2.1]) by z with ${piece.repeat(size / piece.length)}; 1 Jan 2020 10:00:00 +0000`,
      `(${piece.repeat(size / piece.length)}`,
    ]) {
      const ms = leastThreadMs(300, () => parseReceived(value));
      if (ms > 300) t.fail(`${JSON.stringify(piece)}: ${ms} ms`);
    }
  }
  // inside the length that is read at all, twice the text takes about twice the time: no pattern is quadratic
  for (const piece of hostile) {
    const value = `(${piece.repeat(30_000 / piece.length)})`;
    const ms = leastThreadMs(100, () => parseReceived(value));
    if (ms > 100) t.fail(`${JSON.stringify(piece)} in 30,000 characters: ${ms} ms`);
  }
  t.pass('all fast');
  t.end();
});
