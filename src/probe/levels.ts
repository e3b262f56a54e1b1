/**
 * What each level comes to for a whole domain: Postfix tries the hosts in the order of their preference, and the first
 * that takes the mail ends it. Pure.
 *
 * Of addresses with the same preference, which may be of several hosts, Postfix takes those of the family that
 * smtp_address_preference names first, and any of them otherwise; when they would end differently the weaker end counts,
 * and `varies` says so. An address of a family that inet_protocols leaves out, or that this host cannot reach, does not
 * count. Postfix tries at most 5 addresses (smtp_mx_address_limit).
 */
import { isIPv6 } from 'node:net';
import type { AnsweredLevel } from '../core/settings.ts';
import type { MailHost } from './hosts.ts';
import { type Demand, type Family, judge, type MtaRules, type Outcome } from './judge.ts';
import type { Probed, SeenAddress, SeenHost } from './probe.ts';

/** Levels that need nothing but a domain, in the order of the report. */
export const LEVELS = ['none', 'may', 'encrypt', 'verify', 'secure', 'dane', 'dane-only'] as const;

/** What is demanded, and how Postfix connects for it. */
export interface LevelDemand extends Demand {
  /** `servername=hostname` */
  readonly sni: boolean;
  /** Does a floor of the row apply? */
  readonly floored: boolean;
  /** Only hosts that fit one of these patterns are used; null: all (Postfix 3.10.5 and later, MTA-STS). */
  readonly onlyHosts: ((name: string) => boolean) | null;
}

export interface Verdict {
  readonly outcome: Outcome;
  /** The host that decides; '' when none does. */
  readonly host: string;
  readonly address: string;
  /** When a certificate on which it rests runs out, in milliseconds since the epoch; null: on none. */
  readonly until: number | null;
  readonly varies: boolean;
}

const MAX_ADDRESSES = 5;

export function plainDemand(level: AnsweredLevel): LevelDemand {
  return { level, match: [], sni: false, floored: false, onlyHosts: null };
}

/** `now`: milliseconds since the epoch. */
export function verdictOf(probed: Probed, demand: LevelDemand, rules: MtaRules, now: number): Verdict {
  const { found } = probed;
  if (found.kind === 'null-mx')
    return alone({ kind: 'waits', code: '5.1.0', why: 'the domain takes no mail (null MX)' });
  if (found.kind === 'unknown')
    return alone({ kind: 'waits', code: '4.4.3', why: `the MX records: ${found.why}` });
  const { onlyHosts } = demand;
  const hosts = probed.hosts.filter(({ host }) => onlyHosts === null || onlyHosts(host.name));
  if (hosts.length === 0)
    return alone({ kind: 'waits', code: '4.3.0', why: 'no MX host is one of the MTA-STS policy' });
  let left = MAX_ADDRESSES;
  let last: Verdict | null = null;
  for (const rank of ranks(hosts, rules)) {
    const verdicts = rank.flatMap(({ host, seen }) => {
      if (seen === null) return [noAddress(host)];
      return left-- > 0 ? [judged(probed, demand, rules, now, host, seen)] : [];
    });
    const sent = verdicts.filter(({ outcome }) => outcome.kind === 'sent');
    last = weakest(sent.length > 0 ? sent : verdicts) ?? last;
    if (sent.length > 0) return varying(last!, verdicts);
  }
  return last ?? alone({ kind: 'waits', code: '4.4.3', why: 'no host could be tried' });
}

/** An address of a host, or a host without any. */
interface Candidate {
  readonly host: MailHost;
  readonly seen: SeenAddress | null;
}

/** In the order in which Postfix tries them; those of one rank in any order. */
function ranks(hosts: readonly SeenHost[], rules: MtaRules): Candidate[][] {
  const ranked: Candidate[][] = [];
  for (const preference of new Set(hosts.map(({ host }) => host.preference))) {
    const [first, second]: [Candidate[], Candidate[]] = [[], []];
    for (const { host, addresses } of hosts) {
      if (host.preference !== preference) continue;
      const seen = tried(addresses, rules);
      if (seen.length === 0) first.push({ host, seen: null });
      for (const one of seen)
        (rules.first === null || familyOf(one) === rules.first ? first : second).push({ host, seen: one });
    }
    ranked.push(first, second);
  }
  return ranked.filter((rank) => rank.length > 0);
}

function tried(addresses: readonly SeenAddress[], { families }: MtaRules): readonly SeenAddress[] {
  const spoken = addresses.filter((one) => families.includes(familyOf(one)));
  const reachable = spoken.filter(
    ({ sighting: { reached } }) => reached.kind !== 'unreachable' || !reached.here,
  );
  return reachable.length > 0 ? reachable : spoken;
}

function familyOf({ address }: SeenAddress): Family {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

function judged(
  probed: Probed,
  demand: LevelDemand,
  rules: MtaRules,
  now: number,
  host: MailHost,
  seen: SeenAddress,
): Verdict {
  const { found, destination } = probed;
  const sighting = (demand.floored ? seen.floored : null) ?? seen.sighting;
  const outcome = judge({
    demand,
    host,
    mx: found.kind === 'hosts' ? found.mx : 'none',
    nexthop: destination.name,
    rules,
    sighting,
    named: demand.floored && seen.floored !== null ? seen.floored : seen.named,
    sni: demand.sni,
    now,
  });
  return { outcome, host: host.name, address: seen.address, until: untilOf(outcome, seen), varies: false };
}

/** The certificates that a verified connection rests on; a pin and TLSA 3 x x do not look at dates. */
function untilOf(outcome: Outcome, { sighting, named }: SeenAddress): number | null {
  if (outcome.kind !== 'sent' || outcome.how !== 'verified') return null;
  if (outcome.by.startsWith('the pin') || outcome.by.startsWith('TLSA 3')) return null;
  const { reached } = named ?? sighting;
  if (reached.kind !== 'tls') return null;
  return Math.min(...reached.session.chain.map(({ notAfter }) => notAfter));
}

const ORDER = ['plain', 'untrusted', 'trusted', 'verified'];

function weakest(verdicts: readonly Verdict[]): Verdict | null {
  const strength = ({ outcome, until }: Verdict): number =>
    outcome.kind === 'sent' ? ORDER.indexOf(outcome.how) + (until === null ? 1 : until / 1e15) : -1;
  return verdicts.reduce<Verdict | null>(
    (least, one) => (least === null || strength(one) < strength(least) ? one : least),
    null,
  );
}

function varying(verdict: Verdict, all: readonly Verdict[]): Verdict {
  const how = ({ outcome }: Verdict): string =>
    outcome.kind === 'sent' ? outcome.how : outcome.kind === 'waits' ? outcome.code : outcome.kind;
  return { ...verdict, varies: all.some((one) => how(one) !== how(verdict)) };
}

/** A host that is known to have none makes the mail come back, unless smtp_defer_if_no_mx_address_found is set. */
function noAddress({ name, trouble, absent, addresses }: MailHost): Verdict {
  const none = absent || addresses.length > 0;
  const why = trouble || 'it has no address of a family in inet_protocols';
  return { ...alone({ kind: 'waits', code: none ? '5.4.4' : '4.4.3', why: `${name}: ${why}` }), host: name };
}

function alone(outcome: Outcome): Verdict {
  return { outcome, host: '', address: '', until: null, varies: false };
}
