/** A verdict as a record: equal to its log line where both have a field, and never with a local part in a text. */
import { test } from 'tap';
import { type EnvelopeAddress, parseInternalAddress, parsePath } from '../../src/core/address.ts';
import { PLAIN, type TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import { verdictText } from '../../src/daemon/verdictEvidence.ts';
import type { VerdictEvidence } from '../../src/evidence/record.ts';
import { briefFields, type VerdictRecord, verdictFields } from '../../src/log/verdictFields.ts';
import { decide } from '../../src/receive/decide.ts';
import { replyFor } from '../../src/receive/smtpReply.ts';
import { GOOD, tableOf, transaction } from '../core/buildTables.ts';
import { recordOf } from '../evidence/lines.ts';

const table = tableOf([
  ['bank.example', { receive: 'encrypt', violation: 'reject' }],
  ['boss@law.example', { receive: 'encrypt', violation: 'reject' }],
]);

function recordFor(tx: Transaction, more: Partial<VerdictRecord> = {}): VerdictRecord {
  const verdict: Verdict = decide(tx, table, { trustedClients: [] });
  const { decisive, action, tls } = verdict;
  const reply =
    action === 'reject' && decisive !== null ? replyFor(decisive, 'reject', tls, 'AAAAAAAA') : null;
  return {
    code: 'AAAAAAAA',
    timeMs: Date.UTC(2026, 10, 30, 1, 2, 3, 456),
    transaction: tx,
    verdict,
    reply,
    generation: 3,
    tableHash: 'ab'.repeat(32),
    conn: 1,
    notes: [],
    ...more,
  };
}

const tx = (from: string, to: readonly string[], tls: TlsState): Transaction => ({
  ...transaction(from, [...to], tls),
  queueId: '4dJq1x',
});

test('a plain accept', async (t) => {
  const record = recordFor(tx('<alice@bank.example>', ['<Bob@our.example>'], GOOD), { mark: 'k1' });
  const made = recordOf(t, verdictText(record, briefFields(record), 'mx.example.org')) as VerdictEvidence;
  t.match(made, {
    time: '2026-11-30T01:02:03.456Z',
    type: 'verdict',
    host: 'mx.example.org',
    code: 'AAAAAAAA',
    leg: 'inbound',
    queueId: '4dJq1x',
    sender: 'alice@bank.example',
    senderDomain: 'bank.example',
    recipients: ['Bob@our.example'],
    recipientDomains: ['our.example'],
    recipientCount: 1,
    tls: { state: 'tls', protocol: 'TLSv1.3' },
    row: { pattern: 'bank.example', level: 'encrypt', mode: 'enforce' },
    table: { hash: 'ab'.repeat(32), generation: 3 },
    action: 'accept',
    mark: 'k1',
  });
  t.notOk('breach' in made || 'reply' in made || 'would' in made);
});

test('the port of the client, where the MTA says it', async (t) => {
  for (const [clientPort, expected] of [
    [0, undefined],
    [25_025, 25_025],
    [99_999, undefined],
  ] as const) {
    const record = recordFor({ ...tx('<a@bank.example>', ['<b@our.example>'], GOOD), clientPort });
    const made = recordOf(t, verdictText(record, briefFields(record), 'h')) as VerdictEvidence;
    t.equal(made.clientPort, expected);
  }
});

test('a refusal has its reasons, without local parts', async (t) => {
  const record = recordFor(tx('<x@y.example>', ['<boss@law.example>', '<a@our.example>'], PLAIN));
  const text = verdictText(record, verdictFields(record), 'mx.example.org');
  const made = recordOf(t, text) as VerdictEvidence;
  t.match(made, {
    action: 'reject',
    breach: 'plain',
    tls: { state: 'plain' },
    row: { pattern: 'boss@law.example' },
    recipientCount: 2,
    reply: /^530 5\.7\.0 law\.example requires TLS/,
  });
  t.match(made.because?.[0], /^recipient <@law\.example>: row "@law\.example"/);
  // what is left when the addresses are taken out
  t.notMatch(text.replace(/\0[^\0]*\0/g, ''), /boss|x@y/);
});

test('no unusual address leaves a local part in a reason', async (t) => {
  const everyone = tableOf([['*', { receive: 'encrypt', violation: 'reject' }]]);
  const becauseOf = (sender: EnvelopeAddress, helo = '') => {
    const odd = { ...tx('<>', ['<x@y.example>'], PLAIN), sender, heloName: helo };
    const verdict = decide(odd, everyone, { trustedClients: [] });
    const record = { ...recordFor(odd), verdict };
    const text = verdictText(record, verdictFields(record), 'h');
    const { because = [] } = recordOf(t, text) as VerdictEvidence;
    t.notMatch(text.replace(/\0[^\0]*\0/g, ''), /secret/i, sender.text.slice(0, 80));
    return because.find((one) => one.startsWith('sender')) ?? '';
  };
  const secret = [
    'secret',
    'secret name@bank.example',
    'secret: row "x" (secret@bank.example',
    'secret\uff20bank.example',
    'secret%bank.example',
    'bank.example!secret',
    `secret${'x'.repeat(300)}@bank.example`,
    'a@secret@bank.example',
    'jos\u00e9.secret@bank.example',
    '"a@secret"@bank.example',
    '"secret \\"b\\" c"@bank.example',
    'x@bank.example>secret',
    'x@bank.example (secret)',
  ];
  for (const one of secret) {
    becauseOf(parseInternalAddress(one));
    becauseOf(parsePath(`<${one}>`));
  }
  t.match(becauseOf(parseInternalAddress('secret name@bank.example')), /^sender @bank\.example: row "\*" \(/);
  t.match(becauseOf(parsePath('<secret@bank.example>')), /^sender <@bank\.example>: row "\*" \(/);
  t.match(becauseOf(parsePath('<secret>')), /^sender @: row "\*" \(/);
  t.match(becauseOf(parsePath('<a@b.example>'), 'secret@c.example'), /^sender <@b/);
});

test('hostile texts, many recipients, nothing known', async (t) => {
  const odd = 'a"b\\c\u2028\n\u202e';
  const hostile = {
    ...tx(`<${odd}@${'d'.repeat(3000)}>`, [`<${odd}>`, '<>', '<p@[192.0.2.1]>'], PLAIN),
    heloName: odd.repeat(500),
    queueId: odd,
    clientAddress: odd,
    sender: parsePath(`<${odd}@x>`),
  };
  const record = recordFor(hostile, {
    notes: [odd],
    route: { rules: ['secure'], ways: [`tlsward-encrypt:${odd}`, 'boss@x.example'], outcome: 'routed' },
  });
  t.match(recordOf(t, verdictText(record, verdictFields(record), odd)), {
    rule: 'secure',
    recipientCount: 3,
  });
  const many = Array.from(
    { length: 10_000 },
    (_, i) => `<${'u'.repeat(60)}${i}@d${i}.${'x'.repeat(50)}.example>`,
  );
  const wide = recordFor(tx('<a@b.example>', many, PLAIN));
  const text = verdictText(wide, verdictFields(wide), 'h');
  const made = recordOf(t, text) as VerdictEvidence;
  t.equal(made.recipientCount, 10_000);
  t.equal(made.recipients.length, 50);
  t.equal(made.recipientDomains.length + (made.moreDomains ?? 0), 10_000);
  t.ok(Buffer.byteLength(text) < 60_000, `${text.length}`);
  const early = { ...tx('<a@b.example>', [], { kind: 'unknown', why: 'w' }), sender: null, heloName: '' };
  t.notOk('sender' in recordOf(t, verdictText(recordFor(early), briefFields(recordFor(early)), 'h')));
});

test('what counted and does not show in the addresses: a login, unseen recipients, other readings', async (t) => {
  const made = (one: Transaction) =>
    recordOf(t, verdictText(recordFor(one), verdictFields(recordFor(one)), 'h')) as VerdictEvidence;
  const plain = made(tx('<a@b.example>', ['<c@d.example>'], GOOD));
  t.notOk('login' in plain || 'unseen' in plain || 'ambiguous' in plain);
  const user = { ...tx('<a@b.example>', [], GOOD), saslUsername: 'alice', unseenRecipients: true };
  t.match(made(user), { login: true, unseen: true });
  t.notMatch(verdictText(recordFor(user), verdictFields(recordFor(user)), 'h'), /alice/);
  t.match(made(tx('<a%bank.example@b.example>', ['<c@d.example>'], GOOD)), { ambiguous: true });
  t.match(made(tx('<a@b.example>', ['<c@d.example>', '<x(y@bank.example>'], GOOD)), { ambiguous: true });
});
