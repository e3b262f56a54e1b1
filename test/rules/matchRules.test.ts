/**
 * Which rules apply to whom: one line a condition and message, then several rules, readings of broken addresses, and the
 * properties that rules only raise and that the order of recipients is kept.
 */
import { test } from 'tap';
import { type EnvelopeAddress, parsePath } from '../../src/core/address.ts';
import { nameMatches } from '../../src/core/domain.ts';
import type { MessageFacts, Need, Rule, RuleConditions } from '../../src/core/rule.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { needsOf } from '../../src/rules/matchRules.ts';

const NO_CONDITION: RuleConditions = {
  subjectTags: [],
  headers: [],
  requireTls: false,
  replyToMarked: false,
  senders: [],
  recipients: [],
  users: [],
};

function rule(when: Partial<RuleConditions>, some: Partial<Rule> = {}): Rule {
  return {
    name: 'r',
    at: { file: 't.ini', line: 1 },
    when: { ...NO_CONDITION, ...when },
    level: 'encrypt',
    cannot: 'reject',
    fallback: null,
    requestRequireTls: false,
    help: null,
    ...some,
  };
}

function facts(some: Partial<MessageFacts> = {}, recipients = ['<bob@bank.example>']): MessageFacts {
  return {
    sender: parsePath('<alice@our.example>'),
    user: 'Alice',
    requireTls: false,
    subjects: [],
    headers: [],
    repliesTo: [],
    recipients: recipients.map(parsePath),
    ...some,
  };
}

const secure = { text: '[Secure]', folded: '[secure]' };
const german = { text: '[vertraulich]', folded: '[vertraulich]' };
const field = (name: string, value: string) => ({ headers: [{ name, value }] });
const from = (path: string) => ({ sender: parsePath(path) });

/** The longest value that a rule can have. */
const LONG = 'a '.repeat(500).trim().padEnd(1000, 'b');

type Line = readonly [Partial<RuleConditions>, Partial<MessageFacts>, because: string | null];
const LINES: readonly Line[] = [
  [{ subjectTags: [secure] }, {}, null],
  [{ subjectTags: [secure] }, { subjects: ['offer'] }, null],
  [{ subjectTags: [secure] }, { subjects: ['re:[secure]offer'] }, 'the subject has [Secure]'],
  [{ subjectTags: [secure, german] }, { subjects: ['a', '[vertraulich]'] }, 'the subject has [vertraulich]'],
  [{ headers: [{ name: 'x-a', value: null }] }, field('x-b', 'y'), null],
  [{ headers: [{ name: 'x-a', value: null }] }, field('x-a', ''), 'there is a header x-a'],
  [
    { headers: [{ name: 'x-a', value: 'Yes please' }] },
    field('x-a', ' yes\n\t PLEASE '),
    'there is a header x-a: Yes please',
  ],
  [{ headers: [{ name: 'x-a', value: 'yes' }] }, field('x-a', 'yes, but'), null],
  [
    { headers: [{ name: 'x-a', value: 'yes' }] },
    field('x-a', `${' '.repeat(20_000)}yes${'\n '.repeat(20_000)}`),
    'there is a header x-a: yes',
  ],
  [{ headers: [{ name: 'x-a', value: 'yes' }] }, field('x-a', `yes${' '.repeat(20_000)}but`), null],
  [
    { headers: [{ name: 'x-a', value: LONG }] },
    field('x-a', LONG.toUpperCase()),
    `there is a header x-a: ${LONG}`,
  ],
  [{ headers: [{ name: 'x-a', value: LONG }] }, field('x-a', `${LONG} a`), null],
  [{ headers: [{ name: 'x-a', value: LONG }] }, field('x-a', `${LONG}${' b'.repeat(20_000)}`), null],
  [
    {
      headers: [
        { name: 'x-a', value: 'yes' },
        { name: 'x-b', value: null },
      ],
    },
    field('x-b', 'no'),
    'there is a header x-b',
  ],
  [{ requireTls: true }, {}, null],
  [{ requireTls: true }, { requireTls: true }, 'the author asked for REQUIRETLS'],
  [{ replyToMarked: true }, {}, null],
  [
    { replyToMarked: true },
    { repliesTo: ['bank.example'] },
    'it is a reply to mail of bank.example that arrived protected',
  ],
  [{ senders: ['our.example'] }, {}, 'the sender is in our.example'],
  [{ senders: ['.our.example'] }, {}, null],
  [{ senders: ['.our.example'] }, from('<a@x.y.our.example>'), 'the sender is in .our.example'],
  [{ senders: ['alice@our.example'] }, from('<Alice@OUR.example.>'), 'the sender is in alice@our.example'],
  [{ senders: ['alice@our.example'] }, from('<carol@our.example>'), null],
  [{ senders: ['*'] }, {}, 'the sender is *'],
  [{ senders: ['*'] }, from('<postmaster>'), 'the sender is *'],
  [{ senders: ['*'] }, from('<>'), null],
  [{ senders: ['<>'] }, from('<>'), 'the sender is <>'],
  [{ senders: ['<>'] }, {}, null],
  // broken addresses: what one reading could be counts
  [{ senders: ['our.example'] }, from('<a@our.example(x)@evil.example>'), 'the sender is in our.example'],
  [{ senders: ['our.example'] }, from('<a%our.example@evil.example>'), 'the sender is in our.example'],
  [{ senders: ['.our.example'] }, from('<a@b@sub.our.example>'), 'the sender is in .our.example'],
  [{ senders: ['our.example'] }, from('<a@b@>'), null],
  [{ senders: ['[192.0.2.1]'] }, from('<a@[192.0.2.1]>'), 'the sender is in [192.0.2.1]'],
  [{ users: ['alice'] }, {}, 'the author logged in as alice'],
  [{ users: ['bob'] }, {}, null],
  [{ users: ['*'] }, {}, 'the author logged in'],
  [{ users: ['*'] }, { user: '' }, null],
  [{ users: ['*'], senders: ['our.example'] }, {}, 'the sender is in our.example, the author logged in'],
  [{ users: ['*'], senders: ['their.example'] }, {}, null],
  [{ recipients: ['bank.example'] }, {}, 'the recipient is in bank.example'],
  [{ recipients: ['.bank.example', 'bob@bank.example'] }, {}, 'the recipient is in bob@bank.example'],
  [{ recipients: ['other.example'] }, {}, null],
  [{ recipients: ['*'], users: ['*'] }, {}, 'the author logged in, the recipient is in *'],
];

test('each condition, alone and with others', async (t) => {
  for (const [when, some, because] of LINES) {
    const [need] = allAtOnce(needsOf([rule(when)], facts(some)));
    t.same(need?.because ?? null, because === null ? null : [because], JSON.stringify([when, some]));
  }
});

test('what a rule says of one recipient it does not say of another', async (t) => {
  const rules = [
    rule({ recipients: ['bank.example'], subjectTags: [secure] }, { name: 'one' }),
    rule({ subjectTags: [secure] }, { name: 'two', level: 'verify' }),
    rule({ recipients: ['*'], subjectTags: [german] }, { name: 'three', level: 'verify' }),
    rule({ users: ['*'] }, { name: 'four' }),
  ];
  const names = (needs: readonly (Need | null)[]) =>
    needs.map((need) =>
      need === null ? '-' : `${need.level} ${need.rules.map(({ name }) => name).join(' ')}`,
    );
  const to = ['<a@bank.example>', '<b@x.example>'];
  t.same(names(allAtOnce(needsOf(rules, facts({ subjects: ['[secure]'] }, to)))), [
    'verify two one four',
    'verify two four',
  ]);
  t.same(names(allAtOnce(needsOf(rules, facts({}, to)))), ['encrypt four', 'encrypt four']);
  t.same(names(allAtOnce(needsOf(rules, facts({ user: '' }, to)))), ['-', '-']);
  t.same(allAtOnce(needsOf(rules, facts({}, []))), []);
  t.same(allAtOnce(needsOf([], facts({}, to))), [null, null]);
});

test('a further rule never lowers', async (t) => {
  const all = LINES.map(([when], i) =>
    rule(when, { name: `r${i}`, level: i % 2 === 0 ? 'encrypt' : 'verify' }),
  );
  const rank = { none: 0, encrypt: 1, verify: 2 };
  for (const [, some] of LINES) {
    let before = 0;
    for (let count = 0; count <= all.length; count++) {
      const [need] = allAtOnce(needsOf(all.slice(0, count), facts(some)));
      const now = rank[need?.level ?? 'none'];
      if (now < before) t.fail(`rule ${count} lowered`);
      t.ok((need?.rules.length ?? 0) === (need?.because.length ?? 0));
      before = now;
    }
  }
});

test('the first pattern that any reading is in, however they are looked up', async (t) => {
  const isIn = (pattern: string, { kind, mailbox, readings }: EnvelopeAddress): boolean => {
    if (kind === 'null') return pattern === '<>';
    if (pattern === '*') return true;
    return (mailbox === '' ? readings : [mailbox, ...readings]).some((reading) =>
      pattern.includes('@') ? reading === pattern : nameMatches(pattern, reading.replace(/^.*@/, '')),
    );
  };
  const domains = ['a.example', 'b.a.example', 'c.b.a.example', 'example', 'xa.example', '[192.0.2.1]'];
  const patterns = ['*', '<>', ...domains, ...domains.map((d) => `.${d}`), ...domains.map((d) => `u@${d}`)];
  const paths = [
    '<>',
    '<u>',
    '<postmaster>',
    '<u@.a.example>',
    '<u@a.example.>',
    '<"x@b.a.example"@a.example>',
  ];
  for (const d of domains) paths.push(`<u@${d}>`, `<v@${d}>`, `<u%${d}@our.example>`, `<u@x@${d}>`);
  for (const path of paths) {
    const address = parsePath(path);
    for (let i = 0; i < patterns.length; i++) {
      const list = [...patterns.slice(i), patterns[(i * 7) % patterns.length]!].filter(
        (_, j) => j % 3 !== i % 2,
      );
      const wanted = list.find((pattern) => isIn(pattern, address));
      const [need] = allAtOnce(needsOf([rule({ recipients: list })], facts({}, [path])));
      const found = need?.because[0]?.replace('the recipient is in ', '');
      if (found !== wanted) t.fail(`${path}: ${found}, not ${wanted}, of ${list.join(' ')}`);
    }
  }
  t.ok(paths.length > 20);
});

test('recipients with many readings and rules with many patterns take turns with other work', async (t) => {
  const names = Array.from({ length: 30 }, (_, i) => `u@a${i}.b${i}.example`).join('%');
  const to = Array.from({ length: 200 }, (_, i) => `<"${names}${i}"@our.example>`);
  const recipients = Array.from({ length: 900 }, (_, i) => `x${i}.example`);
  let steps = 0;
  let readings = 0;
  let looked = 0;
  const asked = facts({}, to);
  for (const one of asked.recipients) readings += one.readings.length;
  const counting = new Proxy(recipients, {
    get: (list, key) => {
      looked++;
      return Reflect.get(list, key) as unknown;
    },
  });
  for (const _ of needsOf([rule({ recipients: counting })], asked)) steps++;
  t.ok(readings > 5000, `${readings} readings`);
  t.ok(steps > readings / 600, `${steps} steps`);
  t.ok(looked < readings, `${looked} times a pattern was read: not once for each reading`);
});
