/**
 * A policy server that remembers what Postfix asked and gives the answer it was told to give. It shows the facts of a
 * session as Postfix states them (TLS, fingerprints, SASL), with no tlsward in between. Source: SMTPD_POLICY_README.
 */
import { startUnixStub } from './unix-stub.ts';

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
  const requests: PolicyRequest[] = [];
  const { path, close } = await startUnixStub('policy', (socket) => {
    let rest = '';
    return (text) => {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        requests.push(new Map(block.split('\n').map((line) => split(line))));
        socket.write(`action=${stub.action}\n\n`);
      }
    };
  });
  const stub: PolicyStub = { address: `unix:${path}`, requests, action: 'DUNNO', close };
  return stub;
}

function split(line: string): [string, string] {
  const equals = line.indexOf('=');
  return [line.slice(0, equals), line.slice(equals + 1)];
}
