/**
 * What `explain` and `simulate` are told of a session: what nobody can have meant is a wrong argument, with what
 * may have been meant, instead of an answer to another question.
 */
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as simulate } from '../../src/cli/simulate.ts';

const io: Io = { out: () => {}, err: () => {}, env: {}, colour: false };
const GOOD = ['--from', 'a@bank.example', '--to', 'b@x.example'];

test('arguments that would answer another question', async (t) => {
  const cases: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
    [
      ['--from', 'bank.example', '--to', 'b@x.example'],
      /^--from: found "bank\.example", which has no @, expected an address such as "someone@bank\.example"$/,
    ],
    [
      ['--from', 'a@bank.example', '--to', 'bob'],
      /^--to: found "bob", which has no @, .*"bob@example\.org"$/,
    ],
    [
      [...GOOD, '--tls', 'TLSv1.3'],
      /^--tls: found "TLSv1\.3", expected .* such as "TLSv1\.3 TLS_AES_256_GCM_SHA384 256"/,
    ],
    [[...GOOD, '--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384'], /^--tls: found /],
    [[...GOOD, '--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 many'], /^--tls: found /],
    [[...GOOD, '--tls', 'yes'], /^--tls: found "yes"/],
    [[...GOOD, '--client', 'mx.example'], /^--client: found "mx\.example", expected an IP address$/],
    [[...GOOD, '--cert', 'mx1.gov.example'], /^a client certificate is shown in a TLS session only/],
    [[...GOOD, '--tls', 'unknown', '--fingerprint', 'AB'.repeat(32)], /^a client certificate is shown /],
    [[...GOOD, '--fingerprint', 'zz'], /^--fingerprint: found "zz", expected hex digits of /],
    [[...GOOD, '--header', '\u001b[2J'], /^--header: found "\\u\{1b\}\[2J", expected "Name: value"$/],
    [['--to', 'b@x.example'], /^--from is missing/],
    [['--from', '<>'], /^--to is missing/],
  ];
  for (const [argv, message] of cases) {
    await t.rejects(explain(['--sample', ...argv], io), { message }, argv.join(' '));
    await t.rejects(
      simulate(['milter', '--connect', 'unix:/nonexistent/x', ...argv], io),
      { message },
      `simulate ${argv.join(' ')}`,
    );
  }
});

test('explain --deliver takes next hops', async (t) => {
  const refused = (argv: string[], message: RegExp) =>
    t.rejects(explain(['--sample', '--deliver', ...argv], io), { message }, argv.join(' '));
  await refused(
    ['b@bank.example'],
    /^--deliver: found the address "b@bank\.example", expected a next hop: "bank\.example"; only --map tls_rcpt /,
  );
  await refused(['bank.example', '--map', 'delivery'], /^--map: found "delivery", expected deliver, /);
  await refused(['bank.example', ...GOOD], /^--deliver /);
  const addressed = ['--sample', '--deliver', 'b@clinic.example', '--map', 'tls_rcpt'];
  t.equal(await explain(addressed, io), 0);
});

test('paths as a client may send them', async (t) => {
  const accepted = async (from: string, to: string) =>
    t.equal(await explain(['--sample', '--from', from, '--to', to], io), 0, `${from} ${to}`);
  await accepted('<>', 'postmaster');
  await accepted('<alice>', '<root>');
  await accepted('a@b@x.example', '"a b"@x.example');
});
