/**
 * Answers that must be waited for, with reads into the buffer of all connections: what a peer pipelined behind its question is still
 * what it sent, although other connections were read in the meantime. Each protocol with its own decoder.
 */
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'tap';
import { Log } from '../../src/log/log.ts';
import { Driver } from '../../src/net/driver.ts';
import { socketmapProtocol } from '../../src/session/socketmap.ts';
import { encodeNetstring } from '../../src/wire/netstring.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { until } from '../until.ts';

const LIMITS = {
  maxConnections: 100,
  maxConnectionsPerClient: 100,
  idleTimeoutSeconds: 60,
  requestTimeoutSeconds: 60,
};

test('pipelined questions survive the wait for the one before', async (t) => {
  const waiting: (() => void)[] = [];
  const driver = new Driver({
    protocol: socketmapProtocol,
    handler: ({ key }): string | Promise<string> =>
      key.startsWith('now')
        ? formatSocketmapReply({ status: 'OK', value: key })
        : new Promise((resolve) => {
            waiting.push(() => resolve(formatSocketmapReply({ status: 'OK', value: key })));
          }),
    limits: LIMITS,
    log: new Log('silent', new PassThrough()),
    direct: true,
  });
  const server = driver.server();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => driver.drain(0));
  const { port } = server.address() as { port: number };
  const open = async (
    keys: readonly string[],
    cut: number,
  ): Promise<{ socket: Socket; text: () => string }> => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    const bytes = Buffer.concat(keys.map((key) => Buffer.from(encodeNetstring(`m ${key}`, 1000))));
    // the last request comes in two pieces, the second while the first question is still open
    socket.write(bytes.subarray(0, bytes.length - cut));
    setTimeout(() => socket.write(bytes.subarray(bytes.length - cut)), 60);
    return { socket, text: () => text };
  };
  const one = await open(['slow-one', 'now-b', 'now-cccccccc'], 5);
  const two = await open(['slow-two-with-a-long-key', 'now-x', 'slow-y', 'now-z'], 3);
  await until(() => waiting.length === 2);
  // a third connection overwrites the buffer with something else
  const three = await open(
    Array.from({ length: 40 }, (_, i) => `now-${i}-${'#'.repeat(40)}`),
    1,
  );
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.equal(one.text(), '', 'nothing overtakes the question that is open');
  const replies = (keys: readonly string[]) =>
    keys.map((key) => Buffer.from(encodeNetstring(`OK ${key}`, 1000)).toString()).join('');
  const ends = (text: string): number => text.split(/now-(?:cccccccc|z|39-)/).length - 1;
  await until(() => {
    for (const go of waiting.splice(0)) go();
    return ends(one.text()) + ends(two.text()) + ends(three.text()) === 3;
  });
  await new Promise((resolve) => setTimeout(resolve, 40));
  t.equal(one.text(), replies(['slow-one', 'now-b', 'now-cccccccc']));
  t.equal(two.text(), replies(['slow-two-with-a-long-key', 'now-x', 'slow-y', 'now-z']));
  t.equal(three.text().split('OK now-').length - 1, 40);
  for (const { socket } of [one, two, three]) socket.destroy();
});
