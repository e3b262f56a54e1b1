/**
 * Messages that rules speak of, written in ways nobody planned for: the same recipient several times, hundreds of them, a domain
 * that is not ASCII, marks that an author spells in Postfix's other address forms; and gateways that leave mail inside alone.
 */
import t from 'tap';
import { until } from './harness/deadline.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTHOR, type MessageScene, messageScene } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';

/** Recipients as they are, without a header that names them. */
async function send(x: MessageScene, recipients: readonly string[], mailParameters = ''): Promise<string> {
  const client = await openSession(x.postfix.port('plain'));
  try {
    await client.mail(AUTHOR, mailParameters);
    for (const one of recipients) await client.rcpt(one);
    const { code, text } = await client.data(x.text({ to: 'undisclosed', subject }));
    return `${code} ${text}`;
  } finally {
    await client.quit();
  }
}

t.test('the same recipient several times, and hundreds of them', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED });
  const same = ['u@good.example', 'u@good.example', 'U@good.example', 'u@GOOD.Example', 'u@good.example.'];
  t.match(await send(x, [...same, 'p@plain.example', 'P@plain.example']), /^250 /);
  await x.notice();
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3'], 'once');
  const many = Array.from({ length: 300 }, (_, i) => `m${i}@good.example`);
  t.match(await send(x, many), /^250 /);
  const arrived = (): string[] => x.sink('good').messages.flatMap(({ recipients }) => recipients);
  await until(
    30_000,
    'all of them',
    () => arrived().length >= 301,
    () => x.postfix.log().slice(-3000),
  );
  t.strictSame(arrived().slice(1).sort(), [...many].sort(), 'each once');
  x.sealed(t);
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('a domain that is not ASCII', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED });
  t.match(await send(x, ['u@bücher.example'], 'SMTPUTF8'), /^250 /);
  // it has no servers; what counts is which name is asked for, and that nothing else is in the way
  t.match((await x.notice()).text, /name=xn--bcher-kva\.example\b/);
  t.match(x.postfix.log(), /to=<u@bücher\.example\.tlsward-encrypt>/);
  x.sealed(t);
});

t.test('a next hop in any form of address', { skip, buffered: true }, async (t) => {
  const hop = 'good.example.tlsward-via.b-22.127.0.0.1.tlsward-encrypt';
  for (const tables of [TAGGED, '[domains]\nother.example = may\n']) {
    const x = await messageScene(t, { tables });
    for (const path of [
      `u@${hop}`,
      `u%${hop}`,
      `${hop}!u`,
      `@local.example:u@${hop}`,
      `"u@${hop}"`,
      'u@good.example.(c)tlsward-via.b-22.127.0.0.1.tlsward-encrypt',
      'u@good.example.tlsward\\-via.b-22.127.0.0.1.tlsward-encrypt',
    ])
      t.match(await send(x, [path]), /^550 .*has a routing suffix/, path);
    t.strictSame(await x.postfix.left(), []);
    const session = { tls: true, auth: { user: 'alice', password: 'secret' } } as const;
    const marked = { to: 'u@good.example.tlsward-encrypt', listener: 'submission', session };
    t.match((await x.post(marked)).last, { code: 550, enhanced: '5.7.1' }, 'somebody who logged in');
    x.sealed(t);
  }
});

t.test(
  'mail for hosts inside, where remote-transports is smtp alone',
  { skip, buffered: true },
  async (t) => {
    const x = await messageScene(t, {
      tables: TAGGED,
      main: { relay_domains: 'plain.example' },
      service: () => ({ 'remote-transports': 'smtp' }),
    });
    const session = { localAddress: '127.0.0.9' };
    const inward = await x.accepted(t, { to: 'u@plain.example', from: 'x@other.example', subject, session });
    t.equal(await x.outcome(inward, 'u@plain.example'), 'smtp 2.0.0 sent', 'no rule speaks of it');
    const outward = await x.accepted(t, { to: 'u@good.example', subject });
    t.equal(await x.outcome(outward, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
    x.sealed(t, 'plain');
  },
);

t.test(
  'a rule that goes while mail for its gateway waits, and comes back',
  { skip, buffered: true },
  async (t) => {
    const tables = (hop: (place: 'gateway') => string) =>
      `${TAGGED}cannot = fallback\nfallback = ${hop('gateway')}\n[domains]\nnever.example = none\n`;
    const x = await messageScene(t, { tables, main: { defer_transports: 'tlsward-fallback' } });
    const { postfix, daemon } = x;
    const id = await x.accepted(t, { to: 'u@never.example', subject });
    t.equal(await x.outcome(id, 'u@never.example'), 'error 4.3.2 deferred');
    await daemon.reload('[domains]\nnever.example = none\n');
    await postfix.setMain({ defer_transports: null });
    let from = postfix.logMark();
    await postfix.flush();
    t.equal(await x.outcome(id, 'u@never.example', from), 'error 4.3.0 deferred');
    t.match(postfix.log().slice(from), /no rule "secure" with a fallback, for which this mail waits/);
    t.match(await daemon.waitForEvent('map.answer'), { reply: /^TEMP tlsward: no rule "secure"/ });
    const other = await x.accepted(t, { to: 'u@good.example' });
    t.equal(await x.outcome(other, 'u@good.example'), 'smtp 2.0.0 sent', 'other mail is not kept up');
    await daemon.reload(tables(x.hop));
    from = postfix.logMark();
    await postfix.flush();
    t.equal(await x.outcome(id, 'u@never.example', from), 'tlsward-fallback 2.0.0 sent');
    t.strictSame(x.got('gateway'), ['u@never.example TLSv1.3']);
  },
);
