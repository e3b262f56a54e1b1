/** Every level in the grammar of Sendmail's access map; what it cannot say is TEMP and never weaker. */
import t from 'tap';
import { OLDEST_POSTFIX } from '../../src/core/postfixVersion.ts';
import type { DaneFact, OtherAnswer, Published, StsFact } from '../../src/core/publishedFacts.ts';
import type { Settings } from '../../src/core/settings.ts';
import { answerMap } from '../../src/maps/mapAnswer.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { tableOf } from '../core/buildTables.ts';
import { replyOf } from './replyOf.ts';

function asked(row: Partial<Settings>, published: Published | null = null): string {
  const table = tableOf([['x.example', row]]);
  const answer = answerMap('access', 'tls_rcpt:u@x.example', table, OLDEST_POSTFIX, published);
  return formatSocketmapReply(replyOf(answer));
}

t.test('levels', async (t) => {
  for (const deliver of ['none', 'may', 'dane'] as const) t.equal(asked({ deliver }), 'NOTFOUND ', deliver);
  t.equal(asked({ deliver: 'encrypt' }), 'OK TEMP+ENCR:128');
  t.equal(asked({ deliver: 'encrypt', minBits: 256 }), 'OK TEMP+ENCR:256');
  t.equal(asked({ deliver: 'encrypt', minBits: 0 }), 'OK TEMP+ENCR:1', '0 would let plain text through');
  t.equal(asked({ deliver: 'verify' }), 'OK TEMP+VERIFY:128+CN');
  for (const deliver of ['verify', 'secure'] as const)
    t.equal(asked({ deliver, serverNames: ['mx.x.example'] }), 'OK TEMP+VERIFY:128+CN:mx.x.example', deliver);
  t.equal(asked({ deliver: 'encrypt', mode: 'observe' }), 'NOTFOUND ');
});

t.test('what Sendmail cannot say makes mail wait', async (t) => {
  const names = /^TEMP tlsward: deliver = (verify|secure): Sendmail compares one name; give one host/;
  t.match(asked({ deliver: 'secure' }), names, "the next hop's domain is a rule of Postfix");
  for (const serverNames of [['.x.example'], ['a.example', 'b.example']])
    for (const deliver of ['verify', 'secure'] as const)
      t.match(asked({ deliver, serverNames }), names, `${deliver} ${serverNames}`);
  t.match(asked({ deliver: 'dane-only' }), /^TEMP tlsward: deliver = dane-only: /);
  const digest = Array.from({ length: 32 }, () => 'AB').join(':');
  t.match(
    asked({ deliver: 'fingerprint', fingerprints: [digest] }),
    /^TEMP tlsward: deliver = fingerprint: /,
  );
});

t.test('auto: what demands TLS is ENCR', async (t) => {
  const enforce: StsFact = {
    kind: 'policy',
    policy: { mode: 'enforce', mx: ['mx.x.example'], maxAgeSeconds: 86_400, lines: [] },
    id: '1',
    fetchedAt: 0,
  };
  const own = (dane: DaneFact, sts: StsFact = { kind: 'absent' }): Published => ({ kind: 'own', dane, sts });
  const auto = (published: Published, row: Partial<Settings> = {}): string =>
    asked({ deliver: 'auto', ...row }, published);
  for (const published of [
    own({ kind: 'usable', hosts: 'all' }),
    own({ kind: 'usable', hosts: 'some' }),
    own({ kind: 'unusable' }),
    own({ kind: 'absent' }, enforce),
  ])
    t.equal(auto(published), 'OK TEMP+ENCR:128', JSON.stringify(published));
  t.equal(auto(own({ kind: 'absent' })), 'NOTFOUND ');
  t.equal(auto(own({ kind: 'not-asked', why: 'no resolver' })), 'NOTFOUND ');
  t.match(
    auto(own({ kind: 'unknown', why: 'SERVFAIL' })),
    /^TEMP tlsward: DANE: SERVFAIL \(row x\.example\)/,
  );
  t.equal(auto(own({ kind: 'absent' }), { deliverFloor: 'verify' }), 'OK TEMP+VERIFY:128+CN');
  const other = (answer: OtherAnswer): string => auto({ kind: 'other', answer });
  t.equal(other({ kind: 'nothing' }), 'NOTFOUND ');
  t.equal(other({ kind: 'policy', level: 'secure', attributes: [] }), 'OK TEMP+ENCR:128');
  t.match(other({ kind: 'policy', level: 'verify', attributes: [] }), /^TEMP tlsward: deliver = verify: /);
});
