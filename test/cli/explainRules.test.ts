/**
 * `explain` with a message: which rule, for whom, why, what follows; and reply tokens from the daemon's own hand: mail that
 * a daemon accepts gets one, and the reply to it is recognised from the file alone.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Io, Run } from '../../src/cli/command.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as simulate } from '../../src/cli/simulate.ts';
import { startDaemon } from '../daemon/startDaemon.ts';

const RULES = `[domains]
* = may
none.example = none
[rule secure]
subject-tag = [secure]
[rule gateway]
header = X-Portal: yes
recipient = none.example
cannot = fallback
fallback = [portal.example]:587
[rule asked]
requiretls = yes
deliver = verify
cannot = hold
[rule answers]
reply-to-marked = yes
`;
const LITERALS = '[policy out]\ndeliver = encrypt\n[domain [192.0.2.7]]\npolicy = out\n';
const HEAD = `socketmap-listen = unix:socketmap.sock
trusted-clients =
host-name = mx.our.example
mark-key = mark.key
`;

function table(t: Test, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'tls.ini');
  writeFileSync(config, `[service]\npolicy-listen = unix:p.sock\nmilter-listen = unix:m.sock\n${text}`);
  return config;
}

async function say(command: Run, argv: string[]) {
  let out = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (out += text), env: {}, colour: false };
  const code = await command(argv, io);
  return { code, out };
}

const TLS = ['--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 256'];
const mail = (...to: string[]) => ['--from', 'a@our.example', ...to.flatMap((one) => ['--to', one]), ...TLS];

/** The lines of the rules' part. */
function ruleLines(out: string): string[] {
  const lines = out.split('\n');
  const from = lines.findIndex((line) => /^(?:rule|token) /.test(line));
  const to = lines.findIndex((line, i) => i > from && (line === '' || line.startsWith('change')));
  return from < 0 ? [] : lines.slice(from, to).map((line) => line.replace(/^rule +/, 'rule ').trim());
}

test('which rule, for whom, why and what follows', async (t) => {
  const config = table(t, HEAD + RULES);
  const at = (line: number) => `(${config}:${line})`;
  const ask = (argv: string[]) => say(explain, ['--config', config, ...argv]);
  const LEAVES = 'unless the address is local; if the level cannot be reached,';
  const COPIES =
    'copies     expanded aliases: the same level, applied at the second pass; what local(8) forwards is stopped and bounces';

  const plain = await ask([...mail('b@x.example'), '--subject', 'offer']);
  t.same([plain.code, ruleLines(plain.out)], [0, ['rule none applies']]);

  const tagged = await ask([
    ...mail('b@x.example', 'c@y.example'),
    '--subject',
    'AW: ［ＳＥＣＵＲＥ］ offer',
  ]);
  t.same(ruleLines(tagged.out), [
    `rule b@x.example: deliver = encrypt by secure ${at(11)}: the subject has [secure]`,
    `sent through tlsward-encrypt, ${LEAVES} the message is refused`,
    `rule c@y.example: deliver = encrypt by secure ${at(11)}: the subject has [secure]`,
    `sent through tlsward-encrypt, ${LEAVES} the message is refused`,
    COPIES,
  ]);
  t.equal(tagged.code, 0);

  const two = await ask([...mail('b@x.example'), '--subject', '[secure]', '--parameter', 'REQUIRETLS']);
  t.same(ruleLines(two.out), [
    `rule b@x.example: deliver = verify by asked ${at(18)}: the author asked for REQUIRETLS`,
    `and by secure ${at(11)}: the subject has [secure]`,
    `sent through tlsward-verify, ${LEAVES} the message is held`,
    COPIES,
  ]);

  const literal = (to: string) =>
    ask([...mail(to), '--subject', '[secure]', '--config', table(t, `${HEAD}${RULES}${LITERALS}`)]);
  const byRow = await literal('b@[192.0.2.7]');
  t.match(ruleLines(byRow.out)[1], /^sent through tlsward-encrypt, unless the address is local; /);
  t.equal(byRow.code, 0);
  t.match(await literal('b@[192.0.2.8]'), {
    code: 1,
    out: /no row of the table requires it for this address literal, so the message is refused/,
  });

  const refused = await ask([...mail('b@none.example'), '--subject', '[secure]']);
  t.match(
    refused.out,
    /^reject by a rule: 550 5\.7\.10 <b@none\.example>: this message must be sent under TLS/,
  );
  t.equal(refused.code, 1);

  const portal = await ask([...mail('b@none.example'), '--header', 'x-portal: YES']);
  t.equal(portal.code, 0);
  t.match(ruleLines(portal.out)[1], /without TLS .*, so it goes to \[portal\.example\]:587$/);

  const held = await ask([...mail('b@none.example'), '--parameter', 'REQUIRETLS']);
  t.match([held.code, held.out], [1, /^hold by a rule\n/]);

  const marked = mail('b@x.example.tlsward-encrypt');
  t.match(await ask([...marked, '--auth', 'alice']), {
    code: 1,
    out: /: 550 5\.7\.1 a recipient address has a routing suffix/,
  });
  t.equal((await ask(marked)).code, 0, 'handed back by a filter on another host');

  const json = JSON.parse((await ask([...mail('b@x.example'), '--subject', '[secure]', '--json'])).out);
  t.match(json, {
    verdict: 'accept',
    outcome: 'routed',
    tokens: [],
    rules: [{ recipient: 'b@x.example', level: 'encrypt', rules: [{ name: 'secure' }], cannot: 'reject' }],
  });
});

test('without rules nothing is said of them, and wrong options are named', async (t) => {
  const config = table(t, '[domains]\n* = may\n');
  const { out } = await say(explain, ['--config', config, ...mail('b@x.example'), '--subject', '[secure]']);
  t.same(ruleLines(out), []);
  for (const [option, message] of [
    [['--header', 'no colon'], /--header: found "no colon"/],
    [['--message', '/nonexistent.eml'], /--message: .* cannot be read \(no such file or directory\)/],
    [['--message', '/dev/null'], /holds no message/],
  ] as const)
    await t.rejects(say(explain, ['--config', config, ...mail('b@x.example'), ...option]), { message });
});

test('a token from the daemon is recognised in the reply', async (t) => {
  const { config, folder, log } = await startDaemon(t, `${HEAD}reply-token = unsigned\n${RULES}`);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  /** The message as it would lie in the mailbox. */
  const arrives = async (headers: string, session: string[] = TLS, from = 'bob@bank.example') => {
    const message = file('in.eml', `${headers}From: bob@bank.example\n\nText\n`);
    const output = join(folder, 'out.eml');
    const envelope = ['--from', from, '--to', 'a@our.example', ...session];
    const files = ['--message', message, '--output', output];
    const { out } = await say(simulate, ['milter', '--config', config, ...envelope, ...files]);
    t.match(out, /^accepted/);
    return readFileSync(output, 'utf8').replace(/\n[ \t]/g, ' ');
  };
  const token = /<tw1\.[0-9]{8}\.[0-9A-Z]+\.[0-9a-f]{8}\.[A-Za-z0-9_-]{22}@mx\.our\.example>/;

  const first = await arrives(
    'Message-ID: <m1@bank.example>\nx-tls-ward-route: verify\nX-TLS-Ward-ROUTE : 1\n',
  );
  t.match(first, new RegExp(`^References: ${token.source}$`, 'm'));
  t.notMatch(first, /route/i, 'a route header from outside is gone');
  const made = token.exec(first)![0];

  const answer = file('reply.eml', `References: ${made}\n <m1@bank.example>\nSubject: Re: x\n\nText\n`);
  const ask = (to: string) => say(explain, ['--config', config, ...mail(to), '--message', answer]);
  const day = `${made.slice(5, 9)}-${made.slice(9, 11)}-${made.slice(11, 13)}`;
  const key = made.split('.')[3];
  const known = ruleLines((await ask('bob@bank.example')).out);
  t.match(known, [
    /^rule bob@bank\.example: deliver = encrypt by answers .*: it is a reply to mail of bank\.example that arrived protected$/,
    /^sent through tlsward-encrypt,/,
    /^copies/,
    /^token/,
  ]);
  t.equal(known.at(-1), `token      made ${day} for bank.example, key ${key}: verifies`);
  t.same(ruleLines((await ask('eve@evil.example')).out), [
    'rule none applies',
    `token      made ${day}, key ${key}: verifies for no recipient's domain`,
  ]);

  const again = await arrives(`References: <m0@x>\n ${made} <m2@our.example>\n`);
  t.equal(again.match(/tw1\./g)?.length, 1, 'one is enough');
  const other = await arrives('References: <m0@x> <m2@our.example>\nX: y\n');
  t.match(other, new RegExp(`^References: <m0@x> <m2@our\\.example> ${token.source}$`, 'm'));
  t.not(token.exec(other)![0], made, 'each message has its own');
  t.notMatch(await arrives('', ['--tls', 'none']), token, 'not protected');
  t.notMatch(await arrives('', TLS, '<>'), token, 'no sender domain');
  t.notMatch(await arrives('', [...TLS, '--auth', 'bob']), token, 'one of ours');
  t.notMatch(await arrives('DKIM-Signature: v=1; h=from:references; b=x\n'), token);
  t.match(log().at(-1)?.notes ?? log().findLast(({ notes }) => notes !== undefined)?.notes, [
    'reply token not added: a signature covers References',
  ]);
});

test('trouble with keys is said', async (t) => {
  const bare = table(t, `${HEAD.replace('mark-key = mark.key\n', '')}[domains]\n* = may\n`);
  const text = '<tw1.20261120.AB12.0123abcd.AAAAAAAAAAAAAAAAAAAAAA@x.example>';
  const reply = [...mail('b@x.example'), '--header', `In-Reply-To: ${text}`];
  const none = await say(explain, ['--config', bare, ...reply]);
  t.same(ruleLines(none.out), [
    'token      made 2026-11-20, key 0123abcd: cannot be checked: there is no mark-key',
  ]);
  const missing = await say(explain, ['--config', table(t, HEAD + RULES), ...reply]);
  t.match(ruleLines(missing.out)[1], /cannot be checked: .*mark\.key: cannot be opened \(ENOENT\)$/);
});

test('simulate tells the fence by the route-header of the configuration', async (t) => {
  for (const line of ['route-header = X-Bank-Route', 'route-header = "X-Bank-Route"', '']) {
    const on = await startDaemon(
      t,
      `socketmap-listen = unix:s\n${line}\n[rule secure]\nsubject-tag = [secure]\n`,
    );
    const played = ['milter', ...mail('b@x.example'), '--header', 'Subject: [secure]', '--config', on.config];
    const { code, out } = await say(simulate, played);
    t.equal(code, 0, out);
    t.match(out, `${line === '' ? 'X-TLS-Ward-Route' : 'X-Bank-Route'}: again; level=encrypt; rule=secure`);
  }
});

test('TLS-Required: no', async (t) => {
  const rows =
    '[policy out]\ndeliver = encrypt\n[domains]\nbank.example = out\n[rule secure]\nsubject-tag = [secure]\n';
  const ask = (keys: string, to: string, ...more: string[]) =>
    say(explain, [
      ...['--config', table(t, `socketmap-listen = unix:s\ntrusted-clients =\n${keys}${rows}`)],
      ...[...mail(to), '--header', 'TLS-Required: no', ...more],
    ]);
  const since = 'postfix-version = 3.10\n';
  const refused = await ask(since, 'b@bank.example');
  t.equal(refused.code, 1);
  t.match(
    refused.out,
    /^reject, for TLS-Required: no: 550 5\.7\.10 TLS-Required: no asks for delivery without protection, and mail to <b@bank\.example> leaves under TLS only \(row bank\.example\); send it again without/,
  );
  t.match(await ask(since, 'b@x.example'), { code: 0, out: /^accept/ });
  t.match(await ask(since, 'b@x.example', '--subject', '[secure]'), {
    code: 1,
    out: /\(rule secure\); send/,
  });
  t.match(await ask(`${since}tls-required-no = hold\n`, 'b@bank.example'), {
    code: 1,
    out: /^hold, for TLS-R/,
  });
  t.match(await ask(`${since}tls-required-no = ignore\n`, 'b@bank.example'), { code: 0, out: /^accept/ });
  for (const keys of ['', 'postfix-version = 3.9\n'])
    t.match(await ask(keys, 'b@bank.example'), {
      code: 0,
      out: /^wish +with Postfix 3\.10 or later the milter refuses the message \(postfix-version does not say so\): TLS-R/m,
    });
});
