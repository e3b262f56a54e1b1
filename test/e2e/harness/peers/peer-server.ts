/**
 * What every server of the tests has in common: it listens on a TCP port or a unix socket, and ends together with its
 * connections. A client may end at any moment, so errors of a connection are none of the test's.
 */
import { createServer, type Socket } from 'node:net';

export class PeerServer {
  readonly #open = new Set<Socket>();
  readonly #server;

  /** `serve` is called with each connection. */
  constructor(serve: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.track(socket);
      serve(socket);
    });
  }

  /** Has a socket end with the server, too: the TLS side of a connection. */
  track(socket: Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => {});
  }

  /** Resolves when it listens: at a path, or on a port (0: any that is free). Rejects when it cannot. */
  async listen(at: string | { readonly port: number; readonly host: string }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(typeof at === 'string' ? { path: at } : at, resolve);
    });
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on no port');
    return address.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
