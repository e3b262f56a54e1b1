/**
 * The hosts that mail for a domain goes to, in the order in which Postfix tries them, with their addresses and TLSA
 * records; of a next hop in brackets, that host alone.
 *
 * Limits: the first 10 hosts, and 6 addresses of each.
 * Sources: RFC 5321 section 5.1, RFC 7505 (null MX), RFC 7672 section 2.2.
 */
import { findHostTlsa, type HostTlsa } from '../dns/dane.ts';
import type { Resolver } from '../dns/resolver.ts';

export interface MailHost {
  readonly preference: number;
  /** Canonical name, or an address literal in brackets. */
  readonly name: string;
  readonly addresses: readonly string[];
  /** Why there are no addresses; ''. */
  readonly trouble: string;
  readonly tlsa: HostTlsa;
}

export type MailHosts =
  | {
      readonly kind: 'hosts';
      readonly hosts: readonly MailHost[];
      /** Did MX records lead there, and does DNSSEC vouch for them? Without MX records: `none`. */
      readonly mx: 'signed' | 'unsigned' | 'none';
      /** Hosts that were left out. */
      readonly more: number;
    }
  /** The domain takes no mail. */
  | { readonly kind: 'null-mx' }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Destination {
  /** Canonical domain, or an address literal in brackets. */
  readonly name: string;
  /** It is a host by itself: MX records are not looked up. */
  readonly isHost: boolean;
  readonly port: number;
}

const MAX_HOSTS = 10;
const MAX_ADDRESSES = 6;

/** Never rejects. */
export async function findHosts(resolver: Resolver, { name, isHost, port }: Destination): Promise<MailHosts> {
  if (isHost) return alone(await findHost(resolver, name, 0, port));
  const mx = await resolver.mx(name);
  if (mx.kind === 'unknown') return mx;
  if (mx.kind === 'absent') return alone(await findHost(resolver, name, 0, port));
  const sorted = [...mx.records].sort((one, other) => one.preference - other.preference);
  const each = new Map<string, number>();
  for (const { exchange, preference } of sorted)
    if (exchange !== '' && !each.has(exchange)) each.set(exchange, preference);
  if (each.size === 0) return { kind: 'null-mx' };
  const all = [...each];
  const taken = all.slice(0, MAX_HOSTS);
  const hosts = await Promise.all(
    taken.map(([exchange, preference]) => findHost(resolver, exchange, preference, port)),
  );
  return { kind: 'hosts', hosts, mx: mx.secure ? 'signed' : 'unsigned', more: all.length - taken.length };
}

function alone(host: MailHost): MailHosts {
  return { kind: 'hosts', hosts: [host], mx: 'none', more: 0 };
}

async function findHost(
  resolver: Resolver,
  name: string,
  preference: number,
  port: number,
): Promise<MailHost> {
  const literal = /^\[(?:ipv6:)?([0-9a-f.:]+)\]$/.exec(name)?.[1];
  if (literal !== undefined)
    return { preference, name, addresses: [literal], trouble: '', tlsa: { kind: 'none' } };
  const [found, tlsa] = await Promise.all([resolver.addresses(name), findHostTlsa(resolver, name, port)]);
  const addresses = found.kind === 'found' ? found.records.slice(0, MAX_ADDRESSES) : [];
  const trouble = found.kind === 'unknown' ? found.why : found.kind === 'absent' ? 'it has no address' : '';
  return { preference, name, addresses, trouble, tlsa };
}
