/**
 * Does this version of Node have handles as directSocket.ts uses them? Tried in this process, on loopback: of one
 * connection two messages are read and answered, then the end of the stream makes a net.Socket, which answers,
 * too; another connection is closed by the side that accepted it. In a version that lacks what is used, calls throw:
 * that is a failed test, too, and must not end the process.
 */
import { connect, createServer, type Socket } from 'node:net';
import { DirectSocket, takeHandles } from './directSocket.ts';

const LIMIT_MS = 2000;

let answer: Promise<boolean> | null = null;

/** Can accepted connections be DirectSockets? Tried once. */
export function canUseHandles(): Promise<boolean> {
  answer ??= tryIt();
  return answer;
}

function tryIt(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true });
    const sockets: (Socket | DirectSocket)[] = [];
    const done = (works: boolean): void => {
      clearTimeout(timer);
      server.close();
      for (const socket of sockets.splice(0)) socket.destroy();
      resolve(works);
    };
    const fail = (): void => done(false);
    const timer = setTimeout(fail, LIMIT_MS);
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch {
        fail();
      }
    };
    let heard = '';
    let ends = 0;
    const ended = (): void => {
      // of two connections, on both sides
      if (++ends === 4) done(heard === 'got one, got two, got the end');
    };
    server.on('error', fail);
    // Node has made a socket: no handle was taken
    server.on('connection', fail);
    takeHandles(server, (handle) =>
      guarded(() => {
        const socket = new DirectSocket(handle);
        sockets.push(socket);
        answerOn(socket, fail, ended);
        const { onread } = handle;
        handle.onread = (nothing) => guarded(() => onread.call(handle, nothing));
      }),
    );
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = server.address() as { port: number };
      for (const says of ['one', 'bye']) {
        const client = connect({ host: '127.0.0.1', port });
        sockets.push(client);
        client.on('error', fail);
        client.on('end', ended);
        client.on('data', (chunk) => {
          heard += chunk.toString('latin1');
          if (heard === 'got one, ') client.end('two');
        });
        client.write(says);
      }
    });
  });
}

function answerOn(socket: DirectSocket, failed: () => void, closed: () => void): void {
  const say = (text: string): void => void socket.write(Buffer.from(`got ${text}`));
  socket.serve({
    receive: (chunk) => {
      const text = Buffer.from(chunk).toString('latin1');
      if (text === 'bye') socket.destroySoon();
      else say(`${text}, `);
    },
    end: () => {
      say('the end');
      socket.destroySoon();
    },
    drained: () => {},
    failed,
    closed,
  });
}
