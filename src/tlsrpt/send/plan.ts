/**
 * From the counts of a day to the reports of that day: each session is in exactly one of them, so no address gets the same
 * result twice. Pure.
 *
 * DANE results are about the MX host, whose name is the policy domain (RFC 8460 section 1.1): they go where the host's own
 * record says. Where it has none, they are in the report about the recipients' domain, so that somebody hears of them. All
 * else is in that report, too. A host that is itself a domain of recipients has one report.
 */
import { type Counted, type DomainCounts, merged } from './dayAccount.ts';

/** What one report is made of. */
export interface Entry {
  /** Whose record says where it goes. */
  readonly domain: string;
  readonly policies: readonly Counted[];
}

/** Policies of one report; those with most sessions. */
const MAX_POLICIES = 500;

/** Hosts of which it must be known whether they publish a record. */
export function hostsOf(counts: readonly DomainCounts[]): string[] {
  const hosts = new Set<string>();
  for (const { domain, policies } of counts)
    for (const { policy } of policies)
      if (policy.type === 'tlsa' && policy.domain !== domain) hosts.add(policy.domain);
  return [...hosts].sort();
}

/** `bare`: hosts that publish none. One of which that is not known keeps its results: it is asked again. */
export function planOf(counts: readonly DomainCounts[], bare: ReadonlySet<string>): Entry[] {
  const all = new Map<string, Counted[]>();
  const put = (domain: string, counted: Counted): void => {
    const known = all.get(domain);
    if (known === undefined) all.set(domain, [counted]);
    else known.push(counted);
  };
  for (const { domain, policies } of counts)
    for (const one of policies) {
      const host = one.policy.type === 'tlsa' && !bare.has(one.policy.domain);
      // whose MX host it is does not matter to a report about the host
      if (host) put(one.policy.domain, { ...one, policy: { ...one.policy, server: '' } });
      else put(domain, one);
    }
  return [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([domain, policies]) => ({ domain, policies: bounded(domain, policies) }));
}

function bounded(domain: string, policies: readonly Counted[]): Counted[] {
  // a host has the results of many domains under the same policy
  const few = policies.every(({ policy }) => policy.server === '' && policy.domain === domain)
    ? merged(policies)
    : policies;
  return [...few].sort((a, b) => b.successful + b.failed - a.successful - a.failed).slice(0, MAX_POLICIES);
}

/** Sessions with servers that are MX hosts of the domain (or the domain itself where it has no MX record). */
export function ofServers(policies: readonly Counted[], servers: readonly string[]): Counted[] {
  return merged(policies.filter(({ policy }) => policy.server === '' || servers.includes(policy.server)));
}

/**
 * The policy under which servers were verified by name: MTA-STS if `names` of the domain's policy are those that they had
 * to have, else none of the domain's.
 */
export function withSts(
  policies: readonly Counted[],
  sts: {
    readonly names: readonly string[];
    readonly lines: readonly string[];
    readonly mx: readonly string[];
  } | null,
): Counted[] {
  return policies.map((one): Counted => {
    if (one.policy.type !== 'secure') return one;
    const { domain, server, strings } = one.policy;
    const same = sts !== null && [...strings].sort().join() === [...sts.names].sort().join();
    const policy = same
      ? ({ type: 'sts', domain, server, strings: sts.lines, mxHosts: sts.mx } as const)
      : ({ type: 'no-policy-found', domain, server, strings: [], mxHosts: [] } as const);
    return { ...one, policy };
  });
}

export function totalsOf(policies: readonly Counted[]): {
  readonly successful: number;
  readonly failed: number;
} {
  return {
    successful: policies.reduce((sum, one) => sum + one.successful, 0),
    failed: policies.reduce((sum, one) => sum + one.failed, 0),
  };
}
