/**
 * Builds the finder of published policies from settings: resolvers, MTA-STS policies with their folder and
 * DANE, or the client of another policy server. No question is sent before it is needed, except the test of a
 * trusted resolver.
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

/** Called when the event happens; none may throw. */
interface PublishedEvents {
  readonly sts: (event: StsEvent) => void;
  readonly dane: (state: DaneState) => void;
}

/** Short, because a caller whose answer has already arrived waits for the proof. */
const PROOF_TIMES = { attemptMs: 1000, totalMs: 2000 } as const;

/**
 * Never rejects because of an external failure: that is reported as an event, or when a question is asked.
 */
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
    // not the result of a test that was aborted
    changed: (state) => {
      if (!signal.aborted) events.dane(state);
    },
  });
  const proofs = new Proofs({
    test: (server) => selfTest([server], { ...PROOF_TIMES, signal }),
    doubt: () => dane.doubt(),
  });
  const resolver = new StubResolver({ servers, trusted, proofs });
  // MTA-STS does not depend on DNSSEC, and separate resolvers keep one mechanism from using up the places of
  // the other
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
