/**
 * Tests whether a resolver that the configuration trusts does validate. It runs at the start, because with a
 * resolver that does not, every domain would look unsigned, and MTA-STS or nothing would be used where DANE
 * is required.
 *
 * The root zone is signed, so a resolver that validates answers for its SOA with the AD flag. Every server is
 * asked separately: one of several that does not validate is enough to lose DANE whenever it answers. A
 * server that passes on the AD flag of another without validating cannot be detected; the administrator rules
 * this out by declaring it trusted.
 * Source: RFC 4035 section 3.2.3, RFC 6840 section 5.8.
 */
import { type DnsServer, serverName } from './exchange.ts';
import type { SelfTest } from './proofs.ts';
import { type StubOptions, StubResolver } from './stubResolver.ts';

type Options = Pick<StubOptions, 'attemptMs' | 'totalMs'> & {
  /** Ends the test at once, as `unknown`. */
  readonly signal?: AbortSignal;
};

/** Asks each server once; `options` as for the resolver. Never rejects. */
export async function selfTest(servers: readonly DnsServer[], options: Options = {}): Promise<SelfTest> {
  const results = await Promise.all(servers.map((server) => testServer(server, options)));
  const worst = results.find((one) => one.kind === 'does-not-validate');
  return worst ?? results.find((one) => one.kind === 'unknown') ?? { kind: 'validates' };
}

async function testServer(server: DnsServer, { signal, ...options }: Options): Promise<SelfTest> {
  const resolver = new StubResolver({ ...options, servers: [server], trusted: true });
  const stop = () => resolver.close();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const root = await resolver.soa('');
  signal?.removeEventListener('abort', stop);
  if (root.kind === 'unknown') return root;
  const name = serverName(server);
  if (root.kind === 'absent')
    return { kind: 'does-not-validate', why: `${name} does not know the root zone, so it cannot validate` };
  if (root.secure) return { kind: 'validates' };
  return { kind: 'does-not-validate', why: `${name} does not validate (no AD flag for the root)` };
}
