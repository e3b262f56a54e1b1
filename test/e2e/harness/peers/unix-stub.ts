/**
 * A server of the tests on a unix socket that any MTA process may connect to, in a folder of its own; ended with its
 * connections and its folder.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerServer } from './peer-server.ts';

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
  const server = new PeerServer((socket) => {
    const take = receive(socket);
    socket.on('data', (chunk) => take(chunk.toString('latin1')));
  });
  await server.listen(path);
  chmodSync(path, 0o666);
  return {
    path,
    close: async () => {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
