/** Which map answers which key, in which grammar, and that whatever is wrong is TEMP and never "not found". */
import t from 'tap';
import { OLDEST_POSTFIX } from '../../src/core/postfixVersion.ts';
import type { Published } from '../../src/core/publishedFacts.ts';
import { answerMap, MAPS } from '../../src/maps/mapAnswer.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { tableOf } from '../core/buildTables.ts';
import { replyOf } from './replyOf.ts';

const TABLE = tableOf([
  ['encrypt.example', { deliver: 'encrypt' }],
  ['may.example', { deliver: 'may' }],
  ['quiet.example', {}],
  ['auto.example', { deliver: 'auto' }],
  ['dane.example', { deliver: 'dane' }],
  ['pinned.example', { deliver: 'fingerprint' }],
]);
const UNKNOWN: Published = {
  kind: 'own',
  dane: { kind: 'unknown', why: 'SERVFAIL' },
  sts: { kind: 'absent' },
};

const asked = (map: string, key: string, published: Published | null = null): string =>
  formatSocketmapReply(replyOf(answerMap(map, key, TABLE, OLDEST_POSTFIX, published)));

t.test('each map answers in its own grammar', async (t) => {
  const floors = 'protocols=>=TLSv1.2 ciphers=high';
  t.equal(asked('deliver', 'encrypt.example'), `OK encrypt ${floors}`);
  t.equal(asked('deliver', 'may.example'), 'OK may');
  t.equal(asked('deliver-encrypt', 'may.example'), `OK encrypt ${floors}`);
  t.equal(asked('deliver-verify', 'may.example'), `OK verify ${floors}`);
  t.equal(asked('deliver-verify', 'encrypt.example'), `OK verify ${floors}`);
  for (const map of ['tls_rcpt', 'access']) {
    t.equal(asked(map, 'tls_rcpt:u@encrypt.example'), 'OK TEMP+ENCR:128');
    t.equal(asked(map, 'TLS_Rcpt:u@Encrypt.Example'), 'OK TEMP+ENCR:128');
    t.equal(asked(map, 'tls_rcpt:u@may.example'), 'NOTFOUND ');
  }
  t.equal(asked('sts', 'encrypt.example'), 'NOTFOUND ', 'the affair of tls_rcpt');
});

t.test('what the table does not say is not found, also with a decision', async (t) => {
  for (const key of ['quiet.example', 'nobody.example', '.encrypt.example']) {
    const answer = answerMap('deliver', key, TABLE, OLDEST_POSTFIX);
    t.match(answer, { kind: 'reply', reply: { status: 'NOTFOUND' }, decision: { kind: 'silent' } }, key);
  }
  for (const key of ['', 'encrypt.example', 'tls_rcpt:encrypt.example', 'tls_rcpt:u@', 'connect:x.example']) {
    const answer = answerMap('access', key, TABLE, OLDEST_POSTFIX);
    t.strictSame(answer, { kind: 'reply', reply: { status: 'NOTFOUND' }, decision: null }, key);
  }
});

t.test('what must be looked up first is no reply', async (t) => {
  const needs = (map: string, key: string): unknown => {
    const answer = answerMap(map, key, TABLE, OLDEST_POSTFIX);
    return answer.kind === 'needs' ? answer.question : answer.reply;
  };
  const question = { name: 'auto.example', host: false, port: 25 };
  t.strictSame(needs('deliver', 'Auto.Example'), question);
  t.strictSame(needs('deliver-verify', 'auto.example'), question);
  t.strictSame(needs('tls_rcpt', 'tls_rcpt:u@auto.example'), question);
  t.strictSame(needs('sts', 'auto.example'), question);
  t.strictSame(needs('deliver', 'dane.example'), { status: 'OK', value: 'dane' });
  t.strictSame(needs('deliver-encrypt', '[dane.example]:587'), {
    name: 'dane.example',
    host: true,
    port: 587,
    daneOnly: true,
  });
  for (const [map, kind] of MAPS) {
    const key = kind.grammar === 'sendmail' ? 'tls_rcpt:u@auto.example' : 'auto.example';
    t.equal(answerMap(map, key, TABLE, OLDEST_POSTFIX, UNKNOWN).kind, 'reply', `${map}, once looked up`);
  }
});

t.test('trouble of any kind is TEMP and names the row', async (t) => {
  t.equal(asked('deliver', 'auto.example', UNKNOWN), 'TEMP tlsward: DANE: SERVFAIL (row auto.example)');
  t.match(asked('deliver', 'pinned.example'), /^TEMP tlsward: .* no digest \(row pinned\.example\)$/);
  t.equal(asked('deliver', 'a b'), 'TEMP tlsward: the next hop is not a domain, a host or an address');
  for (const map of ['', 'Deliver', 'delivery', 'constructor', 'transport'])
    t.match(asked(map, 'encrypt.example'), /^TEMP tlsward has no map of this name; there are deliver, /, map);
});

t.test('keys are bytes, in UTF-8 or Latin-1', async (t) => {
  const table = tableOf([['xn--bcher-kva.example', { deliver: 'encrypt' }]]);
  const utf8 = Buffer.from('bücher.example', 'utf8').toString('latin1');
  for (const key of [utf8, 'bücher.example', 'xn--bcher-kva.example'])
    t.match(replyOf(answerMap('deliver', key, table, OLDEST_POSTFIX)), { status: 'OK' }, key);
});
