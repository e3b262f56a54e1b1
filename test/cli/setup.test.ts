/** `tlsward setup`: arguments that make no sense, and the lines for Sendmail; Postfix itself is test/e2e/setup.test.ts. */
import { join } from 'node:path';
import { test } from 'tap';
import { run } from '../../src/cli/setup.ts';
import { say } from './runCommand.ts';

test('arguments that make no sense', async (t) => {
  const cases = [
    [['exim'], /found "exim", expected postfix or sendmail/],
    [['postfix', '--apply', '--undo'], /exclude each other/],
    [['postfix', '--mc', 'x'], /--mc is for setup sendmail/],
    [['sendmail', '--apply'], /writes nothing/],
    [['sendmail', '--postfix-config', '/x'], /is for setup postfix/],
  ] as const;
  for (const [argv, words] of cases) t.match((await say(run, [...argv])).code, words, argv.join(' '));
});

test('a Postfix that cannot be read', async (t) => {
  const dir = t.testdir({});
  const said = await say(run, ['postfix', '--postfix-config', dir, '--config', join(dir, 'none.ini')]);
  t.equal(said.code, 65);
  t.match(said.err, /^tlsward setup: /);
  const json = await say(run, ['postfix', '--postfix-config', dir, '--json']);
  t.match(JSON.parse(json.out), { ok: false, error: /postconf/ });
});

test('the lines for Sendmail', async (t) => {
  const dir = t.testdir({
    'sendmail.mc': "MAILER(`smtp')dnl\n",
    'tlsward.ini': '[service]\nmilter-listen = inet:127.0.0.1:8452\n',
  });
  const mc = join(dir, 'sendmail.mc');
  const said = await say(run, ['sendmail', '--mc', mc, '--config', join(dir, 'tlsward.ini')]);
  t.equal(said.code, 1);
  t.match(said.out, "INPUT_MAIL_FILTER(`tlsward', `S=inet:8452@127.0.0.1, F=T,");
  t.match(said.out, /note {2}tlsward\.ini has no socketmap-listen/);
  t.match(said.out, /Nothing has been changed/);
  const json = await say(run, ['sendmail', '--mc', mc, '--config', join(dir, 'none.ini'), '--json']);
  t.match(JSON.parse(json.out), { ok: false, mc, parts: [{ wish: 'inbound' }, {}, {}, {}] });
  const missing = await say(run, [
    'sendmail',
    '--mc',
    join(dir, 'none.mc'),
    '--config',
    join(dir, 'none.ini'),
  ]);
  t.equal(missing.code, 65);
  t.match(missing.err, /name the file with --mc/);
});
