/** A daemon in a Node.js whose handles are not as tlsward uses them: it says so and answers by net.Sockets. */
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'tap';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { fieldsOf, playMail } from './playMail.ts';
import { daemonProcess, opened } from './process.ts';
import { policyAnswers, policyRequest, TLS } from './startDaemon.ts';

/** In a process of its own, because a process tries its handles only once. */
const BROKEN = `import { breakHandles } from '${new URL('../net/brokenHandles.js', import.meta.url).href}'; breakHandles('useUserBuffer')`;

test('all three protocols', async (t) => {
  const on = await daemonProcess(t, 'socketmap-listen = unix:s\n[domains]\nbank.example = encrypt\n', {
    flags: ['--import', `data:text/javascript,${encodeURIComponent(BROKEN)}`],
  });
  await on.logged({ event: 'handles.unusable', node: process.versions.node });

  const policy = await opened(join(on.folder, 'p'));
  const [refused = '', accepted] = await policyAnswers(policy, [policyRequest(), policyRequest(TLS)]);
  t.match(refused, /^530 5\.7\.0 bank\.example requires TLS /);
  t.equal(accepted, 'DUNNO');
  policy.end();
  await once(policy, 'close');

  const milter = join(on.folder, 'm');
  t.equal((await playMail(milter, { tls: { kind: 'plain' } })).outcome, 'refused');
  const played = await playMail(milter, {});
  t.equal(played.outcome, 'accepted');
  t.equal(fieldsOf(played, 'X-TLS-Ward').length, 1, 'marked');

  const socketmap = await opened(join(on.folder, 's'));
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
