/** A daemon in a Node.js whose handles are not as tlsward uses them: it says so and answers by net.Sockets. */
import { test } from 'tap';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { breakHandles } from '../net/brokenHandles.ts';
import { fieldsOf, playMail } from './playMail.ts';
import { policyAnswers, policyRequest, startDaemon, TLS, untilClosed } from './startDaemon.ts';

test('all three protocols', async (t) => {
  t.teardown(breakHandles('useUserBuffer'));
  const on = await startDaemon(
    t,
    'socketmap-listen = unix:socketmap.sock\n[domains]\nbank.example = encrypt\n',
  );
  const said = on.log().filter(({ event }) => event === 'handles.unusable');
  t.match(said, [{ level: 30, node: process.versions.node }], 'said once');

  const policy = await on.open('policy');
  const closed = untilClosed(policy);
  const [refused = '', accepted] = await policyAnswers(policy, [policyRequest(), policyRequest(TLS)]);
  t.match(refused, /^530 5\.7\.0 bank\.example requires TLS /);
  t.equal(accepted, 'DUNNO');
  policy.end();
  await closed;

  t.equal((await playMail(on, { tls: { kind: 'plain' } })).outcome, 'refused');
  const played = await playMail(on, {});
  t.equal(played.outcome, 'accepted');
  t.equal(fieldsOf(played, 'X-TLS-Ward').length, 1, 'marked');

  const socketmap = await on.open('socketmap');
  const decoder = new SocketmapReplyDecoder();
  const reply = new Promise((resolve) => {
    socketmap.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      const next = decoder.next();
      if (next !== null) resolve(next);
    });
  });
  socketmap.write(encodeSocketmapRequest('deliver', 'bank.example'));
  t.match(await reply, { status: 'OK' });
  socketmap.destroy();
});
