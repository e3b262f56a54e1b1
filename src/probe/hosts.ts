/**
 * The hosts that mail for a domain goes to, in the order in which Postfix tries them, with their addresses and TLSA
 * records; of a next hop in brackets, that host alone.
 *
 * Limits: the first 10 hosts, 6 addresses of each, IPv4 and IPv6 in turn, and 24 of all.
 * Sources: RFC 5321 section 5.1, RFC 7505 (null MX), RFC 7672 section 2.2.
 */
import { isIPv6 } from 'node:net';
import { findHostTlsa, type HostTlsa } from '../dns/dane.ts';
import type { Resolver } from '../dns/resolver.ts';

export interface MailHost {
  readonly preference: number;
  /** Canonical name, or an address literal in brackets. */
  readonly name: string;
  readonly addresses: readonly string[];
  /** Why there are no addresses; ''. */
  readonly trouble: string;
  /** It is known that there are none: the lookup did not fail. */
  readonly absent: boolean;
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
const MAX_ALL = 24;

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
  const found = await Promise.all(
    taken.map(([exchange, preference]) => findHost(resolver, exchange, preference, port)),
  );
  const hosts = withinAll(found);
  return { kind: 'hosts', hosts, mx: mx.secure ? 'signed' : 'unsigned', more: all.length - hosts.length };
}

/** The first hosts with at most so many addresses together: more than any MTA tries, and each may cost a minute. */
function withinAll(hosts: readonly MailHost[]): readonly MailHost[] {
  const taken: MailHost[] = [];
  let left = MAX_ALL;
  for (const host of hosts) {
    if (left === 0 && host.addresses.length > 0) break;
    const addresses = host.addresses.slice(0, left);
    left -= addresses.length;
    taken.push({ ...host, addresses });
  }
  return taken;
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
    return { preference, name, addresses: [literal], trouble: '', absent: false, tlsa: { kind: 'none' } };
  const [found, tlsa] = await Promise.all([resolver.addresses(name), findHostTlsa(resolver, name, port)]);
  const addresses = found.kind === 'found' ? inTurn(found.records).slice(0, MAX_ADDRESSES) : [];
  const trouble = found.kind === 'unknown' ? found.why : found.kind === 'absent' ? 'it has no address' : '';
  return { preference, name, addresses, trouble, absent: found.kind === 'absent', tlsa };
}

/** One of each family after the other, so that many of one do not hide the other. */
function inTurn(addresses: readonly string[]): string[] {
  const [v4, v6] = [addresses.filter((one) => !isIPv6(one)), addresses.filter((one) => isIPv6(one))];
  const most = Math.max(v4.length, v6.length);
  return Array.from({ length: most }, (_, i) => [...v4.slice(i, i + 1), ...v6.slice(i, i + 1)]).flat();
}
