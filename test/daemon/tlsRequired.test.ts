/**
 * `TLS-Required: no` in a whole daemon: refused, held or let through by the version that asks, by row, next hop and rule; what
 * is said of it in the log and in `status`; a connection from before the option came into force.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Played } from '../../src/simulate/milterPlayer.ts';
import type { PlayedMail } from '../../src/simulate/playedMail.ts';
import { playMail } from './playMail.ts';
import { startDaemon, type TestDaemon } from './startDaemon.ts';

const ROWS = `[rule secure]
subject-tag = [secure]
[policy leaves]
deliver = encrypt
[domains]
enc.example = leaves
`;
const SERVICE = 'socketmap-listen = unix:socketmap.sock\npostconf =\n';

function play(
  on: TestDaemon,
  to: string,
  changes: Partial<PlayedMail> = {},
  subject = 'hello',
): Promise<Played> {
  return playMail(on, {
    mtaVersion: 'Postfix 3.10.13',
    tls: { kind: 'plain' },
    sender: '<alice@other.example>',
    recipients: [to],
    localDomains: ['our.example'],
    headers: [
      { name: 'Subject', value: subject },
      { name: 'tls-REQUIRED', value: 'No' },
    ],
    ...changes,
  });
}

const lastReply = ({ events }: Played): string => events.at(-1)?.replies.at(-1) ?? '';

test('who is refused', async (t) => {
  const on = await startDaemon(t, `${SERVICE}${ROWS}`);
  const refused = await play(on, '<bob@enc.example>');
  t.equal(refused.outcome, 'refused');
  t.match(
    lastReply(refused),
    /550 5\.7\.10 TLS-Required: no .* mail to <bob@enc\.example> .*\(row enc\.example\)/,
  );
  t.match(lastReply(await play(on, '<bob@x.example>', {}, '[secure]')), /550 5\.7\.10 .*\(rule secure\)/);
  const others: readonly [string, Partial<PlayedMail>][] = [
    ['<bob@x.example>', {}],
    ['<bob@our.example>', {}],
    ['<bob@enc.example>', { mtaVersion: 'Postfix 3.7.11' }],
    ['<bob@enc.example>', { mta: 'sendmail' }],
    ['<bob@enc.example>', { headers: [{ name: 'TLS-Required', value: 'yes' }] }],
  ];
  for (const [to, changes] of others)
    t.equal((await play(on, to, changes)).outcome, 'accepted', `${to} ${JSON.stringify(changes)}`);
  t.match(await on.ask('status'), { routes: { refused: 2 }, verdicts: { reject: 2 } });
  const line = on.log().find(({ event, action }) => event === 'tx.verdict' && action === 'reject');
  t.match(line, { reply: /^550 5\.7\.10 TLS-Required: no/ });

  on.write(`${SERVICE}tls-required-no = hold\n${ROWS}`);
  await on.ask('reload');
  t.equal((await play(on, '<bob@enc.example>')).outcome, 'held');
  const routed = await play(on, '<bob@x.example>', {}, '[secure]');
  t.strictSame(
    [routed.outcome, routed.recipients],
    ['held', ['<bob@x.example.tlsward-encrypt>']],
    'and still routed',
  );
  on.write(`${SERVICE}tls-required-no = ignore\n${ROWS}`);
  await on.ask('reload');
  t.equal((await play(on, '<bob@enc.example>')).outcome, 'accepted');
  t.strictSame(
    on.log().filter(({ event }) => event === 'bug'),
    [],
  );
});

function warnings(on: TestDaemon): string[] {
  return on.log().flatMap(({ event, what }) => (event === 'postfix.warning' ? [String(what)] : []));
}

async function eventually(t: Test, what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (await done()) {
      t.pass(what);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.fail(what);
}

test('it is said until it is shown otherwise', async (t) => {
  const on = await startDaemon(t, `${SERVICE}${ROWS}`);
  t.strictSame(warnings(on), [], 'nothing is known');
  await play(on, '<bob@x.example>');
  await play(on, '<bob@x.example>');
  t.equal(warnings(on).length, 1, 'the MTA says what it is, once is enough');
  t.match(await on.ask('status'), { postfix: { seen: ['3.10.13'], warnings: [/switch off TLS/] } });
  on.write(`${SERVICE}tls-required-enable = no\n${ROWS}`);
  await on.ask('reload');
  t.match(await on.ask('status'), { postfix: { warnings: [] } }, 'by the word of the administrator');

  const program = join(on.folder, 'postconf');
  const answer = (value: string): void => {
    const main = `mail_version = 3.10.13\\ntls_required_enable = ${value}\\nsmtpd_forbid_bare_newline = yes\\n`;
    writeFileSync(program, `#!/bin/sh\n[ "$1" = -P ] || printf '${main}'\n`);
    chmodSync(program, 0o755);
  };
  answer('yes');
  on.write(`${SERVICE.replace('postconf =', `postconf = ${program}`)}postfix-version = 3.11\n${ROWS}`);
  await on.ask('reload');
  const said = (pattern: RegExp) => async () => pattern.test(JSON.stringify(await on.ask('status')));
  await eventually(t, 'postconf says yes', said(/according to postconf it is yes/));
  await eventually(
    t,
    'and the grammar is too new',
    said(/postfix-version is 3\.11, and a Postfix here is 3\.10\.13/),
  );
  answer('no');
  await on.ask('reload');
  await eventually(
    t,
    'postconf says no',
    said(/"tlsRequiredEnable":"no","seen":\["3\.10\.13"\],"warnings":\["postfix-v/),
  );
});
