/** The lines that a .mc lacks are those of contrib/sendmail; with them in it, nothing is missing. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import type { Wish } from '../../src/setup/plan.ts';
import { sendmailPlan } from '../../src/setup/sendmailPlan.ts';
import { root } from '../root.ts';

const fragment = (name: string): string => readFileSync(new URL(`contrib/sendmail/${name}`, root), 'utf8');
const BOTH = new Set<Wish>(['inbound', 'outbound']);
const SOCKETS = { milter: 'local:/run/tlsward/milter.sock', socketmap: 'local:/run/tlsward/socketmap.sock' };
const MC = `divert(0)dnl
OSTYPE(\`debian')dnl
dnl INPUT_MAIL_FILTER(\`tlsward', \`commented out')
INPUT_MAIL_FILTER(\`opendkim', \`S=inet:8891@127.0.0.1')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
`;

test('each line is one of contrib/sendmail', async (t) => {
  const known = ['tlsward.mc', 'deliver.mc', 'sts.mc'].map(fragment).join('\n').split('\n');
  const { parts, notes, stale } = sendmailPlan(MC, null, BOTH, SOCKETS);
  for (const line of parts.flatMap(({ lines }) => lines).filter((one) => !one.includes('access_db')))
    t.ok(known.includes(line), line);
  t.same(
    parts.map(({ where }) => where),
    [
      'behind line 4, the last INPUT_MAIL_FILTER line',
      'before line 5, the first MAILER line',
      'at the end, behind the MAILER lines; the blanks are tabs',
      'before line 5, the first MAILER line',
    ],
  );
  t.same([notes, stale], [[], []]);
});

test('nothing is missing where all of it is', async (t) => {
  const { parts } = sendmailPlan(MC, null, BOTH, SOCKETS);
  const lines = parts.flatMap((part) => part.lines).join('\n');
  const whole = `${MC}${lines}\n`;
  t.same(sendmailPlan(whole, null, BOTH, SOCKETS), { parts: [], notes: [], stale: [] });
  const cf = 'O InputMailFilters=opendkim\n';
  t.equal(sendmailPlan(whole, cf, BOTH, SOCKETS).stale.length, 2, 'the .cf was not made anew');
  const made = `${cf}Xtlsward, S=local:/run/tlsward/milter.sock, F=T\nKtls_rcpt socket -d10\n`;
  t.same(sendmailPlan(whole, made, BOTH, SOCKETS).stale, []);
});

test('what lets mail pass is named', async (t) => {
  const mc = `${MC}INPUT_MAIL_FILTER(\`tlsward', \`S=local:/run/tlsward/milter.sock')dnl
DAEMON_OPTIONS(\`Port=587, InputMailFilters=opendkim')dnl
`;
  const { parts, notes } = sendmailPlan(mc, null, new Set<Wish>(['inbound']), SOCKETS);
  t.same(parts, []);
  t.match(notes, [/no F=T/, /InputMailFilters= must name tlsward/]);
  const none = sendmailPlan(MC, null, BOTH, { milter: null, socketmap: null });
  t.same(none.parts, []);
  t.match(none.notes, [/no milter-listen/, /no socketmap-listen/]);
});
