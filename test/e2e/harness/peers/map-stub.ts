/**
 * A socketmap server that remembers what it was asked and answers as it was told: another policy server for
 * `published = socketmap:...`, in order or not. Source: socketmap_table(5).
 */
import { startUnixStub } from './unix-stub.ts';

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
  const requests: string[] = [];
  const replies = new Map<string, string | null>();
  const { path, close } = await startUnixStub('map', (socket) => {
    let rest = '';
    return (text) => {
      rest += text;
      for (;;) {
        const head = /^(\d+):/.exec(rest);
        if (head === null) return;
        const start = head[0].length;
        const length = Number(head[1]);
        if (rest.length < start + length + 1) return;
        const request = rest.slice(start, start + length);
        rest = rest.slice(start + length + 1);
        requests.push(request);
        const reply = replies.get(request.slice(request.indexOf(' ') + 1));
        if (reply === null) return;
        const said = reply ?? 'NOTFOUND ';
        socket.write(`${said.length}:${said},`);
      }
    };
  });
  return { address: `socketmap:unix:${path}:published`, requests, replies, close };
}
