/**
 * Reads of many connections through one buffer.
 *
 * Node gives each read of an accepted socket a fresh block of 64 KiB and shrinks it to what came, which for a request of
 * 600 bytes costs more than its decision. `net.Socket` has an option for reading into a buffer of the caller's (`onread`),
 * but a server's accepted sockets cannot be given it through the public interface: the accepted handle is wrapped in a
 * new Socket here. That is the one internal this program uses, so it is used only after it was seen to work in this
 * process: `canShareReads` sends bytes through a pair of sockets first, and without it all goes the plain way.
 *
 * The buffer is good until the callback returns: decoders copy what is left of a chunk when they are asked for the next
 * message and have none, and when an answer must be waited for (`keep`).
 */
import { connect, createServer, Socket, type SocketConstructorOpts } from 'node:net';

const BUFFER = Buffer.allocUnsafeSlow(65_536);

type WithHandle = Socket & { _handle: object | null };

/**
 * A socket on the handle of `accepted` that hands what it reads to `receive`, as a view of the shared buffer; null when
 * the handle cannot be obtained, and then `accepted` is as it was. `accepted` must not have been read from
 * (`pauseOnConnect`) and is not to be used any more.
 */
export function shareReads(
  accepted: Socket,
  receive: (this: Socket, chunk: Uint8Array) => void,
): Socket | null {
  const old = accepted as WithHandle;
  const handle = old._handle;
  if (handle === null || typeof handle !== 'object') return null;
  const onread = {
    buffer: BUFFER,
    callback(bytes: number): boolean {
      receive.call(socket, BUFFER.subarray(0, bytes));
      return true;
    },
  };
  const socket: Socket = new Socket({ handle, allowHalfOpen: true, onread } as SocketConstructorOpts);
  old._handle = null;
  // starts reading; without a listener for data nothing else does
  socket.resume();
  return socket;
}

let answer: Promise<boolean> | null = null;

/** Does it work in this Node? Tried once, on a loopback socket. */
export function canShareReads(): Promise<boolean> {
  answer ??= tryIt();
  return answer;
}

function tryIt(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const done = (works: boolean): void => {
      clearTimeout(timer);
      server.close();
      client?.destroy();
      resolve(works);
    };
    const timer = setTimeout(() => done(false), 2000);
    let client: Socket | null = null;
    server.on('error', () => done(false));
    server.on('connection', (accepted) => {
      let got = '';
      try {
        const socket = shareReads(accepted, (chunk) => {
          got += Buffer.from(chunk).toString('latin1');
        });
        if (socket === null) {
          accepted.destroy();
          done(false);
          return;
        }
        socket.on('error', () => done(false));
        socket.on('end', () => socket.end(got));
      } catch {
        done(false);
      }
    });
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = server.address() as { port: number };
      client = connect({ host: '127.0.0.1', port });
      let back = '';
      client.on('error', () => done(false));
      client.on('data', (chunk) => {
        back += chunk.toString('latin1');
      });
      client.on('end', () => done(back === 'one two'));
      client.write('one ');
      setTimeout(() => client?.end('two'), 5);
    });
  });
}
