/**
 * Rules about single messages on a real Postfix, by header: the fragments of contrib/postfix as they are shipped, the listeners
 * changed as message-header.master.cf says. The header that routes is ours alone: what arrives with it has no effect, in any
 * spelling, attached to a message or put back by `postsuper -r`; and it is gone when the message leaves.
 */
import t from 'tap';
import { pause } from './harness/deadline.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTHOR, fieldOf, messageScene, SECRET } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';
const way = 'header';

t.test('under TLS, or back at once', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { way, tables: `${TAGGED}[domain plain.example]\ndeliver = may\n` });
  const to = ['u@good.example', 'u@plain.example', 'u@self.example'];
  const id = await x.accepted(t, { to, subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@self.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
  const [received] = x.sink('good').messages;
  t.match(received, { recipients: ['u@good.example'], protocol: 'TLSv1.3' });
  t.equal(fieldOf(received, 'To'), to.join(', '));
  t.equal(fieldOf(received, 'X-TLS-Ward-Route'), null, 'our header stays here');
  t.ok(received!.content!.endsWith(`\n\n${SECRET}\n`));
  const notice = (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' ');
  t.match(
    notice,
    /^<u@plain\.example>: This message must be sent under TLS/m,
    'the address as it was written',
  );
  t.match(notice, /^Final-Recipient: rfc822; u@plain\.example$/m);

  const again = await x.post({ to: ['v@good.example', 'v@plain.example'], subject });
  t.match(
    again.last,
    { code: 550, enhanced: '5.7.10', text: /plain\.example/ },
    'refused while its author looks',
  );
  x.sealed(t);
  const ordinary = await x.accepted(t, { to: 'u@plain.example' });
  t.equal(await x.outcome(ordinary, 'u@plain.example'), 'smtp 2.0.0 sent');
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('a route header from outside', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { way, tables: TAGGED });
  for (const [listener, header] of [
    ['plain', 'X-TLS-Ward-Route: encrypt'],
    ['smtp', 'x-tls-ward-route:fallback'],
    ['plain', 'X-TLS-Ward-Route : encrypt'],
    ['plain', 'X-TLS-Ward-Route\t: verify'],
    ['plain', 'X-TLS-Ward-Route:\n encrypt'],
  ] as const) {
    const id = await x.accepted(t, { to: 'u@plain.example', headers: [header], listener, subject: header });
    t.equal(await x.outcome(id, 'u@plain.example'), 'smtp 2.0.0 sent', JSON.stringify(header));
    const { content } = x.sink('plain').messages.at(-1)!;
    t.notMatch(content!.toLowerCase(), /\nx-tls-ward-route/, 'dropped');
  }
  const attached = [
    'MIME-Version: 1.0',
    'Content-Type: message/rfc822',
    '',
    'X-TLS-Ward-Route: encrypt',
    'Subject: inner',
  ];
  const inner = await x.accepted(t, { to: 'u@plain.example', headers: attached, subject: 'attached' });
  t.equal(await x.outcome(inner, 'u@plain.example'), 'smtp 2.0.0 sent', 'in an attached message');
  t.match(
    x.sink('plain').messages.at(-1)!.content,
    /\n\nX-TLS-Ward-Route: encrypt\nSubject: inner\n/,
    'left as it is',
  );
  await x.postfix.setMain({ defer_transports: 'smtp' });
  const put = await x.accepted(t, { to: 'w@plain.example', headers: attached, subject: 'requeued' });
  t.equal(await x.outcome(put, 'w@plain.example'), 'error 4.3.2 deferred');
  await x.postfix.setMain({ defer_transports: null });
  const from = x.postfix.logMark();
  await x.postfix.requeue();
  await x.postfix.waitForLog(/ postfix\/smtp\[\d+\]: \w+: to=<w@plain\.example>.*status=sent/, { from });
  t.strictSame([x.got('gateway'), x.got('good')], [[], []]);
});

t.test('requeued, held and released', { skip, buffered: true }, async (t) => {
  const main = { defer_transports: 'tlsward-encrypt, smtp' };
  const x = await messageScene(t, { way, tables: TAGGED, main });
  const { postfix } = x;
  const to = ['u@good.example', 'u@plain.example'];
  const first = await x.accepted(t, { to, subject });
  for (const one of to) t.equal(await x.outcome(first, one), 'error 4.3.2 deferred');
  await postfix.hold(first);
  await postfix.setMain({ defer_transports: null });
  let from = postfix.logMark();
  await postfix.requeue();
  const [, second = ''] = await postfix.waitForLog(/cleanup\[\d+\]: (\w+): message-id=/, { from });
  t.equal(await x.outcome(second, 'u@good.example', from), 'tlsward-encrypt 2.0.0 sent', 'released by -r');
  t.equal(await x.outcome(second, 'u@plain.example', from), 'tlsward-encrypt 5.7.4 bounced');
  t.equal(fieldOf(x.sink('good').messages[0], 'X-TLS-Ward-Route'), null);
  await x.notice();

  await postfix.setMain({ defer_transports: 'tlsward-encrypt, smtp' });
  const third = await x.accepted(t, { to: 'w@good.example', subject });
  t.equal(await x.outcome(third, 'w@good.example'), 'error 4.3.2 deferred');
  await postfix.hold(third);
  await postfix.setMain({ defer_transports: null });
  from = postfix.logMark();
  await postfix.release(third);
  t.equal(await x.outcome(third, 'w@good.example', from), 'tlsward-encrypt 2.0.0 sent', 'released by -H');
  x.sealed(t);
});

t.test(
  'an alias of ours that leads elsewhere, and a copy for the archive',
  { skip, buffered: true },
  async (t) => {
    const x = await messageScene(t, { way, tables: TAGGED });
    const aliases = x.postfix.file('aliases', 'team@our.example u@good.example, u@plain.example\n');
    await x.postfix.setMain({
      virtual_alias_domains: 'our.example',
      virtual_alias_maps: `texthash:${aliases}`,
      always_bcc: 'copy@self.example',
    });
    const id = await x.accepted(t, { to: 'team@our.example', subject });
    t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
    t.equal(await x.outcome(id, 'copy@self.example'), 'tlsward-encrypt 2.0.0 sent');
    t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
    x.sealed(t);
  },
);

t.test('local recipients in the same message', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { way, tables: TAGGED });
  const { last } = await x.post({ to: ['u@good.example', 'bob@local.example'], subject });
  t.match(last, {
    code: 550,
    enhanced: '5.7.10',
    text: /is delivered on this server; send it to each of them/,
  });
  const local = await x.accepted(t, { to: 'bob@local.example', subject });
  t.equal(await x.outcome(local, 'bob@local.example'), 'virtual 2.0.0 sent', 'alone it is no matter of ours');
});

t.test('a relayhost and a gateway that FILTER names', { skip, buffered: true }, async (t) => {
  const tables = (hop: (place: 'gateway') => string) =>
    `${TAGGED}cannot = fallback\nfallback = ${hop('gateway')}\n[domains]\nnever.example = none\n`;
  const x = await messageScene(t, { way, tables });
  const id = await x.accepted(t, { to: 'u@never.example', subject });
  t.equal(await x.outcome(id, 'u@never.example'), 'tlsward-fallback 2.0.0 sent');
  t.strictSame(x.got('gateway'), ['u@never.example TLSv1.3']);
  const route = x.postfix.main('tlsward_route')!;
  await x.postfix.setMain({ tlsward_route: route.replaceAll('crypt:}', `crypt:${x.hop('relay')}}`) });
  const relayed = await x.accepted(t, { to: 'u@good.example', subject });
  t.equal(await x.outcome(relayed, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.strictSame(x.got('relay'), ['u@good.example TLSv1.3']);
  x.sealed(t);
});

t.test('mail from sendmail(1), and tlsward killed', { skip, buffered: true }, async (t) => {
  const main = { non_smtpd_milters: '$tlsward_milter', defer_transports: 'tlsward-encrypt' };
  const x = await messageScene(t, { way, tables: TAGGED, main });
  const { postfix } = x;
  const to = ['u@good.example', 'u@plain.example'];
  await postfix.sendmail(['-f', AUTHOR, ...to], x.text({ to, subject }));
  await postfix.waitForLog(/to=<u@good\.example>.*dsn=4\.3\.2, status=deferred/);
  await x.daemon.kill();
  await postfix.setMain({ defer_transports: null });
  let from = postfix.logMark();
  await postfix.flush();
  for (const one of to)
    await postfix.waitForLog(new RegExp(`to=<${one}>.*dsn=4\\.7\\.5, status=deferred`), { from });
  from = postfix.logMark();
  await postfix.requeue();
  for (const one of to)
    await postfix.waitForLog(new RegExp(`to=<${one}>.*dsn=4\\.7\\.5, status=deferred`), { from });
  t.strictSame(x.got('good'), [], 'no policy, no mail');
  x.sealed(t);
  await x.daemon.start();
  await pause(50);
  await postfix.flush();
  await x.sink('good').waitForMessages(1);
  t.match((await x.notice()).text, /must be sent under TLS/);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);
  x.sealed(t);
});
