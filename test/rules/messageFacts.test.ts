/** Header fields, MAIL parameters and keys in; what rules look at out. Subjects as people read them. */
import { test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import type { HeaderField } from '../../src/core/messageEdit.ts';
import type { Rule } from '../../src/core/rule.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { skeleton } from '../../src/mail/confusables.ts';
import { makeReplyToken } from '../../src/mark/replyToken.ts';
import { needsOf } from '../../src/rules/matchRules.ts';
import { type FactsInput, headerNamesFor, messageFacts } from '../../src/rules/messageFacts.ts';
import { key } from '../mark/sample.ts';

function rule(when: Partial<Rule['when']>): Rule {
  const none = { subjectTags: [], headers: [], requireTls: false, replyToMarked: false };
  const nobody = { senders: [], recipients: [], users: [] };
  const rest = {
    level: 'encrypt',
    cannot: 'reject',
    fallback: null,
    requestRequireTls: false,
    help: null,
  } as const;
  return { name: 'r', at: { file: 't.ini', line: 1 }, when: { ...none, ...nobody, ...when }, ...rest };
}

const TAGGED = rule({ subjectTags: [{ text: '[Secure]', folded: skeleton('[Secure]') }] });
const NAMED = rule({ headers: [{ name: 'sensitivity', value: 'private' }] });
const REPLY = rule({ replyToMarked: true });
const ASKED = rule({ requireTls: true });

function input(headers: readonly HeaderField[] | null, some: Partial<FactsInput> = {}): FactsInput {
  const envelope = { sender: parsePath('<a@our.example>'), recipients: [parsePath('<b@bank.example>')] };
  return { ...envelope, user: '', mailParameters: [], headers, keys: [], ...some };
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const applies = (rules: Rule[], one: FactsInput): boolean =>
  allAtOnce(needsOf(rules, messageFacts(rules, one)))[0] !== null;

test('a tag is what a reader takes for it', async (t) => {
  const yes = [
    '[Secure] offer',
    '[SECURE]offer',
    'RE: AW: [secure] offer',
    'offer [secure]',
    latin1('［ＳＥＣＵＲＥ］ offer'),
    latin1('[Sеcure] offer'), // a Cyrillic letter
    '=?utf-8?B?W1NlY3VyZV0gb2ZmZXI=?=',
    '=?utf-8?Q?=5Bsec?=\n =?utf-8?Q?ure=5D_offer?=',
    '=?iso-8859-1?q?[s?= =?utf-8?b?ZWN1cmVd?=',
    ' [sec\n ure]',
    '[s e c u r e]',
  ];
  const no = ['offer', 'secure', '(secure)', '[secured]', '[sec] [ure]', '=?utf-8?Q?=5Bsec?= re', ''];
  for (const value of yes) t.ok(applies([TAGGED], input([{ name: 'Subject', value }])), value);
  for (const value of no) t.notOk(applies([TAGGED], input([{ name: 'Subject', value }])), value);
  const two = [
    { name: 'Subject', value: 'offer' },
    { name: 'SUBJECT ', value: '[secure]' },
  ];
  t.ok(applies([TAGGED], input(two)), 'of several subjects any counts: which is shown nobody knows');
  t.notOk(applies([TAGGED], input([{ name: 'X-Subject', value: '[secure]' }])));
  t.notOk(applies([TAGGED], input(null)));
});

test('long subjects are read as far as the limit', async (t) => {
  const subject = (value: string) => ({ name: 'Subject', value });
  t.ok(applies([TAGGED], input([subject(`${'x'.repeat(16_000)}[secure]`)])));
  t.notOk(applies([TAGGED], input([subject(`${'x'.repeat(17_000)}[secure]`)])));
  const long = Array.from({ length: 4 }, () => subject('x'.repeat(16_384)));
  t.notOk(applies([TAGGED], input([...long, subject('[secure]')])));
  t.ok(applies([TAGGED], input([...long.slice(1), subject('[secure]')])));
});

test('header fields, parameters, logins', async (t) => {
  t.ok(applies([NAMED], input([{ name: 'SENSITIVITY', value: ' Private' }])));
  t.notOk(applies([NAMED], input([{ name: 'Sensitivity', value: 'personal' }])));
  t.ok(applies([ASKED], input(null, { mailParameters: ['SIZE=9', 'requireTLS'] })));
  t.notOk(applies([ASKED], input(null, { mailParameters: ['SIZE=9', 'REQUIRETLS=1', 'XREQUIRETLS'] })));
  t.equal(messageFacts([NAMED], input(null, { user: 'x' })).user, 'x');
});

test('a reply to protected mail', async (t) => {
  const token = makeReplyToken('bank.example', 'AB12', Date.UTC(2026, 10, 20), [key(1)], 'mx.our.example');
  const reply = (name: string, to: string, keys = [key(1)]) =>
    applies([REPLY], input([{ name, value: `<x@y> ${token}` }], { keys, recipients: [parsePath(to)] }));
  t.ok(reply('References', '<bob@bank.example>'));
  t.ok(reply('in-reply-TO', '<bob@Bank.Example.>'));
  t.ok(reply('References', '<bob%bank.example@relay.example>'), 'a reading of the address');
  t.notOk(reply('References', '<bob@other.example>'));
  t.notOk(reply('References', '<bob@sub.bank.example>'));
  t.notOk(reply('References', '<bob@bank.example>', [key(2)]));
  t.notOk(reply('References', '<bob@bank.example>', []));
  t.notOk(reply('Subject', '<bob@bank.example>'));
  const both = input([{ name: 'References', value: token }], {
    keys: [key(1)],
    recipients: ['<b@bank.example>', '<c@elsewhere.example>'].map(parsePath),
  });
  const needs = allAtOnce(needsOf([REPLY], messageFacts([REPLY], both)));
  t.same(
    needs.map((need) => need?.level),
    ['encrypt', 'encrypt'],
    'what is quoted goes to both',
  );
});

test('what must be shown is what rules look at, and nothing else is worked out', async (t) => {
  t.same(headerNamesFor([]), []);
  t.same(headerNamesFor([ASKED]), []);
  t.same(headerNamesFor([TAGGED, NAMED, REPLY, TAGGED]), [
    'subject',
    'sensitivity',
    'references',
    'in-reply-to',
  ]);
  const fields = [
    { name: 'Subject', value: '[secure]' },
    { name: 'Received', value: 'x' },
  ];
  const facts = messageFacts([NAMED], input(fields));
  t.same([facts.subjects, facts.headers, facts.repliesTo], [[], [], []]);
});
