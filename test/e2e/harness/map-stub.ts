/**
 * A socketmap server that remembers what it was asked and answers as it was told: another policy server for
 * `published = socketmap:...`, in order or not. Source: socketmap_table(5).
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface MapStub {
  /** `socketmap:unix:/path:published`, for `published` and for postmap. */
  readonly address: string;
  /** `map key`, as asked. */
  readonly requests: string[];
  /** Reply by key: `OK value`, `NOTFOUND `, ...; null: none ever. Keys that are not there are not found. */
  readonly replies: Map<string, string | null>;
  close(): Promise<void>;
}

export async function startMapStub(): Promise<MapStub> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-map-'));
  chmodSync(dir, 0o755);
  const path = join(dir, 'map.sock');
  const open = new Set<Socket>();
  const stub: MapStub = {
    address: `socketmap:unix:${path}:published`,
    requests: [],
    replies: new Map(),
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
      }),
  };
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {}); // the client may end at any moment
    let rest = '';
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      for (;;) {
        const head = /^(\d+):/.exec(rest);
        if (head === null) return;
        const start = head[0].length;
        const length = Number(head[1]);
        if (rest.length < start + length + 1) return;
        const request = rest.slice(start, start + length);
        rest = rest.slice(start + length + 1);
        stub.requests.push(request);
        const reply = stub.replies.get(request.slice(request.indexOf(' ') + 1));
        if (reply === null) return;
        const said = reply ?? 'NOTFOUND ';
        socket.write(`${said.length}:${said},`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o666);
  return stub;
}
