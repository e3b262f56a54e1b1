/** Which statuses of smtp(8) come back at once, and that every other one is left alone. */
import t from 'tap';
import { answerStatus } from '../../src/maps/statusMap.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';

const PLAIN = '4.7.4 TLS is required, but was not offered by host ';
const asked = (key: string, level: 'encrypt' | 'verify' = 'encrypt'): string =>
  formatSocketmapReply(answerStatus(key, level).reply);

t.test('no STARTTLS', async (t) => {
  for (const level of ['encrypt', 'verify'] as const) {
    const { reply, failure } = answerStatus(`${PLAIN}MX.plain.example[192.0.2.1]`, level);
    t.match(
      formatSocketmapReply(reply),
      /^OK 5\.7\.4 This message must be sent under TLS, and the mail server mx\.plain\.example does not offer it; /,
    );
    t.match(failure, { host: 'mx.plain.example', level: 'encrypt' }, 'what fails encrypt fails verify too');
  }
  const hostOf = (server: string): unknown => answerStatus(PLAIN + server, 'encrypt').failure?.host;
  t.equal(hostOf('mx.plain.example[192.0.2.1]:587'), 'mx.plain.example');
  t.equal(hostOf('mx.plain.example[2001:db8::1]'), 'mx.plain.example');
  t.equal(hostOf('192.0.2.1[192.0.2.1]'), '[192.0.2.1]');
  t.match(hostOf('2001:db8::1[2001:db8::1]:25'), /^\[ipv6:2001:db8:/);
});

t.test('certificates count where the message requires one', async (t) => {
  for (const [word, what] of [
    ['trusted', 'no certificate of a trusted issuer'],
    ['verified', 'a certificate for another name'],
  ] as const) {
    const key = `4.7.5 Server certificate not ${word}`;
    t.equal(asked(key), 'NOTFOUND ', 'where the row asks for it, the row decides');
    const { reply, failure } = answerStatus(key, 'verify');
    t.match(
      formatSocketmapReply(reply),
      new RegExp(`^OK 5\\.7\\.5 This message .*, and the server has ${what}; `),
    );
    t.strictSame(failure, { host: null, level: 'verify', why: `had ${what}` });
  }
});

t.test('no TLSA records', async (t) => {
  for (const level of ['encrypt', 'verify'] as const) {
    t.match(asked('4.7.5 no TLSA records found', level), /^OK 5\.7\.5 This message .* DANE authenticates, /);
    t.match(answerStatus('4.7.5 no TLSA records found', level).failure, { host: null, level: 'encrypt' });
  }
});

t.test('nothing else is touched', async (t) => {
  for (const key of [
    '',
    '4.7.5 non DNSSEC destination',
    '4.7.5 client TLS configuration problem',
    '4.7.5 Server certificate not verified by somebody',
    '4.7.5 no TLSA records found here',
    '5.7.4 TLS is required, but was not offered by host mx.plain.example[192.0.2.1]',
    `${PLAIN}mx.plain.example`,
    `${PLAIN}mx.plain.example[192.0.2.1]:`,
    `${PLAIN}mx.plain.example[192.0.2.1] and more`,
    `${PLAIN}a b[192.0.2.1]`,
    `${PLAIN}-[999.0.2.1]`,
    `${PLAIN}${'x'.repeat(256)}[192.0.2.1]`,
    `x ${PLAIN}mx.plain.example[192.0.2.1]`,
    `host mx.evil.example[192.0.2.1] said: ${PLAIN}mx.plain.example[192.0.2.1]`,
    `${PLAIN}mx.plain.example[192.0.2.1]\n`,
  ])
    for (const level of ['encrypt', 'verify'] as const)
      t.strictSame(answerStatus(key, level), { reply: { status: 'NOTFOUND' }, failure: null }, key);
});
