/**
 * A policy server that remembers what Postfix asked and gives the answer it was told to give. It shows the facts of a
 * session as Postfix states them (TLS, fingerprints, SASL), with no tlsward in between. Source: SMTPD_POLICY_README.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type PolicyRequest = ReadonlyMap<string, string>;

export interface PolicyStub {
  /** `unix:/path`, for check_policy_service. */
  readonly address: string;
  readonly requests: readonly PolicyRequest[];
  /** The answer to every request; at first `DUNNO`. */
  action: string;
  close(): Promise<void>;
}

export async function startPolicyStub(): Promise<PolicyStub> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-stub-'));
  chmodSync(dir, 0o755);
  const path = join(dir, 'policy.sock');
  const requests: PolicyRequest[] = [];
  const open = new Set<Socket>();
  const stub: PolicyStub = {
    address: `unix:${path}`,
    requests,
    action: 'DUNNO',
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
    socket.on('error', () => {}); // smtpd may end at any moment
    let rest = '';
    socket.on('data', (chunk) => {
      const blocks = (rest + chunk.toString('latin1')).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        requests.push(new Map(block.split('\n').map((line) => split(line))));
        socket.write(`action=${stub.action}\n\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o666);
  return stub;
}

function split(line: string): [string, string] {
  const equals = line.indexOf('=');
  return [line.slice(0, equals), line.slice(equals + 1)];
}
