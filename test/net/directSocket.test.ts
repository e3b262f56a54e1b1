/**
 * A socket on a handle: what it reads and writes directly, and what it leaves to a net.Socket.
 */
import { connect, createServer, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { DirectSocket, takeHandles } from '../../src/net/directSocket.ts';
import { until } from '../until.ts';

interface Ends {
  readonly accepted: DirectSocket;
  readonly client: Socket;
  /** What happened to the accepted one. */
  readonly happened: string[];
}

/** Connections of TCP, one for each call. */
async function opener(t: Test): Promise<() => Promise<Ends>> {
  const server = createServer({ allowHalfOpen: true });
  const waiting: DirectSocket[] = [];
  takeHandles(server, (handle) => void waiting.push(new DirectSocket(handle)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  return async () => {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => {});
    await until(() => waiting.length > 0);
    const accepted = waiting.shift()!;
    const happened: string[] = [];
    accepted.serve({
      receive: (chunk) => happened.push(Buffer.from(chunk).toString('latin1')),
      end: () => happened.push('end'),
      drained: () => happened.push('drained'),
      failed: ({ message }) => happened.push(message),
      closed: () => happened.push('closed'),
    });
    t.teardown(() => client.destroy());
    t.teardown(() => accepted.destroy());
    return { accepted, client, happened };
  };
}

test('the peer of a TCP connection is known', async (t) => {
  const open = await opener(t);
  const { accepted, client } = await open();
  t.equal(accepted.remoteAddress, '127.0.0.1');
  t.equal(accepted.remotePort, client.localPort);
});

test('what a slow peer does not read waits in order', async (t) => {
  const open = await opener(t);
  const { accepted, client, happened } = await open();
  const block = Buffer.alloc(100_000, 'x');
  let blocks = 0;
  for (let flowing = true; flowing; blocks++)
    flowing = accepted.write(Buffer.concat([Buffer.from([blocks]), block]));
  t.ok(accepted.writableNeedDrain && accepted.writableLength > 0, `${blocks} blocks`);
  t.notOk(accepted.isPaused(), 'pausing is left to the owner');
  t.equal(accepted.write(Buffer.from('last')), false);
  const got: Buffer[] = [];
  client.on('data', (chunk) => got.push(chunk));
  await until(() => happened.includes('drained'));
  t.equal(accepted.writableLength, 0);
  accepted.destroySoon();
  await new Promise((resolve) => client.once('end', resolve));
  const all = Buffer.concat(got);
  t.equal(all.length, blocks * 100_001 + 4);
  t.ok(all.subarray(-4).equals(Buffer.from('last')));
  t.ok(Array.from({ length: blocks }).every((_, i) => all[i * 100_001] === i));
});

test('a paused socket reads nothing, also when it becomes a net.Socket meanwhile', async (t) => {
  const open = await opener(t);
  const { accepted, client, happened } = await open();
  accepted.pause();
  t.ok(accepted.isPaused());
  client.write('one');
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(happened, []);
  while (accepted.write(Buffer.alloc(1_000_000))) t.pass();
  t.ok(accepted.isPaused());
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(happened, []);
  accepted.resume();
  await until(() => happened.length > 0);
  t.same(happened, ['one']);
});

test('reading goes on after a pause', async (t) => {
  const open = await opener(t);
  const { accepted, client, happened } = await open();
  client.write('one');
  await until(() => happened.length === 1);
  accepted.pause();
  accepted.resume();
  client.write('two');
  await until(() => happened.length === 2);
  client.end();
  await until(() => happened.length === 3);
  t.same(happened, ['one', 'two', 'end']);
});

test('nothing is written after the end, though another connection has the descriptor', async (t) => {
  const open = await opener(t);
  const first = await open();
  first.accepted.destroy();
  t.ok(first.accepted.destroyed);
  await until(() => first.happened.includes('closed'));
  const second = await open();
  first.accepted.write(Buffer.from('for the first'));
  first.accepted.resume();
  first.accepted.destroy();
  second.accepted.write(Buffer.from('for the second'));
  const got = await new Promise<Buffer>((resolve) => second.client.once('data', resolve));
  t.equal(got.toString(), 'for the second');
  t.same(first.happened, ['closed']);
});

test('a write to a peer that is gone fails as with a net.Socket', async (t) => {
  const open = await opener(t);
  const { accepted, client, happened } = await open();
  accepted.pause();
  client.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  accepted.write(Buffer.from('too late'));
  await until(() => happened.includes('closed'));
  t.match(happened, [/^write E(PIPE|CONNRESET)$/, 'closed']);
});
