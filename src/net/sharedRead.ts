/**
 * Reads of many connections through one buffer.
 *
 * For each read of an accepted socket Node allocates a block of 64 KiB and shrinks it to the bytes received.
 * For a request of 600 bytes this costs more than the decision. `net.Socket` has an option to read into a
 * buffer of the caller (`onread`), but it cannot be set on accepted sockets through the public interface. So
 * the accepted handle is wrapped in a new Socket here. This is the only internal of Node that this program
 * uses, and it is used only after a test in this process: `canShareReads` first sends bytes through a pair of
 * sockets. If that fails, sockets are read in the ordinary way.
 *
 * The buffer is valid until the callback returns. Decoders copy the rest of a chunk when it holds no complete
 * message, and when an answer must be awaited (`keep`).
 */
import { connect, createServer, Socket, type SocketConstructorOpts } from 'node:net';

const BUFFER = Buffer.allocUnsafeSlow(65_536);

type WithHandle = Socket & { _handle: object | null };

/**
 * A socket on the handle of `accepted` that passes what it reads to `receive`, as a view of the shared
 * buffer. Null when the handle cannot be obtained; then `accepted` is unchanged. `accepted` must not have
 * been read from (`pauseOnConnect`), and must not be used afterwards.
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
  // without a listener for data, nothing else starts the reading
  socket.resume();
  return socket;
}

let answer: Promise<boolean> | null = null;

/** Does reading into a shared buffer work in this version of Node? Tried once, on a loopback socket. */
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
