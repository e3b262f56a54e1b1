/**
 * Marked mail while tlsward is killed, restarted and reloaded, and while connections are kept: nothing in plain text, nothing
 * lost, nothing twice.
 */
import t from 'tap';
import { pause } from './harness/deadline.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTHOR, messageScene, NEIGHBOUR } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';

t.test('tlsward killed, restarted and reloaded in between', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED, main: { defer_transports: 'tlsward-encrypt' } });
  const { postfix, daemon } = x;
  const to = ['u@good.example', 'u@plain.example', NEIGHBOUR];
  const id = await x.accepted(t, { to, subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'error 4.3.2 deferred');
  await daemon.kill();
  await postfix.setMain({ defer_transports: null });
  let from = postfix.logMark();
  await postfix.flush();
  const { from: sender } = { from: AUTHOR };
  for (const one of to.slice(0, 2))
    t.match(await x.outcome(id, one, from), /4\.\d\.\d deferred/, `dead: ${one}`);
  t.match(
    (await x.post({ to: 'u@plain.example', subject, from: sender })).last,
    { code: 451 },
    'nothing new is taken',
  );
  x.sealed(t);
  t.strictSame(x.got('good'), []);
  await daemon.start();
  from = postfix.logMark();
  await postfix.flush();
  t.equal(await x.outcome(id, 'u@good.example', from), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@plain.example', from), 'tlsward-encrypt 5.7.4 bounced');

  // and while it is restarted and reloaded all the time
  let busy = true;
  const turmoil = (async () => {
    for (let i = 0; i < 4; i++) {
      await (i % 2 ? daemon.kill() : daemon.stop());
      await daemon.start();
      await daemon.reload(`${TAGGED}[domains]\nn${i}.example = may\n`);
    }
    busy = false;
  })();
  const taken: string[] = [];
  for (let i = 0; busy || i < 10; i++) {
    const all = [`u${i}@good.example`, `u${i}@self.example`, `u${i}@plain.example`];
    const { last, rcpt } = await x.post({ to: all, subject });
    // a recipient whose transport could not be looked up just then is told so; the others may be taken
    if (last.code === 250) taken.push(...all.filter((_, j) => rcpt[j]?.code === 250));
    else t.match(last.code, /^(?:451|550)$/);
    await pause(20);
  }
  await turmoil;
  for (let i = 0; (await postfix.queue()).length > 0 && i < 400; i++) {
    await postfix.flush(0);
    await pause(250);
  }
  t.strictSame(await postfix.left(), []);
  t.ok(taken.length > 0);
  for (const place of ['good', 'self'] as const) {
    const arrived = x.sink(place).messages.flatMap(({ recipients }) => recipients);
    const wanted = ['u@good.example', ...taken].filter((address) => address.endsWith(`@${place}.example`));
    t.strictSame(arrived.sort(), wanted.sort(), `${place}: each once`);
  }
  x.sealed(t);
  t.strictSame(daemon.events('bug'), []);
});

t.test('connections that are kept', { skip, buffered: true }, async (t) => {
  // an administrator who keeps connections all the same
  const main = { smtp_connection_cache_destinations: 'plain.example, self.example' };
  const x = await messageScene(t, { tables: TAGGED, main });
  const { postfix } = x;
  const client = await openSession(postfix.port('plain'));
  t.teardown(() => client.destroy());
  const send = async (to: string, tagged: boolean) => {
    const post = { to, ...(tagged ? { subject } : {}) };
    return (await client.send({ from: AUTHOR, to, text: x.text(post) })).queueId!;
  };
  for (const i of [1, 2, 3])
    t.equal(
      await x.outcome(await send(`u${i}@plain.example`, false), `u${i}@plain.example`),
      'smtp 2.0.0 sent',
    );
  t.equal(x.sink('plain').connections, 1, 'ordinary mail goes over one connection');
  t.equal(
    await x.outcome(await send('m@plain.example', true), 'm@plain.example'),
    'tlsward-encrypt 5.7.4 bounced',
  );
  t.notMatch(x.sink('plain').clear, /secure/, 'and marked mail not over that one');
  t.equal(x.sink('plain').received.length, 3);

  // a row that is raised counts for the next message
  for (const i of [1, 2, 3])
    t.equal(
      await x.outcome(await send(`u${i}@self.example`, true), `u${i}@self.example`),
      'tlsward-encrypt 2.0.0 sent',
    );
  await x.daemon.reload(`${TAGGED}[domain self.example]\ndeliver = verify\n`);
  const waits = 'tlsward-encrypt 4.7.5 deferred';
  for (const i of [4, 5, 6])
    t.equal(await x.outcome(await send(`u${i}@self.example`, true), `u${i}@self.example`), waits);
  await client.quit();
  t.equal((await postfix.queue()).length, 3, 'they wait: it is the row that asks for it, not the message');
  t.equal(x.got('self').length, 3);
  x.sealed(t, 'plain');
});
