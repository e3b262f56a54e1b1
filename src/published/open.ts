/**
 * Puts together what finds published policies, from settings as plain data: resolvers, MTA-STS policies with their folder,
 * DANE, or the client of another policy server. Nothing is asked before somebody wants to know, except that a trusted
 * resolver is tested.
 */
import { findDane } from '../dns/dane.ts';
import type { DnsServer } from '../dns/exchange.ts';
import type { Resolver } from '../dns/lookup.ts';
import { selfTest } from '../dns/selfTest.ts';
import { StubResolver } from '../dns/stub.ts';
import { systemServers } from '../dns/systemServers.ts';
import type { StsOpening } from '../sts/addressFilter.ts';
import type { StsEvent } from '../sts/stsEvents.ts';
import { StsPolicies } from '../sts/stsPolicies.ts';
import type { PostfixVersion } from '../wire/tlsPolicyValue.ts';
import { DaneFinder, type DaneState } from './daneFinder.ts';
import { type OtherAddress, OtherServer } from './otherServer.ts';
import { Publications } from './publications.ts';

export interface PublishedSettings {
  /** Trusted servers; empty: those of the system, whose word about DNSSEC does not count. */
  readonly resolver: readonly DnsServer[];
  readonly stsCache: string | null;
  readonly published: { readonly address: OtherAddress; readonly map: string } | null;
  readonly stsTestOpening: StsOpening | null;
  readonly version: PostfixVersion;
}

/** Who is told what happens; none of it may throw. */
export interface PublishedEvents {
  readonly sts: (event: StsEvent) => void;
  readonly dane: (state: DaneState) => void;
}

/** Never rejects for what is wrong outside: that is told, or found when it is asked. */
export async function openPublications(
  settings: PublishedSettings,
  events: PublishedEvents,
): Promise<Publications> {
  const { published, version } = settings;
  if (published !== null)
    return new Publications({
      finders: { kind: 'other', server: new OtherServer({ ...published, version }) },
      release: () => undefined,
    });
  const trusted = settings.resolver.length > 0;
  const servers = trusted ? settings.resolver : await systemServers();
  const resolver = new StubResolver({ servers, trusted });
  const stop = new AbortController();
  const { signal } = stop;
  const test = trusted ? () => selfTest(servers, { signal }) : null;
  const told: PublishedEvents = {
    ...events,
    // of a test that was broken off
    dane: (state) => {
      if (!signal.aborted) events.dane(state);
    },
  };
  return withResolver(resolver, settings, told, test, () => {
    stop.abort();
    resolver.close();
  });
}

/** The same with a resolver of the caller's; tests have one of their own. `test`: null where it is not trusted. */
export async function withResolver(
  resolver: Resolver,
  settings: Pick<PublishedSettings, 'stsCache' | 'stsTestOpening'>,
  events: PublishedEvents,
  test: ConstructorParameters<typeof DaneFinder>[0]['test'],
  release: () => void = () => undefined,
): Promise<Publications> {
  const sts = await StsPolicies.open({
    resolver,
    folder: settings.stsCache,
    opening: settings.stsTestOpening,
    event: events.sts,
  });
  const dane = new DaneFinder({
    find: (question) => findDane(resolver, question),
    test,
    now: Date.now,
    changed: events.dane,
  });
  return new Publications({ finders: { kind: 'own', dane, sts }, release });
}
