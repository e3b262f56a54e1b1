/** Rules at work without a socket: which messages are routed, stopped or left alone, and what is counted. */
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { FailedNextHops } from '../../src/daemon/failedNextHops.ts';
import { namesWay, Routing, requestsRequireTls } from '../../src/daemon/messageRouting.ts';
import type { Routed } from '../../src/rules/route.ts';
import type { MessageQuery } from '../../src/session/queries.ts';
import { activeBy, messageQuery, recipientQuery } from './activeFixture.ts';

const NOW = 1_700_000_000_000;
const SECURE = [{ name: 'Subject', value: ' [secure] offer' }];
const PLAIN = [{ name: 'Subject', value: ' offer' }];
const TABLE = `relayhost =
trusted-clients = 127.0.0.0/8
[rule secure]
subject-tag = [secure]
[policy leaves]
deliver = encrypt
[domains]
never.example = none
enc.example = leaves
`;

function deciding(t: Parameters<typeof activeBy>[0], text = TABLE) {
  const known = new FailedNextHops();
  const routing = new Routing(known);
  const active = activeBy(t, text);
  const decide = (query: MessageQuery): Routed | null =>
    allAtOnce(routing.message(query, active, 'CODE', NOW));
  return { known, routing, active, decide };
}

t.test('a message that a rule concerns is routed, another is left alone', async (t) => {
  const { routing, decide } = deciding(t);
  t.equal(decide(messageQuery(['<bob@good.example>'], PLAIN)), null);
  const routed = decide(messageQuery(['<bob@good.example>'], SECURE));
  t.match(routed, { kind: 'routed', rules: ['secure'], reply: null, holdReason: '' });
  t.match(JSON.stringify(routed?.edits), /<bob@good\.example\.tlsward-encrypt>/);
  t.strictSame(routing.counters, { routed: 1, held: 0, refused: 0, deferred: 0 });
});

t.test('at the second look a routed message is not counted again', async (t) => {
  const { routing, decide } = deciding(t);
  const query = messageQuery(['<bob@good.example>'], SECURE);
  t.equal(decide({ ...query, transaction: { ...query.transaction, arrival: 'again' } })?.kind, 'routed');
  t.equal(routing.counters.routed, 0);
});

t.test('a next hop that cannot do what is needed refuses the message', async (t) => {
  const { known, routing, decide } = deciding(t);
  known.remember(
    'good.example',
    { host: 'mx.good.example', level: 'encrypt', why: 'did not offer TLS' },
    NOW,
  );
  const refused = decide(messageQuery(['<bob@good.example>'], SECURE));
  t.match(refused, { kind: 'refused', reply: { code: 550 } });
  t.match(refused?.reply?.text, /mx\.good\.example did not offer TLS at 22:13 UTC/);
  const byRow = decide(messageQuery(['<bob@never.example>'], SECURE));
  t.match(byRow?.reply?.text, /without TLS \(row never\.example: deliver = none\)/);
  t.strictSame(routing.counters, { routed: 0, held: 0, refused: 2, deferred: 0 });
});

t.test('what was not seen is deferred where a rule could concern it, and only there', async (t) => {
  const { decide } = deciding(t);
  const to = ['<bob@good.example>'];
  const deferred = (changes: Partial<MessageQuery>, headers = SECURE): Routed | null =>
    decide(messageQuery(to, headers, changes));
  t.match(deferred({ shown: 'none', headers: null }), {
    kind: 'deferred',
    reply: { code: 451, dsn: '4.3.0' },
  });
  t.match(deferred({ shownRecipients: null }), { kind: 'deferred', reply: { code: 451, dsn: '4.3.0' } });
  t.equal(deferred({ shownRecipients: null }, PLAIN), null);
  const { transaction } = messageQuery(to, SECURE);
  const some = { transaction: { ...transaction, unseenRecipients: true } };
  t.match(deferred(some), { kind: 'deferred', reply: { code: 452, dsn: '4.5.3' } });
  t.equal(deferred(some, PLAIN), null);
});

t.test('mail that may carry the route of an earlier look waits until it can be seen', async (t) => {
  const { decide } = deciding(
    t,
    '[rule few]\nheader = X-Secret\nrecipient = few.example\n[domains]\n* = may\n',
  );
  const query = messageQuery(['<bob@good.example>'], null, { shown: 'none' });
  t.equal(decide(query), null, 'no rule concerns it, and a client cannot route it');
  const { transaction } = query;
  t.match(decide({ ...query, transaction: { ...transaction, arrival: 'local' } }), {
    kind: 'deferred',
    rules: [],
    reply: { code: 451, dsn: '4.3.0' },
  });
});

t.test('without the fence nothing is routed by Postfix', async (t) => {
  const { decide } = deciding(t);
  const told = { headerChecks: '', contentFilter: '' };
  const stopped = decide(messageQuery(['<bob@good.example>'], SECURE, { told }));
  t.match(stopped, { kind: 'deferred', rules: ['secure'], reply: { code: 451, dsn: '4.3.5' } });
});

t.test('a client does not name the way of its mail', async (t) => {
  const { routing, active, decide } = deciding(t);
  const via = '<u@x.example.tlsward-via.y.example>';
  t.match(decide(messageQuery([via], PLAIN)), { kind: 'refused', reply: { code: 550, dsn: '5.7.1' } });
  t.equal(routing.counters.refused, 1);
  const of = (to: string, changes: object): boolean =>
    allAtOnce(namesWay({ ...messageQuery([to], PLAIN).transaction, ...changes }, active.facts));
  const encrypt = '<u@x.example.tlsward-encrypt>';
  t.equal(of(via, { clientAddress: '127.0.0.1' }), false, 'a content filter');
  t.equal(of(via, { clientAddress: '127.0.0.1', saslUsername: 'alice' }), true, 'a user of a webmail');
  t.equal(of(via, { arrival: 'again' }), false);
  t.equal(of(encrypt, {}), false, 'no next hop');
  t.equal(of(encrypt, { saslUsername: 'alice' }), true, 'by any mark of somebody who logged in');
  t.equal(of('<"u%x.tls ward-v.ia-y"@x.example>', {}), true, 'however it is quoted');
});

t.test('TLS-Required: no where mail must leave under TLS', async (t) => {
  const { routing, decide } = deciding(t);
  const wish = [{ name: 'TLS-Required', value: ' No' }];
  t.match(decide(messageQuery(['<bob@enc.example>'], wish)), {
    kind: 'refused',
    reply: { code: 550, dsn: '5.7.10' },
  });
  t.equal(decide(messageQuery(['<bob@free.example>'], wish)), null);
  t.equal(decide(messageQuery(['<bob@enc.example>'], wish, { mta: 'Postfix 3.7.11' })), null);
  t.match(decide(messageQuery(['<bob@good.example>'], [...SECURE, ...wish])), { kind: 'refused' });
  t.match(decide(messageQuery(['<bob@enc.example>'], [], { shown: [] })), { kind: 'deferred' });
  const { decide: holding } = deciding(t, `tls-required-no = hold\n${TABLE}`);
  const held = holding(messageQuery(['<bob@good.example>'], [...SECURE, ...wish]));
  t.match(held, { kind: 'held', rules: ['secure'], holdReason: /rule secure/ });
  t.match(JSON.stringify(held?.edits), /tlsward-encrypt/, 'and routed for when it is released');
  const query = messageQuery(['<bob@good.example>'], [...SECURE, ...wish]);
  const again = { ...query, transaction: { ...query.transaction, arrival: 'again' as const } };
  t.match(holding(again), { kind: 'routed' }, 'released, and looked at a second time');
  t.match(decide(again), { kind: 'refused' });
  t.match(routing.counters, { refused: 3, deferred: 1 });
});

t.test('REQUIRETLS is asked for by rules that the policy service can tell, from Postfix 3.11', async (t) => {
  const rule = 'postfix-version = 3.11\n[rule bank]\nrecipient = bank.example\nrequest-requiretls = yes\n';
  const { transaction } = recipientQuery('policy', '<bob@bank.example>');
  const asks = (text: string): boolean => requestsRequireTls(activeBy(t, `${text}[domains]\n`), transaction);
  t.equal(asks(rule), true);
  t.equal(asks(rule.replace('3.11', '3.10')), false);
  t.equal(asks(rule.replace('= bank', '= other')), false);
  t.equal(asks(`${rule}subject-tag = [secure]\n`), false, 'the subject is not seen');
});
