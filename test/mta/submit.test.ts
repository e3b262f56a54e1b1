/** Handing a letter over, to servers of every temper: was it taken, and may it have been? */
import { createServer, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { submit } from '../../src/mta/submit.ts';

/** A server that answers each step: greeting, EHLO, MAIL, RCPT, DATA, the letter, QUIT; '' closes the connection. */
async function server(t: Test, replies: readonly string[]): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const left = [...replies];
    let text = '';
    let inLetter = false;
    const say = (): void => {
      const reply = left.shift() ?? '';
      inLetter = reply.startsWith('354');
      if (reply === '') socket.destroy();
      else socket.write(`${reply}\r\n`);
    };
    say();
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = text.indexOf(inLetter ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        heard.push(text.slice(0, end));
        text = text.slice(end + (inLetter ? 5 : 2));
        say();
      }
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  const address = listening.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, heard };
}

const GOOD = ['220 mx', '250-mx\r\n250 8BITMIME', '250 ok', '250 ok', '354 go', '250 queued', '221 bye'];
const letter = { host: 'mx.our.example', to: 'alice@our.example', text: 'Subject: x\n\n.dot\n' };

test('taken', async (t) => {
  const { port, heard } = await server(t, GOOD);
  t.same(await submit({ host: '127.0.0.1', port }, letter), { how: 'taken', why: '', reply: '250 queued' });
  t.same(heard, [
    'EHLO mx.our.example',
    'MAIL FROM:<> BODY=8BITMIME',
    'RCPT TO:<alice@our.example>',
    'DATA',
    'Subject: x\r\n\r\n..dot',
    'QUIT',
  ]);
  const rude = await server(t, GOOD.slice(0, 6));
  t.match(
    await submit({ host: '127.0.0.1', port: rude.port }, letter),
    { how: 'taken' },
    'whatever becomes of QUIT',
  );
});

test('not taken, or not known', async (t) => {
  const with_ = (step: number, reply: string) => GOOD.map((one, i) => (i === step ? reply : one));
  for (const [step, reply, how] of [
    [0, '421 busy', 'server'],
    [0, '554 no', 'server'],
    [0, '', 'server'],
    [1, '502 no', 'server'],
    [2, '451 later', 'server'],
    [2, '550 no null sender', 'server'],
    [3, '451 4.3.0 later', 'temporary'],
    [3, '550 5.1.1 unknown', 'permanent'],
    [3, '421 4.3.2 shutting down', 'server'],
    [3, '', 'server'],
    [4, '451 later', 'temporary'],
    [4, '', 'server'],
    [5, '451 4.7.1 later', 'temporary'],
    [5, '554 5.7.1 spam', 'permanent'],
    [5, '', 'unsure'],
  ] as const) {
    const { port } = await server(t, with_(step, reply));
    const posted = await submit({ host: '127.0.0.1', port }, letter);
    t.equal(posted.how, how, `${step} ${reply}`);
    t.ok(posted.why !== '');
  }
  const { port } = await server(t, GOOD);
  t.match(
    await submit({ host: '127.0.0.1', port: port === 1 ? 2 : 1 }, letter),
    { how: 'server' },
    'nobody listens',
  );
});
