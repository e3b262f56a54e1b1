/**
 * Was a request meant for this server? A page of an attacker may let its own name resolve to 127.0.0.1 (DNS
 * rebinding); the browser then takes our answers for that page's own, and sends the attacker's name in `Host`. So
 * only names that no attacker can own are answered: `localhost`, loopback addresses, the address that the client
 * connected to, and the names of this host. Source: RFC 9110 section 7.2; RFC 9112 section 3.2. Pure.
 */
import { canonicalDomain } from '../core/domain.ts';
import { formatAddress, inNetworks, LOOPBACK, parseAddress } from '../core/network.ts';

/** Longest value that is looked at: a name of 253 characters with a port. */
const MAX_HOST = 260;

/** The host without its port, an IPv6 address without brackets; null when it is no `uri-host [ ":" port ]`. */
function hostOf(value: string): string | null {
  if (value.length > MAX_HOST) return null;
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::[0-9]{0,5})?$/.exec(value);
  const host = match?.[1] ?? '';
  if (host === '') return null;
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/**
 * `names`: those of this host, canonical; `local`: the address that the client connected to, '' for a unix
 * socket.
 */
export function isOwnHost(value: string, names: readonly string[], local: string): boolean {
  const host = hostOf(value);
  if (host === null) return false;
  const bytes = parseAddress(host);
  if (bytes !== null) {
    const address = formatAddress(bytes);
    const own = parseAddress(local);
    return inNetworks(LOOPBACK, address) || (own !== null && address === formatAddress(own));
  }
  const name = canonicalDomain(host);
  return name !== null && (name === 'localhost' || names.includes(name));
}
