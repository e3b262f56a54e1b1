/**
 * Messages that rules speak of, and what Postfix makes of them behind the milter: aliases of every kind, copies, canonical
 * addresses, what local(8) sends on. Every copy that leaves is counted, with what its server saw: the level of the rule holds
 * for each, or it came back, was held or went to the gateway; local ones arrive, and ordinary mail is as ever.
 */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { until } from './harness/deadline.ts';
import { startContentFilter } from './harness/peers/content-filter.ts';
import { freePorts } from './harness/processes.ts';
import { e2eSkip } from './harness/requirements.ts';
import {
  AUTHOR,
  fieldOf,
  type MessageScene,
  messageScene,
  NEIGHBOUR,
  SECRET,
} from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';
const BACK = 'tlsward-encrypt 5.7.4 bounced';
const SENT = 'tlsward-encrypt 2.0.0 sent';
const HERE = 'virtual 2.0.0 sent';
const FENCED = 'smtp 5.7.10 bounced';

/** Sends one message and compares how each copy of it ended; resolves to the queue id. */
async function ends(
  x: MessageScene,
  t: Test,
  to: string | readonly string[],
  want: Readonly<Record<string, string>>,
  post: { readonly from?: string; readonly subject?: string } = {},
): Promise<string> {
  const id = await x.accepted(t, { to, subject, ...post });
  const found: Record<string, string> = {};
  for (const address of Object.keys(want)) found[address] = await x.outcome(id, address);
  t.strictSame(found, want, `to ${to}`);
  return id;
}

/** The server got envelopes at most: no whole message, and nothing that its author wrote. */
function unread(x: MessageScene, t: Test): void {
  const { messages, clear } = x.sink('plain');
  t.strictSame(messages, []);
  t.notOk(clear.includes(SECRET) || clear.includes('Subject:') || clear.includes('From:'), clear);
}

/** A program for local(8): sends its message on, header and all, to the address in the extension of its recipient, by SMTP. */
function sendingOn(node: string, port: number): string {
  return `#!${node}
const text = require('node:fs').readFileSync(0, 'latin1').replace(/^From .*\\n/, '').replace(/\\n/g, '\\r\\n');
const to = process.env.EXTENSION.replace('=', '@');
const say = ['EHLO program.example', 'MAIL FROM:<${AUTHOR}>', \`RCPT TO:<\${to}>\`, 'DATA', text + '\\r\\n.', 'QUIT'];
const socket = require('node:net').connect(${port}, '127.0.0.1');
let got = '';
socket.on('data', (chunk) => {
  got += chunk;
  if (!/^\\d\\d\\d .*\\r\\n$/m.test(got)) return;
  if (!/^[23]/.test(got)) process.exit(1);
  got = '';
  if (say.length > 0) socket.write(say.shift() + '\\r\\n');
});
`;
}

t.test('aliases, canonical addresses and copies', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: `${TAGGED}[domains]\nself.example = deliver-verify\n[policy deliver-verify]\ndeliver = verify\n`,
  });
  const { postfix } = x;
  const map = (name: string, lines: readonly string[]): string =>
    `texthash:${postfix.file(name, `${lines.join('\n')}\n`)}`;
  await postfix.setMain({
    recipient_delimiter: '+',
    virtual_alias_domains: 'our.example, catch.example',
    virtual_alias_maps: map('virtual', [
      'team@our.example a1@good.example, a2@plain.example, carol@local.example',
      'outer@our.example inner@our.example',
      'inner@our.example b1@plain.example, b2@good.example',
      '@catch.example c1@plain.example',
      'ext@our.example d1@plain.example',
      `${NEIGHBOUR} ${NEIGHBOUR}, e1@plain.example`,
      'home@our.example dora@local.example',
      'strict@our.example f1@self.example',
      'away@good.example f2@plain.example',
    ]),
    recipient_canonical_maps: map('rcanon', ['canon@local.example g1@plain.example']),
    canonical_maps: map('canon', ['both@local.example g2@plain.example']),
    recipient_bcc_maps: map('rbcc', ['zoe@local.example h1@plain.example']),
    sender_bcc_maps: map('sbcc', ['carol@local.example h2@plain.example']),
  });
  const kinds: readonly (readonly [
    string | readonly string[],
    Record<string, string>,
    { from?: string }?,
  ])[] = [
    ['team@our.example', { 'a1@good.example': SENT, 'a2@plain.example': BACK, 'carol@local.example': HERE }],
    ['outer@our.example', { 'b1@plain.example': BACK, 'b2@good.example': SENT }],
    ['anyone@catch.example', { 'c1@plain.example': BACK }],
    ['ext+tag@our.example', { 'd1+tag@plain.example': BACK }],
    [NEIGHBOUR, { [NEIGHBOUR]: HERE, 'e1@plain.example': BACK }],
    ['home@our.example', { 'dora@local.example': HERE }],
    ['strict@our.example', { 'f1@self.example': 'tlsward-encrypt 4.7.5 deferred' }],
    ['away@good.example', { 'away@good.example': SENT }],
    ['canon@local.example', { 'g1@plain.example': BACK }],
    ['both@local.example', { 'g2@plain.example': BACK }],
    ['zoe@local.example', { 'zoe@local.example': HERE, 'h1@plain.example': BACK }],
    [NEIGHBOUR, { [NEIGHBOUR]: HERE, 'h2@plain.example': BACK }, { from: 'carol@local.example' }],
    [
      ['team@our.example', 'k@good.example', NEIGHBOUR],
      { 'a1@good.example': SENT, 'a2@plain.example': BACK, 'k@good.example': SENT, [NEIGHBOUR]: HERE },
    ],
  ];
  for (const [to, want, post] of kinds) await ends(x, t, to, want, post);
  await postfix.setMain({ always_bcc: 'copy@plain.example' });
  await ends(x, t, 'l@good.example', { 'l@good.example': SENT, 'copy@plain.example': BACK });
  await ends(x, t, 'dora@local.example', { 'dora@local.example': HERE, 'copy@plain.example': BACK });
  t.match(
    (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' '),
    /must be sent under TLS, and the mail server mx\.plain\.example does not offer it/,
  );
  x.sealed(t);
  t.strictSame(
    x.got('good').sort(),
    [
      'a1@good.example TLSv1.3',
      'a1@good.example k@good.example TLSv1.3',
      'away@good.example TLSv1.3',
      'b2@good.example TLSv1.3',
      'l@good.example TLSv1.3',
    ].sort(),
    'every copy once, none more',
  );
  for (const { content } of x.sink('good').messages)
    t.notMatch(
      content?.toLowerCase(),
      /x-tls-ward-route|tlsward-(?:encrypt|again|row)\b(?!\/)/,
      'without a word of ours',
    );

  // ordinary mail has no second look, and goes where it went before
  await postfix.setMain({ always_bcc: null });
  const from = postfix.logMark();
  await ends(
    x,
    t,
    'team@our.example',
    { 'a1@good.example': 'smtp 2.0.0 sent', 'a2@plain.example': 'smtp 2.0.0 sent' },
    { subject: 'hello' },
  );
  t.notMatch(postfix.log().slice(from), /tlsward-again/);
  t.strictSame(x.got('plain'), ['a2@plain.example null']);
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('many members, and one that no message can be sent to', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED });
  const many = Array.from({ length: 120 }, (_, i) => `m${i}@good.example`);
  await x.accepted(t, { to: 'u@plain.example' });
  const [, address] = await x.postfix.waitForLog(
    /to=<u@plain\.example>, relay=mx\.plain\.example\[([0-9.]+)\]/,
  );
  const literal = `q@[${address}]`;
  const members = [...many, 'p@plain.example', literal, NEIGHBOUR];
  const file = x.postfix.file('virtual', `list@our.example ${members.join(', ')}\n`);
  await x.postfix.setMain({ virtual_alias_domains: 'our.example', virtual_alias_maps: `texthash:${file}` });
  await ends(x, t, 'list@our.example', {
    'm0@good.example': SENT,
    'm119@good.example': SENT,
    'p@plain.example': BACK,
    [literal]: FENCED,
    [NEIGHBOUR]: HERE,
  });
  const arrived = () => x.sink('good').messages.flatMap(({ recipients }) => recipients);
  // Postfix sends to 50 recipients at a time
  await until(20_000, 'message to every member', () => arrived().length >= many.length);
  t.strictSame(arrived().sort(), [...many].sort(), 'each member once');
  t.strictSame(x.got('plain'), ['u@plain.example null'], 'ordinary mail alone');
});

t.test('by what the rule says of recipients who cannot', { skip, buffered: true }, async (t) => {
  const alias = 'team@our.example u@good.example, u@never.example\n';
  for (const cannot of ['hold', 'fallback'] as const) {
    const x = await messageScene(t, {
      tables: (hop) =>
        `${TAGGED}cannot = ${cannot}\n${cannot === 'hold' ? '' : `fallback = ${hop('gateway')}\n`}[domains]\nnever.example = none\n`,
    });
    await x.postfix.setMain({
      virtual_alias_domains: 'our.example',
      virtual_alias_maps: `texthash:${x.postfix.file('virtual', alias)}`,
    });
    if (cannot === 'fallback') {
      await ends(x, t, 'team@our.example', {
        'u@good.example': SENT,
        'u@never.example': 'tlsward-fallback 2.0.0 sent',
      });
      t.strictSame(x.got('gateway'), ['u@never.example TLSv1.3']);
    } else {
      await x.accepted(t, { to: 'team@our.example', subject });
      const held = await x.postfix.waitForQueue(({ queue_name }) => queue_name === 'hold');
      t.equal(held.recipients.length, 2);
      t.strictSame(x.got('good'), []);
      await x.postfix.release(held.queue_id);
      t.equal(await x.outcome(held.queue_id, 'u@good.example'), SENT);
    }
    x.sealed(t);
  }
});

t.test('what local(8) sends on', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: TAGGED,
    main: { mydestination: 'unix.example', myorigin: 'unix.example' },
    services: ['local unix - n n - - local'],
  });
  const { postfix } = x;
  chmodSync(postfix.dir, 0o755);
  const folder = join(postfix.dir, 'spool');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const spool = join(folder, 'games');
  const members = postfix.file('members', 'u2@plain.example\n');
  postfix.file('forward.games', `${spool}\n`);
  const forward = postfix.file('forward.mail', 'u3@plain.example\n');
  const program = postfix.file('program', sendingOn(process.execPath, postfix.port('plain')));
  chmodSync(program, 0o755);
  const aliases = postfix.file(
    'aliases',
    [
      'ops u1@plain.example, games',
      `list :include:${members}`,
      'owner-list alice@local.example',
      'secure u5@good.example',
      `program "|${program}"`,
      '',
    ].join('\n'),
  );
  await postfix.setMain({
    alias_maps: `texthash:${aliases}`,
    forward_path: `${forward.replace(/mail$/, '')}$user`,
    allow_mail_to_files: 'alias, forward, include',
    default_privs: 'games',
    recipient_delimiter: '+',
    mail_spool_directory: `${folder}/`,
  });
  const by = async (to: string, sent: string, outcome: string): Promise<void> => {
    const from = postfix.logMark();
    await x.accepted(t, { to, subject });
    const address = sent.replaceAll('.', '\\.');
    const [, dsn] = await postfix.waitForLog(
      new RegExp(`postfix/smtp\\[\\d+\\]: \\w+: to=<${address}>,.* dsn=([0-9.]+), status=bounced`),
      { from },
    );
    t.equal(dsn, outcome, `${to} leads to ${sent}`);
  };
  await by('ops@unix.example', 'u1@plain.example', '5.7.10');
  await postfix.waitForLog(/to=<games@unix\.example>.*status=sent \(delivered to file/);
  t.match(readFileSync(spool, 'utf8'), new RegExp(SECRET), 'the local member has it');
  await by('list@unix.example', 'u2@plain.example', '5.7.10');
  await by('mail@unix.example', 'u3@plain.example', '5.7.10');
  await by('secure@unix.example', 'u5@good.example', '5.7.10');
  unread(x, t);
  t.strictSame(x.got('good'), []);
  const notices = (await x.notice(4)).text;
  t.ok(notices);
  t.match(
    (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' '),
    /This message must be sent under TLS, and a copy of it or an alias leads to mx\.plain\.example\S* by a path that does not ensure this, so it was not sent there; ask your mail administrator/,
    'and the author is told',
  );
  t.match(
    (await x.notice()).text,
    /^Original-Recipient: rfc822; ?ops@unix\.example$/m,
    'of the address that was written',
  );
  // a program has the field with the message, and what it sends on as it came is held to the rule again
  const [good, plain] = ['u6@good.example', 'u6@plain.example'].map(
    (to) => `program+${to.replace('@', '=')}`,
  );
  await x.accepted(t, { to: `${good}@unix.example`, subject });
  await postfix.waitForLog(/tlsward-encrypt\/smtp\[\d+\]: \w+: to=<u6@good\.example.*status=sent/);
  await x.accepted(t, { to: `${plain}@unix.example`, subject });
  await postfix.waitForLog(
    /tlsward-encrypt\/smtp\[\d+\]: \w+: to=<u6@plain\.example.* dsn=5\.7\.4, status=b/,
  );
  t.strictSame(x.got('good'), ['u6@good.example TLSv1.3']);
  unread(x, t);
  const from = postfix.logMark();
  await x.accepted(t, { to: 'ops@unix.example', subject: 'ordinary' });
  await postfix.waitForLog(/postfix\/smtp\[\d+\]: \w+: to=<u1@plain\.example>.*status=sent/, { from });
  t.strictSame(x.got('plain'), ['u1@plain.example null'], 'other mail is sent on as ever');
});

t.test('the fence alone, and none', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED });
  const { postfix } = x;
  const file = postfix.file(
    'virtual',
    'team@our.example u@good.example, u@plain.example, dora@local.example\n',
  );
  await postfix.setMain({
    virtual_alias_domains: 'our.example',
    virtual_alias_maps: `texthash:${file}`,
    always_bcc: 'copy@plain.example',
    milter_header_checks: null,
  });
  await ends(x, t, ['team@our.example', 'v@good.example'], {
    'v@good.example': SENT,
    'dora@local.example': HERE,
    'u@good.example': FENCED,
    'u@plain.example': FENCED,
    'copy@plain.example': FENCED,
  });
  unread(x, t);
  t.strictSame(x.got('good'), ['v@good.example TLSv1.3']);

  const fence = postfix.main('smtp_header_checks')!;
  for (const change of [
    { smtp_header_checks: null },
    { smtp_header_checks: `regexp:{{/^X-/ IGNORE}}, ${fence}` },
    { smtp_header_checks: fence, milter_macro_defaults: null },
  ]) {
    await postfix.setMain(change);
    for (const to of ['v@good.example', 'dora@local.example']) {
      const { last } = await x.post({ to, subject });
      t.match(
        last,
        { code: 451, enhanced: '4.3.5', text: /does not show that it stops copies/ },
        JSON.stringify(change),
      );
    }
    const ordinary = await x.accepted(t, { to: 'dora@local.example' });
    t.equal(await x.outcome(ordinary, 'dora@local.example'), HERE);
  }
  t.strictSame(x.got('good'), ['v@good.example TLSv1.3']);
});

t.test('through a content filter, by the second look behind it', { skip, buffered: true }, async (t) => {
  for (const looks of [true, false]) {
    const [reinject = 0] = await freePorts(1);
    const filter = await startContentFilter(reinject);
    t.teardown(() => filter.stop());
    const services = [
      'scan unix - - n - - smtp\n  -o smtp_header_checks= -o smtp_tls_security_level=none -o smtp_tls_policy_maps=',
      `127.0.0.1:${reinject} inet n - n - - smtpd\n  -o content_filter= -o smtpd_milters=${looks ? '$tlsward_milter' : ''}\n  -o smtpd_relay_restrictions=permit_mynetworks,reject`,
    ];
    const x = await messageScene(t, {
      tables: TAGGED,
      services,
      main: { content_filter: `scan:[127.0.0.1]:${filter.port}` },
      service: () => ({ 'trusted-clients': '127.0.0.1' }),
    });
    const file = x.postfix.file('virtual', 'team@our.example u@good.example, u@plain.example\n');
    await x.postfix.setMain({ virtual_alias_domains: 'our.example', virtual_alias_maps: `texthash:${file}` });
    await x.accepted(t, { to: ['team@our.example', 'v@good.example', NEIGHBOUR], subject });
    await x.postfix.waitForDelivered(NEIGHBOUR);
    await x.postfix.waitForLog(
      looks
        ? /to=<u@plain\.example\.tlsward-encrypt>.*dsn=5\.7\.4, status=bounced/
        : /to=<u@plain\.example>.*dsn=5\.7\.10, status=bounced/,
    );
    const got = looks ? ['u@good.example v@good.example TLSv1.3'] : ['v@good.example TLSv1.3'];
    await x.sink('good').waitForMessages(1);
    t.strictSame(x.got('good'), got);
    t.equal(filter.seen.length, 1, 'the filter saw it, once');
    if (looks) x.sealed(t);
    else unread(x, t);
  }
});

t.test('by header: mail for mailboxes here', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { way: 'header', tables: TAGGED });
  const file = x.postfix.file('virtual', `${NEIGHBOUR} ${NEIGHBOUR}, u@plain.example\n`);
  await x.postfix.setMain({ virtual_alias_maps: `texthash:${file}`, always_bcc: 'copy@good.example' });
  await ends(x, t, NEIGHBOUR, { [NEIGHBOUR]: HERE, 'u@plain.example': FENCED, 'copy@good.example': FENCED });
  unread(x, t);
  t.strictSame(x.got('good'), []);
});

t.test('mail from sendmail(1), also what a mailbox sends on', { skip, buffered: true }, async (t) => {
  const main = { non_smtpd_milters: '$tlsward_milter', always_bcc: 'copy@plain.example' };
  const x = await messageScene(t, {
    tables: TAGGED,
    main,
    service: () => ({ 'local-domains': 'local.example' }),
  });
  const { postfix } = x;
  await postfix.sendmail(['-f', AUTHOR, 'u@good.example'], x.text({ to: 'u@good.example', subject }));
  await postfix.waitForLog(/to=<copy@plain\.example\.tlsward-encrypt>.*dsn=5\.7\.4, status=bounced/);
  await x.sink('good').waitForMessages(1);
  // Sieve's redirect and the like: the field is in the mailbox, the tag perhaps not
  const id = await x.accepted(t, { to: NEIGHBOUR, subject });
  t.equal(await x.outcome(id, NEIGHBOUR), HERE);
  const [mail] = await postfix.waitForDelivered(NEIGHBOUR);
  const field = mail!.first('X-TLS-Ward-Route');
  t.equal(field, 'again; level=encrypt; rule=secure');
  const redirected = (to: string): Promise<void> =>
    postfix.sendmail(
      ['-f', AUTHOR, to],
      x.text({ to, subject: 'redirected', headers: [`X-TLS-Ward-Route: ${field}`] }),
    );
  await redirected('w@good.example');
  await x.sink('good').waitForMessages(2);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3', 'w@good.example TLSv1.3']);
  t.equal(fieldOf(x.sink('good').messages[1], 'X-TLS-Ward-Route'), null);
  await redirected('w@plain.example');
  await postfix.waitForLog(
    /to=<w@plain\.example>.*status=bounced \(.*it was routed so when it was first seen/,
  );
  x.sealed(t);
});

t.test(
  'tlsward killed before the second look, and the message put back',
  { skip, buffered: true },
  async (t) => {
    const x = await messageScene(t, { tables: TAGGED, main: { defer_transports: 'tlsward-again' } });
    const { postfix } = x;
    const file = postfix.file('virtual', 'team@our.example u@good.example, u@plain.example\n');
    await postfix.setMain({ virtual_alias_domains: 'our.example', virtual_alias_maps: `texthash:${file}` });
    const first = await x.accepted(t, { to: 'team@our.example', subject });
    t.equal(await x.outcome(first, 'u@plain.example'), 'error 4.3.2 deferred');
    await x.daemon.kill();
    await postfix.setMain({ defer_transports: null });
    let from = postfix.logMark();
    await postfix.flush();
    t.match(await x.outcome(first, 'u@plain.example', from), /^tlsward-again 4\.\d\.\d deferred$/);
    x.sealed(t);
    await x.daemon.start();
    from = postfix.logMark();
    await postfix.flush();
    t.equal(await x.outcome(first, 'u@good.example', from), SENT);
    t.equal(await x.outcome(first, 'u@plain.example', from), BACK);
    t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);
    x.sealed(t);

    await postfix.setMain({ defer_transports: 'tlsward-again' });
    const second = await x.accepted(t, { to: 'team@our.example', subject });
    t.equal(await x.outcome(second, 'u@plain.example'), 'error 4.3.2 deferred');
    await postfix.setMain({ defer_transports: null });
    from = postfix.logMark();
    await postfix.requeue();
    await postfix.waitForLog(
      /postfix\/smtp\[\d+\]: \w+: to=<u@plain\.example>,.*dsn=5\.7\.10, status=bounced/,
      { from },
    );
    unread(x, t);
  },
);
