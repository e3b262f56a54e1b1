/**
 * Rules as they are loaded: every key to its value, in the order of the files; what is written without effect; what a reload
 * says of them. Mistakes are in bad/rules.
 */
import t from 'tap';
import type { Loaded } from '../../../src/config/load/load.ts';
import { loadInWorker, startReload } from '../../../src/config/load/loadInWorker.ts';
import { diffTables, NO_DIFFERENCE } from '../../../src/config/load/tableDiff.ts';
import type { Rule } from '../../../src/core/rule.ts';
import { noticesOf, problemsOf, TODAY, workbench } from '../configFixture.ts';

const SOCKETS = ['policy', 'milter', 'socketmap']
  .map((name) => `${name}-listen = unix:/run/${name}.sock\n`)
  .join('');
const HEAD = `[service]\n${SOCKETS}mark-key = k\npostfix-version = 3.11\n[domains]\n* = may\n`;

function rulesOf(loaded: Loaded): readonly Rule[] {
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.rules;
}

t.test('every key', (t) => {
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    `${HEAD}[rule full]
subject-tag = [Secure], [a\\;b], [c\\,d]
header = X-Secure, sensitivity :  Company  Confidential, X-Secure
requiretls = yes
reply-to-marked = yes
sender = Boss@Law.Example, .b\u00fccher.example, *, <>
recipient = GOV.example., [192.0.2.1]
user = Alice, *
deliver = verify
cannot = fallback
fallback = [Portal.Example]:Submission
request-requiretls = no
help = https://mail.example.org/secure
[rule least]
sender = *
`,
  );
  const [full, least, ...more] = rulesOf(bench.load());
  t.strictSame(more, []);
  t.strictSame(full, {
    name: 'full',
    at: { file: bench.path('tls.ini'), line: 9 },
    when: {
      subjectTags: [
        { text: '[Secure]', folded: '[secure]' },
        { text: '[a;b]', folded: '[a;b]' },
        { text: '[c,d]', folded: '[c,d]' },
      ],
      headers: [
        { name: 'x-secure', value: null },
        { name: 'sensitivity', value: 'Company  Confidential' },
      ],
      requireTls: true,
      replyToMarked: true,
      senders: ['boss@law.example', '.xn--bcher-kva.example', '*', '<>'],
      recipients: ['gov.example', '[192.0.2.1]'],
      users: ['alice', '*'],
    },
    level: 'verify',
    cannot: 'fallback',
    fallback: '[portal.example]:submission',
    requestRequireTls: false,
    help: 'https://mail.example.org/secure',
  });
  t.match(least, {
    level: 'encrypt',
    cannot: 'reject',
    fallback: null,
    help: null,
    requestRequireTls: false,
  });
  t.strictSame(least?.when.senders, ['*']);
  t.end();
});

t.test('next hops and transports', (t) => {
  const bench = workbench(t);
  const service = (lines: string) => {
    bench.write('tls.ini', `[service]\n${SOCKETS}${lines}[domains]\n* = may\n`);
    const loaded = bench.load();
    return loaded.ok ? loaded.service : problemsOf(loaded, bench.folder);
  };
  const hops = [
    ['', null],
    ['Relay.Example', 'relay.example'],
    ['relay.example:25', 'relay.example:25'],
    ['[relay.example]:587', '[relay.example]:587'],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['[2001:DB8::1]:25', '[2001:db8:0:0:0:0:0:1]:25'],
    ['[IPv6:2001:db8::1]', '[2001:db8:0:0:0:0:0:1]'],
  ] as const;
  for (const [text, want] of hops) t.match(service(`relayhost = ${text}\n`), { relayhost: want }, text);
  for (const text of ['.relay.example', '*', 'a@b.example', '<>', 'smtp:[relay.example]', '[a b]'])
    t.match(service(`relayhost = ${text}\n`), [/relayhost: found .*expected a next hop/], text);
  const defaults = { replyToken: 'no', messageRoute: 'recipient', routeHeader: 'X-TLS-Ward-Route' };
  t.match(service(''), { ...defaults, relayhost: null, remoteTransports: ['smtp', 'relay'] });
  t.match(service('remote-transports = smtp-amavis, relay\n'), {
    remoteTransports: ['smtp-amavis', 'relay'],
  });
  for (const [mark, banner, found] of [
    ['X-Ours', 'X-B', 'mark-name'],
    ['X-A', 'x-ours', 'banner-name'],
  ])
    t.match(service(`mark-name = ${mark}\nbanner-name = ${banner}\nroute-header = X-OURS\n`), [
      `tls.ini:7: [service] route-header: found the same name as ${found}, expected a name that is not used elsewhere`,
    ]);
  t.match(service('reply-token = always\n'), [/reply-token without mark-key/]);
  t.match(service('mark-binds = body\n'), [/mark-binds = body without mark-key/]);
  t.match(service('mark-binds = body\nmark-key = k\n'), { markBinds: 'body' });
  t.match(service('mark-binds = all\nmark-key = k\n'), [
    /\[service\] mark-binds: found "all", expected one of/,
  ]);
  t.match(service('mark-key = k\n'), { markBinds: 'session' });
  t.match(service('reply-token = unsigned\nmark-key = k\n'), { replyToken: 'unsigned' });
  t.end();
});

t.test('order of files', (t) => {
  const bench = workbench(t);
  const rule = (name: string) => `[rule ${name}]\nsender = *\n`;
  bench.write('tls.ini', `${HEAD.replace('mark-key', 'include = b.ini, a.ini\nmark-key')}${rule('one')}`);
  bench.write('a.ini', rule('four'));
  bench.write('b.ini', rule('two') + rule('three'));
  t.strictSame(
    rulesOf(bench.load()).map(({ name }) => name),
    ['one', 'two', 'three', 'four'],
  );
  bench.write('a.ini', rule('one'));
  t.strictSame(problemsOf(bench.load(), bench.folder), [
    `a.ini:1: [rule one]: found duplicate rule "one", expected each rule once (first defined at tls.ini:10)`,
  ]);
  t.end();
});

t.test('what has no effect is said', (t) => {
  const bench = workbench(t);
  const says = (head: string, rule: string, ...want: string[]) => {
    bench.write('tls.ini', `${head}[rule r]\n${rule}`);
    const loaded = bench.load();
    t.strictSame(problemsOf(loaded, bench.folder), [], rule);
    t.strictSame(
      noticesOf(loaded, bench.folder).map((line) => line.replace(/^tls\.ini:\d+: /, '')),
      want,
      rule,
    );
  };
  const noMilter = HEAD.replace(/milter-listen.*\n/, '');
  const none = 'has no effect, because there is no milter-listen';
  says(HEAD, 'subject-tag = [x]\n');
  says(
    noMilter,
    'subject-tag = [x]\nheader = X\nrequiretls = yes\nreply-to-marked = yes\nsender = *\n',
    ...[
      `[rule r] subject-tag: ${none}`,
      `[rule r] header: ${none}`,
      `[rule r] requiretls: ${none}`,
      `[rule r] reply-to-marked: ${none}`,
    ],
  );
  says(noMilter, 'sender = *\nrequiretls = no\n', `[rule r]: ${none}`);
  says(noMilter, 'sender = *\nrequest-requiretls = yes\n');
  says(HEAD, 'sender = *\nrequest-requiretls = yes\n');
  const asks = '[rule r] request-requiretls: has no effect, because';
  for (const version of ['3.10.4', '3.7'])
    says(
      HEAD.replace('3.11', version),
      'sender = *\nrequest-requiretls = yes\n',
      `${asks} postfix-version is below 3.11`,
    );
  says(HEAD.replace('3.11', '4.0'), 'sender = *\nrequest-requiretls = yes\n');
  says(
    HEAD.replace(/policy-listen.*\n/, ''),
    'sender = *\nrequest-requiretls = yes\n',
    `${asks} there is no policy-listen`,
  );
  says(
    HEAD,
    'header = X\nrequiretls = yes\nrequest-requiretls = yes\n',
    `${asks} the policy service, which asks for it, does not see header, requiretls`,
  );
  t.end();
});

t.test('recipients that are renamed need a way', (t) => {
  const bench = workbench(t);
  const head = HEAD.replace(/socketmap-listen.*\n/, '');
  bench.write('tls.ini', `${head}[rule a]\nsender = *\n[rule b]\nsender = *\n`);
  t.match(problemsOf(bench.load(), bench.folder), [
    /^tls\.ini:8: \[rule a\]: found message-route = recipient without/,
  ]);
  bench.write(
    'tls.ini',
    `${head.replace('mark-key', 'message-route = header\nmark-key')}[rule a]\nsender = *\n`,
  );
  t.strictSame(problemsOf(bench.load(), bench.folder), []);
  bench.write(
    'tls.ini',
    `${HEAD}${Array.from({ length: 1001 }, (_, i) => `[rule r${i}]\nsender = *\n`).join('')}`,
  );
  t.match(problemsOf(bench.load(), bench.folder), [/found 1001 rules, expected at most 1000/]);
  t.end();
});

t.test('a reload says what changed, and a worker gives what the loader gives', async (t) => {
  const bench = workbench(t);
  const write = (rules: string) => bench.write('tls.ini', `${HEAD}${rules}`);
  const file = write('[rule a]\nsubject-tag = [x]\n[rule b]\nsender = *\n[rule c]\nsender = *\n');
  const old = bench.load();
  t.strictSame(await loadInWorker(file, TODAY), old);
  const next = async (rules: string) => {
    write(rules);
    if (!old.ok) throw new Error('it loads');
    const { loaded, difference } = startReload(file, old.packed, TODAY, old.rules);
    t.ok((await loaded).ok);
    return await difference;
  };
  t.strictSame(
    await next('# moved\n[rule a]\nsubject-tag = [x]\n[rule b]\nsender = *\n[rule c]\nsender = *\n'),
    NO_DIFFERENCE,
    'where a rule stands does not matter',
  );
  const changed = await next(
    '[rule c]\nsender = *\n[rule a]\nsubject-tag = [x], [y]\ndeliver = verify\nhelp = h\n[rule d]\nsender = *\n',
  );
  t.strictSame(changed, {
    added: 0,
    removed: 0,
    changed: 0,
    rules: 4,
    lines: [
      'rule a: subject-tag [x] → [x], [y], deliver encrypt → verify, help nothing → h',
      '+ rule d: encrypt',
      '- rule b: encrypt',
      'rules now in the order c, a, d',
    ],
  });
  if (old.ok) t.strictSame(diffTables(old.packed, old.packed, old.rules, old.rules), NO_DIFFERENCE);
});
