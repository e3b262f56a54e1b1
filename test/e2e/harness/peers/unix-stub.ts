/**
 * A server of the tests on a unix socket that any MTA process may connect to, in a folder of its own; ended with its
 * connections and its folder.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface UnixStub {
  readonly path: string;
  close(): Promise<void>;
}

/** `receive` makes what takes the text that comes on one connection, one character a byte. */
export async function startUnixStub(
  name: string,
  receive: (socket: Socket) => (text: string) => void,
): Promise<UnixStub> {
  const dir = mkdtempSync(join(tmpdir(), `tlsward-${name}-`));
  chmodSync(dir, 0o755);
  const path = join(dir, `${name}.sock`);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {}); // the client may end at any moment
    const take = receive(socket);
    socket.on('data', (chunk) => take(chunk.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o666);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
      }),
  };
}
