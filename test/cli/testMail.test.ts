/** `tlsward test-mail` with a sendmail(1) of its own, which writes into the log what Postfix would. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/testMail.ts';
import { say } from './runCommand.ts';

const HEAD = 'Nov 22 18:47:31 edge37 postfix';
const TLS =
  'Untrusted TLS connection established to mx.bank.example[192.0.2.5]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)';
const SENT = `${HEAD}/smtp[9]: 2DE902281F1: to=<b@bank.example>, relay=mx.bank.example[192.0.2.5]:25, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok \u001b[31m)`;
const REMOVED = `${HEAD}/qmgr[2]: 2DE902281F1: removed`;

/** A log with an older line, and a program that keeps its arguments and the message and goes on with the log. */
function host(t: Test, lines: readonly string[], status = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('log'), 'Nov 22 18:47:30 edge37 postfix/smtp[9]: older\n');
  writeFileSync(at('new'), lines.map((line) => `${line}\n`).join(''));
  const script = `#!/bin/sh
printf '%s\\n' "$@" > ${at('args')}
cat > ${at('message')}
id=$(sed -n 's/^Message-ID: //p' ${at('message')})
sed "s/MESSAGE_ID/$id/" ${at('new')} >> ${at('log')}
[ ${status} = 0 ] || echo "sendmail: fatal: no queue" >&2
exit ${status}
`;
  writeFileSync(at('sendmail'), script, { mode: 0o755 });
  return {
    read: (name: string) => readFileSync(at(name), 'utf8'),
    argv: ['--sendmail', at('sendmail'), '--log', at('log'), '--wait', '1'],
  };
}

const ID = `${HEAD}/cleanup[8]: 2DE902281F1: message-id=MESSAGE_ID`;

test('delivered under TLS', async (t) => {
  const { argv, read } = host(t, [ID, `${HEAD}/smtp[9]: ${TLS}`, SENT, REMOVED]);
  const { code, out, err } = await say(run, ['b@bank.example', '--from', 'a@example.org', ...argv]);
  t.strictSame([code, err], [0, '']);
  t.equal(read('args'), '-i\n-f\na@example.org\n--\nb@bank.example\n');
  const [messageId = ''] = /<tlsward-test\.[0-9a-f]{32}@[^>]+>/.exec(read('message')) ?? [];
  t.match(read('message'), /^From: a@example\.org\nTo: b@bank\.example\n/);
  t.equal(
    out,
    `b@bank.example: delivered under TLS

message-id ${messageId}
queue id   2DE902281F1

to         b@bank.example (2DE902281F1)
relay      mx.bank.example[192.0.2.5]:25
status     sent (250 ok \\u{1b}[31m)
dsn        2.0.0
TLS        ${TLS}
`,
  );
});

test('delivered, and nothing proves TLS', async (t) => {
  const { argv, read } = host(t, [ID, SENT, REMOVED]);
  const { code, out } = await say(run, ['b@bank.example', ...argv]);
  t.equal(code, 1);
  t.match(out, /^b@bank\.example: sent; nothing proves that it was sent under TLS\n/);
  t.match(out, /TLS {8}no TLS line was seen: the delivery was in plaintext, or smtp_tls_loglevel is 0\n/);
  t.equal(read('args'), '-i\n--\nb@bank.example\n');
  t.notMatch(read('message'), /^From:/m, 'left to the MTA');
  const local = host(t, [
    ID,
    SENT.replace(/relay=[^,]+/, 'relay=virtual').replace('/smtp[', '/virtual['),
    REMOVED,
  ]);
  const mailbox = await say(run, ['b@bank.example', ...local.argv]);
  t.equal(mailbox.code, 1);
  t.match(mailbox.out, /no TLS line was seen: no other server is named as relay\n/);
});

test('not delivered in time', async (t) => {
  const deferred = SENT.replace('dsn=2.0.0, status=sent', 'dsn=4.7.4, status=deferred');
  const cases: readonly (readonly [lines: readonly string[], said: RegExp])[] = [
    [[], /not delivered after 1 second: \S+ does not show the message\n\n.*\nqueue id {3}none was seen\n$/],
    [[ID], /not delivered after 1 second: still in the queue\n/],
    [[ID, deferred], /not delivered: deferred\n[\s\S]*\nTLS {8}no TLS line was seen\n$/],
    [[ID, SENT.replace('status=sent', 'status=bounced')], /not delivered: bounced\n/],
  ];
  for (const [lines, said] of cases) {
    const { code, out } = await say(run, ['b@bank.example', ...host(t, lines).argv]);
    t.equal(code, 2, out);
    t.match(out, said);
  }
});

test('as JSON', async (t) => {
  const { argv } = host(t, [ID, `${HEAD}/smtp[9]: ${TLS}`, SENT, REMOVED]);
  const { code, out } = await say(run, ['b@bank.example', '--from', '<>', '--json', ...argv]);
  t.equal(code, 0);
  const { messageId, ...rest } = JSON.parse(out);
  t.match(messageId, /^<tlsward-test\./);
  t.strictSame(rest, {
    ok: true,
    queueIds: ['2DE902281F1'],
    outcome: 'protected',
    deliveries: [
      {
        queueId: '2DE902281F1',
        to: 'b@bank.example',
        relay: 'mx.bank.example[192.0.2.5]:25',
        dsn: '2.0.0',
        status: 'sent',
        reply: '250 ok \u001b[31m',
        tls: { kind: 'line', text: TLS },
      },
    ],
  });
});

test('what cannot be used is named', async (t) => {
  const { argv } = host(t, [], 75);
  const failed = await say(run, ['b@bank.example', ...argv]);
  t.equal(failed.code, 69);
  t.match(failed.err, /sendmail: it did not take the message: sendmail: fatal: no queue\n$/);
  const absent = await say(run, ['b@bank.example', ...argv, '--sendmail', '/nowhere/sendmail']);
  t.match(absent, { code: 69, err: /^tlsward test-mail: \/nowhere\/sendmail: there is no such program\n$/ });
  const unread = await say(run, ['b@bank.example', ...argv, '--log', '/nowhere/log']);
  t.match(unread, { code: 65, err: /^\/nowhere\/log: cannot be read/ });
  for (const wrong of [
    ['bank.example'],
    ['<b@bank.example>'],
    ['b@bank.example,c@bank.example'],
    ['b@bank.example\nBcc: c@bank.example'],
    ['b@bank.example', '--from', 'alice'],
    ['b@bank.example', '--wait', '0'],
    ['b@bank.example', '--wait', '1e3'],
    [],
  ])
    t.match(
      await say(run, [...wrong, ...(wrong.includes('--wait') ? [] : argv)]),
      { code: /^UsageError: / },
      wrong.join(' '),
    );
});
