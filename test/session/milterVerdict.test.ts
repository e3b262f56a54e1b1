/** The verdict in the protocol's words: the whole table, and what each missing right makes of it. */
import t from 'tap';
import type { Edit } from '../../src/core/messageEdit.ts';
import type { PolicyTable } from '../../src/core/table.ts';
import { type Action, accepted } from '../../src/core/verdict.ts';
import { BodyDigest } from '../../src/mark/bodyDigest.ts';
import {
  agree,
  changesRecipients,
  degradations,
  MACRO_LISTS,
  ROUTING_MACRO_LISTS,
} from '../../src/session/milterNegotiation.ts';
import { MILTER_LIMITS } from '../../src/session/milterState.ts';
import { CANNOT_HOLD, repliesToMessage, replyToRecipient } from '../../src/session/milterVerdict.ts';
import type { EventsAnswer, JudgeAnswer, MessageAnswer } from '../../src/session/queries.ts';
import { encodeReply, type MilterReply } from '../../src/wire/milterEncode.ts';
import { bitNames, SMFIF, SMFIP } from '../../src/wire/milterNames.ts';

const ALL = 0x1ff;
const REFUSAL = { code: 550, dsn: '5.7.5', text: 'no' };
const DELAY = { code: 450, dsn: '4.7.5', text: 'later' };

function judged(action: Action, reply: JudgeAnswer['reply'] = null): JudgeAnswer {
  const table = {} as PolicyTable;
  return { kind: 'judge', verdict: { ...accepted('no-mail'), action }, table, reply, holdReason: '' };
}

function message(
  action: Action,
  edits: readonly Edit[],
  reply: MessageAnswer['reply'] = null,
  routes: readonly Edit[] = [],
): MessageAnswer {
  return {
    kind: 'message',
    verdict: { ...accepted('no-mail'), action },
    reply,
    holdReason: 'why',
    edits,
    routes,
  };
}

const MARK: readonly Edit[] = [
  { kind: 'deleteHeader', name: 'X-Mark', index: 2 },
  { kind: 'insertHeader', name: 'X-Mark', index: 1, value: 'v' },
];
const EVERY: readonly Edit[] = [
  { kind: 'replaceBody', chunks: [Uint8Array.of(120)] },
  { kind: 'changeHeader', name: 'Subject', index: 1, value: 's' },
  ...MARK,
  { kind: 'addHeader', name: 'X-More', value: 'm' },
];

/** In one word each: `CONTINUE`, `y550 5.7.5 no`, `CHGHEADER`. */
function said(replies: readonly MilterReply[]): string {
  for (const reply of replies) encodeReply(reply);
  return replies.map((reply) => (reply.kind === 'REPLYCODE' ? `y${reply.text}` : reply.kind)).join(', ');
}

t.test('the table', async (t) => {
  const is = (
    action: Action,
    actions: number,
    reply: JudgeAnswer['reply'],
    atRcpt: string,
    atEnd: string,
  ): void => {
    const name = `${action} with ${bitNames(SMFIF, actions)}`;
    t.equal(said([replyToRecipient(judged(action, reply), actions)]), atRcpt, `${name} at RCPT`);
    t.equal(said(repliesToMessage(message(action, MARK, reply), actions)), atEnd, `${name} at the end`);
  };
  const noHold = 'y451 4.3.5 The mail server does not let its filter hold messages';
  is('accept', ALL, null, 'CONTINUE', 'CHGHEADER, INSHEADER, CONTINUE');
  is('accept', 0, null, 'CONTINUE', 'CONTINUE');
  is('hold', ALL, null, 'CONTINUE', 'CHGHEADER, INSHEADER, QUARANTINE, CONTINUE');
  is('hold', SMFIF.QUARANTINE, null, 'CONTINUE', 'QUARANTINE, CONTINUE');
  is('hold', ALL & ~SMFIF.QUARANTINE, null, noHold, noHold);
  is('defer', ALL, DELAY, 'y450 4.7.5 later', 'y450 4.7.5 later');
  is('defer', 0, DELAY, 'y450 4.7.5 later', 'y450 4.7.5 later');
  is('reject', ALL, REFUSAL, 'y550 5.7.5 no', 'y550 5.7.5 no');
  is('reject', 0, REFUSAL, 'y550 5.7.5 no', 'y550 5.7.5 no');
  // a verdict without words still refuses
  is('defer', ALL, null, 'TEMPFAIL', 'TEMPFAIL');
  is('reject', ALL, null, 'REJECT', 'REJECT');
  t.match(CANNOT_HOLD, { kind: 'REPLYCODE' });
});

t.test('edits by the right they need', async (t) => {
  const is = (actions: number, want: string): void => {
    t.equal(said(repliesToMessage(message('accept', EVERY), actions)), want, bitNames(SMFIF, actions));
  };
  is(ALL, 'REPLBODY, CHGHEADER, CHGHEADER, INSHEADER, ADDHEADER, CONTINUE');
  is(SMFIF.ADDHDRS, 'INSHEADER, ADDHEADER, CONTINUE');
  is(SMFIF.CHGHDRS, 'CHGHEADER, CHGHEADER, CONTINUE');
  is(SMFIF.CHGBODY, 'REPLBODY, CONTINUE');
  is(0, 'CONTINUE');
});

const MOVE: readonly Edit[] = [
  {
    kind: 'addRecipient',
    path: '<b@good.example.tlsward-encrypt>',
    parameters: 'ORCPT=rfc822;b@good.example',
  },
  { kind: 'deleteRecipient', path: '<b@good.example>' },
];
const HEADER: readonly Edit[] = [{ kind: 'insertHeader', index: 1, name: 'X-Route', value: 'encrypt' }];

t.test('a rule that the MTA lets us carry out, and one that it does not', async (t) => {
  const noRoute =
    'y451 4.3.5 The mail server does not let its filter route this message as its rule requires (milter_protocol = 6)';
  const is = (routes: readonly Edit[], actions: number, accept: string, hold: string): void => {
    const name = `${routes[0]?.kind} with ${bitNames(SMFIF, actions)}`;
    t.equal(said(repliesToMessage(message('accept', MARK, null, routes), actions)), accept, name);
    t.equal(said(repliesToMessage(message('hold', MARK, null, routes), actions)), hold, `${name}, held`);
  };
  const moved = 'CHGHEADER, INSHEADER, ADDRCPT_PAR, DELRCPT';
  is(MOVE, ALL, `${moved}, CONTINUE`, `${moved}, QUARANTINE, CONTINUE`);
  is(MOVE, ALL & ~SMFIF.ADDRCPT_PAR, noRoute, noRoute);
  is(MOVE, ALL & ~SMFIF.DELRCPT, noRoute, noRoute);
  is(
    MOVE,
    ALL & ~SMFIF.ADDHDRS,
    'CHGHEADER, ADDRCPT_PAR, DELRCPT, CONTINUE',
    'CHGHEADER, ADDRCPT_PAR, DELRCPT, QUARANTINE, CONTINUE',
  );
  is(
    HEADER,
    ALL,
    'CHGHEADER, INSHEADER, INSHEADER, CONTINUE',
    'CHGHEADER, INSHEADER, INSHEADER, QUARANTINE, CONTINUE',
  );
  is(HEADER, ALL & ~SMFIF.ADDHDRS, noRoute, noRoute);
  t.equal(
    said(repliesToMessage(message('reject', [], REFUSAL, MOVE), 0)),
    'y550 5.7.5 no',
    'a refusal needs no right',
  );
  const plain: Edit = { kind: 'addRecipient', path: '<b@good.example>', parameters: '' };
  t.equal(said(repliesToMessage(message('accept', [], null, [plain]), SMFIF.ADDRCPT)), 'ADDRCPT, CONTINUE');
  t.equal(
    said(repliesToMessage(message('accept', [plain, ...MOVE]), 0)),
    'CONTINUE',
    'edits that may be left out are',
  );
});

t.test('what cannot be said throws while the MTA still waits', async (t) => {
  const bad = (edit: Edit): void => {
    t.throws(() => repliesToMessage(message('accept', [edit]), ALL), RangeError, JSON.stringify(edit));
  };
  bad({ kind: 'addHeader', name: 'X', value: 'a\nb' });
  bad({ kind: 'insertHeader', index: 1, name: 'X\r\nY', value: 'a' });
  bad({ kind: 'changeHeader', index: 0, name: 'X', value: 'a' });
  bad({ kind: 'deleteHeader', index: -1, name: 'X' });
  bad({ kind: 'addRecipient', path: '<a@b.example,c@d.example>', parameters: '' });
  bad({ kind: 'addRecipient', path: '<a@b.example>', parameters: 'SIZE=1' });
  bad({ kind: 'deleteRecipient', path: 'a\0' });
  t.throws(
    () => replyToRecipient(judged('reject', { code: 250, dsn: '2.0.0', text: 'ok' }), ALL),
    RangeError,
  );
  t.throws(
    () => replyToRecipient(judged('reject', { code: 550, dsn: '4.7.0', text: 'no' }), ALL),
    RangeError,
  );
});

t.test('negotiation: what is wanted, by what the table needs', async (t) => {
  const settle = (offer: readonly [number, number, number], events: Partial<EventsAnswer>): string => {
    const [version, actions, protocol] = offer;
    const all: EventsAnswer = {
      kind: 'events',
      judges: true,
      headers: 'none',
      bodyLimitBytes: 0,
      routes: 'none',
      ...events,
    };
    const { agreement, reply } = agree({ limits: MILTER_LIMITS, version, actions, protocol }, all);
    t.equal(reply.actions & ~actions, 0, 'no action that was not offered');
    t.equal(reply.protocol & ~protocol, 0, 'no bit that was not offered');
    t.match(agreement, { version: reply.version, actions: reply.actions, protocol: reply.protocol });
    t.equal(agreement.listsSent, reply.macroLists.length > 0);
    return `${reply.version} ${bitNames(SMFIF, reply.actions)} ${bitNames(SMFIP, reply.protocol)} ${reply.macroLists.length}`;
  };
  const full = [6, 0x1ff, 0x1fffff] as const;
  const always = 'NR_CONN|NR_HELO|NR_MAIL';
  const never = 'NR_DATA|NR_UNKN|NR_EOH|NR_BODY';
  t.equal(
    settle(full, {}),
    `6 ADDHDRS|CHGHDRS|QUARANTINE|SETSYMLIST NOBODY|NOHDRS|NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
  );
  t.equal(
    settle(full, { judges: false }),
    `6 ADDHDRS|CHGHDRS|QUARANTINE|SETSYMLIST NOBODY|NOHDRS|NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|NR_RCPT|${never} 7`,
  );
  t.equal(
    settle(full, { headers: ['x-mark'] }),
    `6 ADDHDRS|CHGHDRS|QUARANTINE|SETSYMLIST NOBODY|NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
  );
  t.equal(
    settle(full, { headers: 'all', bodyLimitBytes: 1 }),
    `6 ADDHDRS|CHGBODY|CHGHDRS|QUARANTINE|SETSYMLIST NOEOH|NR_HDR|NOUNKNOWN|NODATA|SKIP|${always}|NR_DATA|NR_UNKN|NR_EOH 7`,
  );
  t.equal(
    settle([6, 0x1ff, 0x1fffff & ~SMFIP.SKIP], { headers: 'all', bodyLimitBytes: 1 }),
    `6 ADDHDRS|CHGBODY|CHGHDRS|QUARANTINE|SETSYMLIST NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
    'a body that cannot be skipped is not answered either',
  );
  for (const [bodyLimitBytes, right] of [
    [0, ''],
    [1, 'CHGBODY|'],
  ] as const)
    t.equal(
      settle(full, { headers: 'all', bodyLimitBytes, bodyDigest: BodyDigest.start }),
      `6 ADDHDRS|${right}CHGHDRS|QUARANTINE|SETSYMLIST NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
      'a body whose digest is wanted is seen to its end, without answers',
    );
  t.equal(
    settle(full, { routes: 'recipient' }),
    `6 ADDHDRS|ADDRCPT|DELRCPT|CHGHDRS|QUARANTINE|ADDRCPT_PAR|SETSYMLIST NOBODY|NOHDRS|NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
  );
  t.equal(
    settle(full, { routes: 'header' }),
    `6 ADDHDRS|CHGHDRS|QUARANTINE|SETSYMLIST NOBODY|NOHDRS|NOEOH|NR_HDR|NOUNKNOWN|NODATA|${always}|${never} 7`,
    'a header needs no right to recipients',
  );
  t.equal(settle([2, 0x3f, 0x7f], {}), '2 ADDHDRS|CHGHDRS|QUARANTINE NOBODY|NOHDRS|NOEOH 0');
  t.equal(settle([3, 0x3f, 0x17f], {}), '3 ADDHDRS|CHGHDRS|QUARANTINE NOBODY|NOHDRS|NOEOH|NOUNKNOWN 0');
  t.equal(
    settle([4, 0x3f, 0x37f], {}),
    '4 ADDHDRS|CHGHDRS|QUARANTINE NOBODY|NOHDRS|NOEOH|NOUNKNOWN|NODATA 0',
  );
  t.equal(settle([5, 0x100, 0], {}), '5 SETSYMLIST 0 7');
  t.equal(settle([6, 0, 0], {}), '6 0 0 0');
});

t.test('with rules the MTA is asked where each recipient goes', async (t) => {
  const offer = { limits: MILTER_LIMITS, version: 6, actions: ALL, protocol: 0x1fffff };
  const events = { kind: 'events', judges: true, headers: 'none', bodyLimitBytes: 0 } as const;
  for (const [routes, lists] of [
    ['none', MACRO_LISTS],
    ['recipient', ROUTING_MACRO_LISTS],
    ['header', ROUTING_MACRO_LISTS],
  ] as const) {
    const { reply, agreement } = agree(offer, { ...events, routes });
    t.equal(reply.macroLists, lists, routes);
    t.equal(agreement.routes, routes);
  }
  t.strictSame(
    ROUTING_MACRO_LISTS.filter((list) => !MACRO_LISTS.includes(list)),
    [
      { stage: 2, names: `${MACRO_LISTS[2]?.names} {tlsward_fence} {tlsward_filter}` },
      { stage: 3, names: 'i {rcpt_mailer} {rcpt_host}' },
    ],
  );
  t.ok(changesRecipients(ALL));
  for (const right of [SMFIF.ADDRCPT, SMFIF.ADDRCPT_PAR, SMFIF.DELRCPT])
    t.notOk(changesRecipients(ALL & ~right));
});

t.test('macro lists: every stage once, none empty, few enough for Sendmail', async (t) => {
  t.strictSame(MACRO_LISTS.map(({ stage }) => stage).sort(), [0, 1, 2, 3, 4, 5, 6]);
  for (const { names } of MACRO_LISTS) {
    const list = names.split(' ');
    t.match(names, /^(\{[a-z_]+\}|[a-z])( (\{[a-z_]+\}|[a-z]))*$/, names);
    t.ok(list.length < 50, `${list.length} names`);
    t.equal(new Set(list).size, list.length, 'no name twice');
  }
  const [connect, helo, mail] = MACRO_LISTS.map(({ names }) => names);
  for (const name of helo?.split(' ') ?? []) t.ok(mail?.split(' ').includes(name), `${name} at MAIL too`);
  t.ok(mail?.includes('{client_addr}'), 'the proof');
  t.notOk(helo?.includes('{client_addr}'));
  t.match(connect, /\bj\b.*\bv\b/);
});

t.test('what an MTA cannot do, in words', async (t) => {
  t.strictSame(degradations(ALL), []);
  t.equal(degradations(0).length, 4);
  t.match(degradations(ALL & ~SMFIF.QUARANTINE), [/hold.*deferred/]);
});
