/** Verdicts without a socket or a log: what the handlers answer, and what the listeners are told. */
import t from 'tap';
import { NULL_ADDRESS, parsePath } from '../../src/core/address.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { FailedNextHops } from '../../src/daemon/failedNextHops.ts';
import { Routing } from '../../src/daemon/messageRouting.ts';
import { VerdictService } from '../../src/daemon/verdictService.ts';
import type { VerdictRecord } from '../../src/log/verdictFields.ts';
import type { Peer } from '../../src/net/connection.ts';
import { isWork } from '../../src/net/slices.ts';
import type { MilterAnswer, MilterQuery } from '../../src/session/milterEvents.ts';
import { handlerOf, type JudgeAnswer, type JudgeQuery } from '../../src/session/queries.ts';
import { activeBy, messageQuery, recipientQuery } from './activeFixture.ts';

const TABLE = `relayhost =
[rule secure]
subject-tag = [secure]
[policy needs]
receive = encrypt
[policy tries]
receive = encrypt
violation = hold
[domains]
enc.example = needs
held.example = tries
`;
const PLAIN = { tls: { kind: 'plain' } } as const satisfies Partial<Transaction>;
const peer = { conn: 7, peer: '192.0.2.1:4711' };

function serving(t: Parameters<typeof activeBy>[0], text = TABLE) {
  const told: VerdictRecord[] = [];
  const degraded: string[] = [];
  let codes = 0;
  const service = new VerdictService(
    activeBy(t, text),
    () => `C${++codes}`,
    { degraded: (_conn, what) => degraded.push(what) },
    { tell: (record) => told.push(record), mayTell: () => true },
    new Routing(new FailedNextHops()),
  );
  const policy = (query: JudgeQuery, peer: Peer): JudgeAnswer => {
    const answer = service.policy.judge(query, peer);
    return isWork<JudgeAnswer>(answer) ? allAtOnce(answer) : answer;
  };
  const milter = (query: MilterQuery, peer: Peer): MilterAnswer => {
    const answer = handlerOf<MilterQuery, MilterAnswer, Peer>(service.milter)(query, peer);
    return isWork<MilterAnswer>(answer) ? allAtOnce(answer) : answer;
  };
  return { service, told, degraded, policy, milter };
}

t.test('policy: every answer is told to the listeners', async (t) => {
  const { told, policy } = serving(t);
  t.match(policy(recipientQuery('policy', '<bob@enc.example>'), peer), {
    verdict: { action: 'accept' },
    reply: null,
    holdReason: '',
  });
  const refused = policy(recipientQuery('policy', '<bob@enc.example>', PLAIN), peer);
  t.match(refused, { verdict: { action: 'reject' }, reply: { code: 530, text: /\[C2\]/ } });
  const held = policy(recipientQuery('policy', '<bob@held.example>', PLAIN), peer);
  t.match(held, { verdict: { action: 'hold' }, reply: null, holdReason: /^tlsward: .* \[C3\]$/ });
  t.match(told, [
    { code: 'C1', conn: 7, generation: 1, reply: null, notes: [] },
    { code: 'C2', reply: refused.reply, verdict: refused.verdict },
    { code: 'C3', reply: null },
  ]);
  t.equal(told.length, 3);
});

t.test('policy: one instance is decided by one table, and its recipients are remembered', async (t) => {
  const { service, policy, told } = serving(t);
  const first = policy(recipientQuery('policy', '<bob@free.example>', PLAIN, '1.2'), peer);
  t.equal(first.verdict.action, 'accept');
  service.active = activeBy(t, TABLE.replace('enc.example', 'free.example'));
  const again = policy(recipientQuery('policy', '<bob@free.example>', PLAIN, '1.2'), peer);
  t.equal(again.verdict.action, 'accept', 'by the table it began with');
  t.equal(again.table, first.table);
  const other = policy(recipientQuery('policy', '<bob@free.example>', PLAIN, '1.3'), { ...peer, conn: 8 });
  t.equal(other.verdict.action, 'reject', 'a new one by the new table');
  const unseen = { ...PLAIN, stage: 'DATA', recipients: [], unseenRecipients: true } as const;
  const query = { ...recipientQuery('policy', '<bob@free.example>', unseen, '1.2'), recipientCount: 2 };
  policy(query, peer);
  t.match(told.at(-1)?.transaction, {
    recipients: [{ mailbox: 'bob@free.example' }],
    unseenRecipients: false,
  });
  policy({ ...query, recipientCount: 3 }, peer);
  t.match(told.at(-1)?.transaction, { unseenRecipients: true }, 'more than were asked about');
});

t.test('policy: once its connection is closed, an instance holds no table, but its recipients', async (t) => {
  const { service, policy, told } = serving(t);
  policy(recipientQuery('policy', '<bob@free.example>', PLAIN, '1.2'), peer);
  service.active = activeBy(t, TABLE.replace('enc.example', 'free.example'));
  service.policyClosed({ ...peer });
  const open = policy(recipientQuery('policy', '<bob@free.example>', PLAIN, '1.2'), peer);
  t.equal(open.verdict.action, 'accept', 'another connection was closed');
  service.policyClosed(peer);
  const elsewhere = { ...peer, conn: 8 };
  const unseen = { ...PLAIN, stage: 'DATA', recipients: [], unseenRecipients: true } as const;
  const query = { ...recipientQuery('policy', '<bob@free.example>', unseen, '1.2'), recipientCount: 2 };
  const answer = policy(query, elsewhere);
  t.equal(answer.verdict.action, 'reject', 'by the table in force');
  t.match(told.at(-1)?.transaction, {
    recipients: [{ mailbox: 'bob@free.example' }],
    unseenRecipients: false,
  });
});

t.test('policy: what is asked about all recipients of a message can be interrupted', async (t) => {
  const { service, told } = serving(t);
  const { judge } = service.policy;
  for (let i = 0; i < 3200; i++) judge(recipientQuery('policy', `<u${i}@free.example>`, PLAIN, '1.2'), peer);
  const unseen = { ...PLAIN, stage: 'END-OF-MESSAGE', recipients: [], unseenRecipients: true } as const;
  const query = { ...recipientQuery('policy', '<x@free.example>', unseen, '1.2'), recipientCount: 3200 };
  const work = judge(query, peer);
  // what the table of a reload says does not concern a message that has begun
  service.active = activeBy(t, TABLE.replace('enc.example', 'free.example'));
  const before = told.length;
  let steps = 0;
  let answer: JudgeAnswer | null = null;
  if (isWork<JudgeAnswer>(work))
    for (let next = work.next(); answer === null; next = work.next(), steps++)
      if (next.done === true) answer = next.value;
  t.ok(steps > 100, `${steps} steps`);
  t.match(answer, { verdict: { action: 'accept' } });
  t.equal(told.length, before + 1);
  t.match(told.at(-1)?.transaction, { recipients: { length: 3200 }, unseenRecipients: false });
  t.notOk(isWork(judge(query, peer)), 'forgotten with its end');
  t.match(told.at(-1)?.transaction, { recipients: [], unseenRecipients: true });
});

t.test('milter: a recipient that stays is told of once, at the end of the message', async (t) => {
  const { told, milter } = serving(t);
  const kept = milter(recipientQuery('milter', '<bob@enc.example>'), peer);
  t.match(kept, { kind: 'judge', verdict: { action: 'accept' }, reply: null });
  t.equal(told.length, 0);
  const refused = milter(recipientQuery('milter', '<bob@enc.example>', PLAIN), peer);
  t.match(refused, { kind: 'judge', verdict: { action: 'reject' }, reply: { code: 530 } });
  t.equal(told.length, 1);
  const atEnd = milter(messageQuery(['<bob@enc.example>'], []), peer);
  t.match(atEnd, { kind: 'message', verdict: { action: 'accept' }, reply: null, routes: [] });
  t.equal(told.length, 2);
  t.notOk(told[1]?.route);
});

t.test('milter: a body is needed for rows with a body banner, or to look for forged ones', async (t) => {
  const rows = `[policy says]
banner = body
banner-text = Came over {protocol}.
[domains]
says.example = says
calm.example = may
`;
  const bodies = `banner-forged = leave\n${rows}`;
  const ignored = (config: string, path: string, from = '<alice@other.example>'): boolean => {
    const sender = parsePath(from) ?? NULL_ADDRESS;
    const answer = serving(t, config).milter(recipientQuery('milter', path, { sender }), peer);
    return 'ignoresBody' in answer;
  };
  t.notOk(ignored(bodies, '<bob@says.example>'));
  t.ok(ignored(bodies, '<bob@calm.example>'));
  t.ok(ignored(bodies, '<bob@other.example>'));
  t.notOk(ignored(bodies, '<bob@calm.example>', '<alice@says.example>'), "the sender's row has one");
  for (const how of ['remove', 'always'])
    t.notOk(ignored(`banner-forged = ${how}\n${rows}`, '<bob@calm.example>'), how);
  t.notOk(ignored(TABLE, '<bob@enc.example>'), 'where no row has one, no body is asked for');
});

t.test('milter: what a rule decides is part of the verdict', async (t) => {
  const { told, milter, service } = serving(t);
  let mta = '';
  service.sawMta = (name) => {
    mta = name;
  };
  const subject = [{ name: 'Subject', value: ' [secure]' }];
  const routed = milter(messageQuery(['<bob@good.example>'], subject), peer);
  t.match(routed, { verdict: { action: 'accept' }, reply: null });
  t.match(told[0], { code: 'C1', route: { rules: ['secure'], outcome: 'routed' } });
  t.equal(mta, 'Postfix 3.10.13');
  const stopped = milter(messageQuery(['<bob@good.example>'], subject, { shownRecipients: null }), peer);
  t.match(stopped, { verdict: { action: 'defer' }, reply: { code: 451 }, edits: [], routes: [] });
  t.match(told[1], { reply: { code: 451 }, route: { outcome: 'deferred' } });
});

t.test('milter: what an MTA does not offer is said once', async (t) => {
  const { degraded, milter, service } = serving(t);
  const query = { kind: 'events', missing: ['cannot hold'], changesRecipients: false } as const;
  t.equal(milter(query, peer), service.active.events);
  milter(query, { ...peer, conn: 8 });
  t.match(degraded, ['cannot hold', /^cannot change recipients/]);
  t.equal(degraded.length, 2);
});

t.test('a listener that throws leaves the question unanswered', async (t) => {
  const service = new VerdictService(
    activeBy(t, TABLE),
    () => 'C',
    { degraded: () => {} },
    {
      mayTell: () => true,
      tell: () => {
        throw new Error('disk full');
      },
    },
    new Routing(new FailedNextHops()),
  );
  const ask = () => service.policy.judge(recipientQuery('policy', '<bob@enc.example>'), peer);
  t.throws(ask, { message: 'disk full' });
});
