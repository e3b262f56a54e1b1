/**
 * Puts together what finds published policies, from settings as plain data: resolvers, MTA-STS policies with their folder,
 * DANE, or the client of another policy server. No question is sent before it is needed, except that a
 * trusted resolver is tested.
 */

import type { PostfixVersion } from '../core/postfixVersion.ts';
import { findDane } from '../dns/dane.ts';
import type { DnsServer } from '../dns/exchange.ts';
import { Proofs } from '../dns/proofs.ts';
import { systemServers } from '../dns/resolvConf.ts';
import { selfTest } from '../dns/selfTest.ts';
import { StubResolver } from '../dns/stubResolver.ts';
import type { StsOpening } from '../sts/addressFilter.ts';
import type { StsEvent } from '../sts/events.ts';
import { StsPolicies } from '../sts/policies.ts';
import { DaneFinder, type DaneState } from './daneFinder.ts';
import { PolicyDiscovery } from './policyDiscovery.ts';
import { type PolicyServerAddress, PolicyServerClient } from './policyServerClient.ts';

interface PublishedSettings {
  /** Trusted servers; empty: those of the system, which are not trusted for DNSSEC. */
  readonly resolver: readonly DnsServer[];
  readonly stsCache: string | null;
  readonly published: { readonly address: PolicyServerAddress; readonly map: string } | null;
  readonly stsTestOpening: StsOpening | null;
  readonly version: PostfixVersion;
}

/** Called as things happen; none may throw. */
interface PublishedEvents {
  readonly sts: (event: StsEvent) => void;
  readonly dane: (state: DaneState) => void;
}

/** Time limit of a caller that waits for an answer already available. */
const PROOF_TIMES = { attemptMs: 1000, totalMs: 2000 } as const;

/** Never rejects for what is wrong outside: that is told, or found when it is asked. */
export async function openDiscovery(
  settings: PublishedSettings,
  events: PublishedEvents,
): Promise<PolicyDiscovery> {
  const { published, version } = settings;
  if (published !== null)
    return new PolicyDiscovery({
      finders: { kind: 'other', server: new PolicyServerClient({ ...published, version }) },
      release: () => undefined,
    });
  const trusted = settings.resolver.length > 0;
  const servers = trusted ? settings.resolver : await systemServers();
  const stop = new AbortController();
  const { signal } = stop;
  const dane = new DaneFinder({
    find: (question) => findDane(resolver, question),
    test: trusted ? () => selfTest(servers, { signal }) : null,
    now: Date.now,
    // not of a test that was broken off
    changed: (state) => {
      if (!signal.aborted) events.dane(state);
    },
  });
  const proofs = new Proofs({
    test: (server) => selfTest([server], { ...PROOF_TIMES, signal }),
    doubt: () => dane.doubt(),
  });
  const resolver = new StubResolver({ servers, trusted, proofs });
  // nothing about MTA-STS rests on DNSSEC, and neither mechanism takes the other's places
  const plain = new StubResolver({ servers, trusted: false });
  const sts = await StsPolicies.open({
    resolver: plain,
    folder: settings.stsCache,
    opening: settings.stsTestOpening,
    event: events.sts,
  });
  const release = () => {
    stop.abort();
    dane.close();
    resolver.close();
    plain.close();
  };
  const dnsLoad = () => ({
    asking: resolver.load.asking + plain.load.asking,
    waiting: resolver.load.waiting + plain.load.waiting,
  });
  return new PolicyDiscovery({ finders: { kind: 'own', dane, sts }, dnsLoad, release });
}
