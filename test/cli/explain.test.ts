/**
 * `explain` recipient by recipient and interface by interface, in words and as JSON. That real MTAs answer so is for
 * test/e2e/differential.test.ts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/explain.ts';
import type { ExplainedInterfaces } from '../../src/cli/explainInterfaces.ts';

const PIN = `${'AB:'.repeat(31)}CD`;
const TABLE = `[service]
policy-listen = unix:policy.sock
milter-listen = unix:milter.sock
socketmap-listen = unix:socketmap.sock
[domains]
bank.example = encrypt
[domain pinned.example]
receive = verify
fingerprint = ${PIN}
[domain tag.example]
receive = verify
fingerprint = ${PIN}
violation = tag
[domain held.example]
receive = encrypt
violation = hold
[rule secure]
subject-tag = [secure]
recipient = refused.example, bank.example
cannot = reject
[domain refused.example]
deliver = none
`;
const TLS = ['--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 256'];

interface Said {
  readonly status: number;
  readonly out: string;
  readonly lines: Record<string, string[]>;
}

async function say(t: Test, argv: readonly string[]): Promise<Said> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'tlsward.ini');
  writeFileSync(config, TABLE);
  let out = '';
  const io: Io = { out: (text) => (out += text), err: (text) => t.fail(text), env: {}, colour: false };
  const status = await run(['--config', config, ...argv], io);
  const lines: Record<string, string[]> = {};
  let last = '';
  for (const line of out.split('\n').slice(1)) {
    last = line.slice(0, 11).trim() || last;
    if (line !== '') lines[last] = [...(lines[last] ?? []), line.slice(11)];
  }
  return { status, out, lines };
}

async function json(
  t: Test,
  argv: readonly string[],
): Promise<Record<string, unknown> & { interfaces: ExplainedInterfaces }> {
  const { out } = await say(t, ['--json', ...argv]);
  return JSON.parse(out) as Record<string, unknown> & { interfaces: ExplainedInterfaces };
}

const from = (sender: string, ...recipients: string[]): string[] => [
  '--from',
  sender,
  ...recipients.flatMap((recipient) => ['--to', recipient]),
];

test('each recipient has its own reply', async (t) => {
  const asked = from('a@x.example', 'b@bank.example', 'c@x.example', '"d e"@held.example', 'postmaster');
  const { out, status, lines } = await say(t, asked);
  t.equal(status, 1);
  t.match(
    out,
    /^reject for b@bank\.example; accept for c@x\.example, postmaster; hold for "d e"@held\.example\n/,
  );
  t.match(lines.policy, [
    /^b@bank\.example: 530 5\.7\.0 <b@bank\.example>: Recipient address rejected: bank\.example requires TLS/,
    /^c@x\.example: 250$/,
    /^"d e"@held\.example: 250, and the message is held$/,
    /^postmaster: 250$/,
  ]);
  t.match(lines.milter?.[0], /^b@bank\.example: 530 5\.7\.0 bank\.example requires TLS/);
  t.same(lines.both, ['as policy']);
  t.equal(lines.sendmail, undefined, 'the same codes as the milter of Postfix');

  const { interfaces, verdict } = await json(t, asked);
  t.equal(verdict, 'reject', 'the harshest');
  for (const [name, { recipients, message }] of Object.entries(interfaces)) {
    t.same(
      recipients.map((one) => one.verdict),
      ['reject', 'accept', 'hold', 'accept'],
      name,
    );
    t.same(
      recipients.map((one) => one.reply?.code ?? 250),
      [530, 250, 250, 250],
    );
    t.equal(message?.verdict, 'hold');
    if (name === 'policy') t.equal(message?.header, null);
    else t.match(message?.header, /^X-TLS-Ward: .*state=unprotected;.*verdict=hold/);
  }
  const none = await json(t, from('a@bank.example', 'b@x.example'));
  t.ok(Object.values(none.interfaces).every(({ message }) => message === null));
  t.equal(none.header, null);
});

test('a row with a pin: what each interface can know', async (t) => {
  const mail = from('a@pinned.example', 'b@x.example');
  const refused = await say(t, [...mail, ...TLS, '--cert', 'mx.pinned.example']);
  t.equal(refused.status, 1, 'a certificate without --fingerprint is not the pinned one');
  t.match(refused.out, /^reject: 550 5\.7\.5 /);
  t.match(refused.lines.policy, [/^550 5\.7\.5 <b@x\.example>: /]);
  t.match(refused.lines.milter, [/^451 4\.3\.5 .*a pinned certificate is only seen by the policy service/]);
  t.same(refused.lines.both, ['as policy']);
  t.equal(refused.lines.sendmail, undefined);
  t.match(refused.lines.change, [
    /^if the client showed the certificate with the pin AB:.*, the verdict would be accept$/,
  ]);

  const none = await say(t, [...mail, ...TLS]);
  t.match(none.lines.milter, [/^451 4\.3\.5 /]);
  t.match(none.lines.sendmail, [/^550 5\.7\.5 <b@x\.example>\.\.\. .*no client certificate was presented/]);

  const met = await say(t, [...mail, ...TLS, '--fingerprint', PIN]);
  t.equal(met.status, 0);
  t.match(met.out, /^accept\n/);
  t.same(met.lines.policy, ['250']);
  t.match(met.lines.milter, [/^451 4\.3\.5 /]);
  t.same(met.lines.both, ['as policy']);
  t.match(met.lines.header, [/state=protected;.*certificate=untrusted/]);

  const tagged = await json(t, [...from('a@tag.example', 'b@x.example'), ...TLS]);
  t.match(tagged.interfaces.both, {
    recipients: [{ verdict: 'accept', reply: null }],
    message: {
      verdict: 'accept',
      tagged: true,
      header: /state=unprotected;.*certificate=none;.*verdict=tag/,
    },
  });
  t.match(tagged.interfaces.milter, {
    recipients: [{ verdict: 'defer', reply: { code: 451 } }],
    message: null,
  });
});

test('a rule refuses the message where there is a milter, for the recipients that passed', async (t) => {
  const mail = [...from('a@x.example', 'b@refused.example', 'c@bank.example'), '--subject', '[secure] x'];
  const { interfaces } = await json(t, mail);
  t.match(interfaces.policy.message, { verdict: 'accept', reply: null });
  for (const name of ['milter', 'both', 'sendmail'] as const) {
    t.match(interfaces[name].recipients, [{ verdict: 'accept' }, { verdict: 'reject' }]);
    t.match(interfaces[name].message, { verdict: 'reject', reply: { code: 550 }, header: null }, name);
  }
  const other = await json(t, [...from('a@x.example', 'b@x.example'), '--subject', '[secure] x']);
  t.match(other.interfaces.both.message, { verdict: 'accept', reply: null });
});

test('what nobody refuses has no lines of its own, and odd addresses do no harm', async (t) => {
  const { lines } = await say(t, from('a@x.example', 'b@x.example', 'c@x.example'));
  t.same([lines.policy, lines.milter, lines.both], [undefined, undefined, undefined]);
  const odd = await say(
    t,
    from('a@bank.example', '"x\u001b[31m\u202e\\"y"@x.example', `${'z'.repeat(5000)}@x.example`),
  );
  t.notMatch(odd.out, /[\u001b\u202e]/);
  t.match(odd.lines.policy?.[0], /530 5\.7\.0 <x\?\[31m\?"y@x\.example>: /);
});
