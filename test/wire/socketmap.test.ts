/**
 * Socketmap on the wire: vectors both ways, every way of cutting, limits that are Postfix's own, refusals by name, and
 * nonsense.
 */
import { Buffer } from 'node:buffer';
import { test } from 'tap';
import { parsePostfixVersion } from '../../src/core/postfixVersion.ts';
import { encodeNetstring, NetstringDecoder } from '../../src/wire/netstring.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { REQUEST_LIMIT, SocketmapDecoder, type SocketmapRequest } from '../../src/wire/socketmapDecode.ts';
import {
  encodeSocketmapReply,
  formatSocketmapReply,
  REPLY_LIMIT_BYTES,
  type SocketmapReply,
} from '../../src/wire/socketmapEncode.ts';
import { formatTlsPolicy, type TlsPolicyValue } from '../../src/wire/tlsPolicyValue.ts';
import { formatTlsRcpt } from '../../src/wire/tlsRcptValue.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { randomFrom, seed } from './milterBytes.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** All requests of a stream pushed in these pieces. */
function decode(pieces: readonly Uint8Array[]): SocketmapRequest[] {
  const decoder = new SocketmapDecoder();
  const found: SocketmapRequest[] = [];
  for (const piece of pieces) {
    // a chunk is only good until the next one
    const chunk = Buffer.from(piece);
    decoder.push(chunk);
    for (let request = decoder.next(); request !== null; request = decoder.next()) found.push(request);
    chunk.fill(0x21);
  }
  return found;
}

/** The rule by which the next message is refused; '' when it is not. */
function refusal(decoder: { next(): unknown }): string {
  try {
    decoder.next();
    return '';
  } catch (error) {
    return error instanceof WireError ? error.rule : String(error);
  }
}

/** The rule that a stream breaks, and where, however it is cut; '' when it breaks none. */
function ruleOf(text: string): string {
  const bytes = latin1(text);
  const rules = new Set<string>();
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (const pieces of [
      [bytes.subarray(0, cut), bytes.subarray(cut)],
      [...bytes].map((byte) => Buffer.of(byte)),
    ]) {
      try {
        decode(pieces);
        rules.add('');
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        rules.add(`${error.rule} ${error.offset}`);
      }
    }
  }
  return [...rules].join(' or ');
}

test('requests, cut in every way', async (t) => {
  const wire = '20:deliver bank.example,13:deliver a b c,8:deliver ,10:m \xe4\0 .,:x,';
  const want = [
    { map: 'deliver', key: 'bank.example' },
    { map: 'deliver', key: 'a b c' },
    { map: 'deliver', key: '' },
    { map: 'm', key: '\xe4\0 .,:x' },
  ];
  // the last one has 10 bytes: "m ", then eight
  const bytes = latin1(wire.replace('10:m', '9:m'));
  t.strictSame(decode([bytes]), want);
  t.strictSame(decode([...bytes].map((byte) => Buffer.of(byte))), want);
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) {
      const found = decode([bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]);
      if (JSON.stringify(found) !== JSON.stringify(want)) t.fail(`cut at ${a} and ${b}`);
    }
  }
  const decoder = new SocketmapDecoder();
  t.equal(decoder.partial(), false);
  decoder.push(latin1('2'));
  t.equal(decoder.next(), null);
  t.equal(decoder.partial(), true, 'one digit is part of a request');
});

test('what is no request is refused by name, however it is cut', async (t) => {
  const rules: readonly (readonly [string, string])[] = [
    ['0:,', 'socketmap-without-map-name 0'],
    ['7:deliver,', 'socketmap-without-map-name 0'],
    ['4: abc,', 'socketmap-without-map-name 0'],
    ['3:a b,3:abc,', 'socketmap-without-map-name 6'],
    ['03:a b,', 'socketmap-length 1'],
    ['00:,', 'socketmap-length 1'],
    ['3x', 'socketmap-length 1'],
    ['3 :a b,', 'socketmap-length 1'],
    ['-3:a b,', ''],
    ['-3:a b,xx', 'socketmap-length 0'],
    ['+3:a\n', 'socketmap-length 0'],
    ['1234567', 'socketmap-length 6'],
    ['999999:', 'socketmap-request-too-long 6'],
    ['16385:', 'socketmap-request-too-long 5'],
    ['16384:', ''],
    ['3:a b;', 'socketmap-comma 5'],
    ['3:a bc,', 'socketmap-comma 5'],
    ['3:a b,\r\n3:a b,', 'socketmap-length 6'],
    ['GET / HTTP/1.0\r\n\r\n', 'socketmap-http-request 0'],
    ['POST /\n', 'socketmap-http-request 0'],
    ['EHLO client.example\r\n', 'socketmap-length 0'],
    ['request=smtpd_access_policy\n', 'socketmap-length 0'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01', 'socketmap-tls-hello 0'],
    ['\0\0\0\rO\0\0\0\x06', 'socketmap-length 0'],
  ];
  for (const [wire, rule] of rules) {
    t.equal(ruleOf(wire), rule, JSON.stringify(wire));
  }
  const decoder = new SocketmapDecoder();
  decoder.push(latin1('x'.repeat(9)));
  t.equal(refusal(decoder), 'socketmap-length');
  decoder.push(latin1('3:a b,'));
  t.equal(refusal(decoder), 'socketmap-length', 'the decoder stays dead');
});

test('limits are those of Postfix, or above what Postfix asks', async (t) => {
  t.equal(REPLY_LIMIT_BYTES, 100_000, 'DICT_SOCKMAP_MAX_REPLY, socketmap_max_reply_size');
  t.ok(REQUEST_LIMIT.bytes >= 10_000 + 128, 'socketmap_max_query_size and a map name');
  const key = 'k'.repeat(REQUEST_LIMIT.bytes - 2);
  t.strictSame(decode([encodeSocketmapRequest('m', key)]), [{ map: 'm', key }]);
  t.throws(() => encodeSocketmapRequest('m', `${key}k`), RangeError);
  const value = 'v'.repeat(REPLY_LIMIT_BYTES - 3);
  const encode = (reply: SocketmapReply) => encodeSocketmapReply(formatSocketmapReply(reply));
  t.equal(encode({ status: 'OK', value }).length, 100_000 + '100000:,'.length);
  t.throws(() => encode({ status: 'OK', value: `${value}v` }), RangeError);
  const decoder = new SocketmapReplyDecoder();
  decoder.push(encode({ status: 'OK', value }));
  t.match(decoder.next(), { status: 'OK' });
  decoder.push(latin1('100001:'));
  t.equal(refusal(decoder), 'socketmap-reply-too-long');
});

test('nothing is kept for a length above the limit', async (t) => {
  const decoder = new NetstringDecoder({ bytes: 10, rule: 'socketmap-request-too-long' });
  decoder.push(latin1('11:12345'));
  t.equal(refusal(decoder), 'socketmap-request-too-long');
  t.strictSame(encodeNetstring('', 10), latin1('0:,'));
});

const REPLIES: readonly (readonly [SocketmapReply, string])[] = [
  [{ status: 'OK', value: 'encrypt' }, '10:OK encrypt,'],
  [{ status: 'NOTFOUND' }, '9:NOTFOUND ,'],
  [{ status: 'TEMP', reason: 'later' }, '10:TEMP later,'],
  [{ status: 'PERM', reason: 'no' }, '7:PERM no,'],
  [{ status: 'TEMP', reason: '' }, '5:TEMP ,'],
];

test('replies both ways, with the blank that Postfix 3.7 and Sendmail need', async (t) => {
  for (const [reply, wire] of REPLIES) {
    t.equal(Buffer.from(encodeSocketmapReply(formatSocketmapReply(reply))).toString('latin1'), wire);
    for (let cut = 0; cut <= wire.length; cut++) {
      const decoder = new SocketmapReplyDecoder();
      decoder.push(latin1(wire.slice(0, cut)));
      const early = decoder.next();
      decoder.push(latin1(wire.slice(cut)));
      t.strictSame(early ?? decoder.next(), reply);
    }
  }
  for (const value of ['', ' ', ' encrypt', 'encrypt ', 'a\nb', 'a\0', '\u0101', 'a\x7f'])
    t.throws(() => formatSocketmapReply({ status: 'OK', value }), RangeError, JSON.stringify(value));
  t.equal(
    formatSocketmapReply({ status: 'TEMP', reason: `a\r\nb\0ü${'x'.repeat(500)}` }).slice(0, 12),
    'TEMP a??b??x',
    'a reason is cleaned and cut',
  );
  for (const wire of ['2:OK,', '3:OK ,', '8:NOTFOUND,', '8:ok fine ,', '6:MAYBE ,', '0:,']) {
    const decoder = new SocketmapReplyDecoder();
    decoder.push(latin1(wire));
    t.equal(refusal(decoder), 'socketmap-reply-status', wire);
  }
});

test('100,000 random streams', async (t) => {
  const random = randomFrom(seed);
  const alphabet = '0123456789:, deliver\n\x16\x03GET';
  let taken = 0;
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    let wire = '';
    for (let n = random(4); n >= 0; n--) {
      const key = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]!).join('');
      const payload = `${random(9) === 0 ? '' : 'm '}${key}`;
      const length = random(12) === 0 ? random(30) : payload.length;
      wire += random(15) === 0 ? key : `${length}:${payload},`;
    }
    const bytes = latin1(wire);
    const cut = random(bytes.length + 1);
    const results = [[bytes], [bytes.subarray(0, cut), bytes.subarray(cut)]].map((pieces) => {
      try {
        const found = decode(pieces);
        const again = Buffer.concat(found.map(({ map, key }) => netstring(`${map} ${key}`)));
        if (!again.equals(bytes.subarray(0, again.length)))
          throw new Error(`${JSON.stringify(wire)} changed`);
        if (found.length > 0) taken++;
        return JSON.stringify(found);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused++;
        return error.rule + error.offset;
      }
    });
    if (results[0] !== results[1]) t.fail(`seed ${seed}: ${JSON.stringify(wire)} cut at ${cut}: ${results}`);
  }
  t.ok(taken > 10_000 && refused > 10_000, `seed ${seed}: ${taken} taken, ${refused} refused`);
});

function netstring(payload: string): Buffer {
  return latin1(`${payload.length}:${payload},`);
}

const PLAIN: TlsPolicyValue = { level: 'encrypt', match: [], minProtocol: null, minBits: 0, exclude: [] };
const DIGEST = Array.from({ length: 20 }, () => 'AB').join(':');
const V37 = { major: 3, minor: 7 };

test('policy values in the grammar of smtp_tls_policy_maps', async (t) => {
  const good = (value: Partial<TlsPolicyValue>, want: string, version = V37): void =>
    void t.equal(formatTlsPolicy({ ...PLAIN, ...value }, version), want);
  good({}, 'encrypt');
  good({ level: 'none' }, 'none');
  good({ level: 'dane-only', minProtocol: 'TLSv1.3' }, 'dane-only protocols=>=TLSv1.3');
  good({ level: 'verify', match: ['a.example', '.b.example'] }, 'verify match=a.example:.b.example');
  good({ level: 'fingerprint', match: [DIGEST, DIGEST] }, `fingerprint match=${DIGEST}|${DIGEST}`);
  good({ minBits: 112 }, 'encrypt');
  good({ minBits: 113 }, 'encrypt ciphers=high');
  good({ minBits: 128, exclude: ['3DES', 'RC4-SHA'] }, 'encrypt ciphers=high exclude=3DES:RC4-SHA');
  good({ minBits: 256, exclude: ['AES128'] }, 'encrypt ciphers=high exclude=AES128:CAMELLIA128:ARIA128');
  good({ minProtocol: 'TLSv1.2' }, 'encrypt protocols=>=TLSv1.2', { major: 3, minor: 6 });
  good({ minProtocol: 'TLSv1.2' }, 'encrypt protocols=>=TLSv1.2', { major: 4, minor: 0 });
  good({ minProtocol: 'TLSv1.2' }, 'encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1', { major: 3, minor: 5 });
  good({ minProtocol: 'TLSv1' }, 'encrypt protocols=!SSLv2:!SSLv3', { major: 3, minor: 0 });
  t.strictSame(['3.7', '3.10.5', '3', '', '3.x', '3.7 '].map(parsePostfixVersion), [
    V37,
    { major: 3, minor: 10 },
    null,
    null,
    null,
    null,
  ]);
});

test('nothing foreign gets into a policy value', async (t) => {
  const bad = (value: Partial<TlsPolicyValue>): void =>
    void t.throws(() => formatTlsPolicy({ ...PLAIN, ...value }, V37), RangeError, JSON.stringify(value));
  bad({ level: 'auto' });
  bad({ level: 'half-dane' });
  bad({ level: 'encrypt connection_reuse=yes' });
  bad({ match: ['a.example'] });
  bad({ level: 'dane', match: ['a.example'] });
  bad({ level: 'may', minProtocol: 'TLSv1.2' });
  bad({ level: 'dane', minBits: 128 });
  bad({ level: 'none', exclude: ['RC4'] });
  bad({ level: 'fingerprint' });
  bad({ level: 'fingerprint', match: ['a.example'] });
  bad({ minProtocol: 'TLSv1.2 ciphers=null' });
  bad({ exclude: ['A:B'] });
  bad({ exclude: [''] });
  const names = [
    '',
    '.',
    'hostname',
    'nexthop',
    'dot-nexthop',
    'a..example',
    '-a.example',
    'A.example',
    '*.a.example',
  ];
  const hostile = [
    'a.example connection_reuse=yes',
    'a.example,x',
    'a.example:hostname',
    'a.example}',
    'a.example\n',
  ];
  for (const name of [...names, ...hostile]) bad({ level: 'secure', match: ['good.example', name] });
});

test('values for TLS_Rcpt', async (t) => {
  t.equal(formatTlsRcpt({ require: 'ENCR', bits: 128, commonName: null }), 'TEMP+ENCR:128');
  t.equal(formatTlsRcpt({ require: 'VERIFY', bits: 1, commonName: 'peer' }), 'TEMP+VERIFY:1+CN');
  const name = { name: 'mx.a.example' };
  t.equal(formatTlsRcpt({ require: 'VERIFY', bits: 1, commonName: name }), 'TEMP+VERIFY:1+CN:mx.a.example');
  t.throws(() => formatTlsRcpt({ require: 'ENCR', bits: 128, commonName: 'peer' }), RangeError);
  t.throws(() => formatTlsRcpt({ require: 'ENCR', bits: -1, commonName: null }), RangeError);
  for (const text of ['x', 'a.example+CI:y', 'a.example++CN', '.a.example', 'a example'])
    t.throws(
      () => formatTlsRcpt({ require: 'VERIFY', bits: 1, commonName: { name: text } }),
      RangeError,
      text,
    );
});
