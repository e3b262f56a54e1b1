/**
 * Which addresses a policy may be fetched from: public unicast, and no others.
 *
 * The owner of the recipient's domain chooses the host to be asked, so its address is an outsider's choice:
 * without this filter a message to `x@evil.example` would make us connect to hosts of our own network
 * (server-side request forgery). Bytes are compared, so no spelling can bypass the filter. IPv4 inside IPv6
 * is judged by the IPv4 address where that is what would be reached (v4-mapped, and NAT64 by its well-known
 * prefix, which hosts without IPv4 need); the other embeddings are refused as a whole. A NAT64 prefix from a
 * network's own address space cannot be recognised here.
 *
 * Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what it lists); RFC 4291
 * sections 2.4, 2.5.5 and 2.5.7; RFC 6052 section 2.1; RFC 8215; RFC 3879.
 */
import { formatAddress, inNetworks, type Network, parseAddress, parseNetwork } from '../core/network.ts';

/** For tests: addresses of `network` are allowed, to `port`. Never set on a host that handles real mail. */
export interface StsOpening {
  readonly network: Network;
  readonly port: number;
}

type AddressJudgement =
  /** `address` in the spelling to connect to. */
  | { readonly kind: 'allowed'; readonly address: string; readonly port: number }
  | { readonly kind: 'refused'; readonly why: string };

const HTTPS_PORT = 443;

const REFUSED: readonly (readonly [network: string, why: string])[] = [
  ['0.0.0.0/8', 'of "this" network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared behind a carrier NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'kept for protocols'],
  ['192.0.2.0/24', 'for documentation'],
  ['192.88.99.0/24', 'of the former 6to4 relays'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'for benchmarks'],
  ['198.51.100.0/24', 'for documentation'],
  ['203.0.113.0/24', 'for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::/96', 'IPv4-compatible'],
  ['::ffff:0:0:0/96', 'IPv4-translated'],
  ['64:ff9b:1::/48', 'of a local NAT64'],
  ['100::/64', 'for discarding'],
  ['2001::/32', 'Teredo'],
  ['2001::/23', 'kept for protocols'],
  ['2001:db8::/32', 'for documentation'],
  ['2002::/16', '6to4'],
  ['3fff::/20', 'for documentation'],
  ['5f00::/16', 'of segment routing'],
  ['fc00::/7', 'unique local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];

const network = (text: string): Network => {
  const parsed = parseNetwork(text);
  if (parsed === null) throw new Error(`not a network: ${text}`);
  return parsed;
};
const TABLE = REFUSED.map(([text, why]) => ({ networks: [network(text)], why }));
const NAT64 = [network('64:ff9b::/96')];
/** All of IPv4, and the part of IPv6 that is currently global unicast. */
const UNICAST = [network('0.0.0.0/0'), network('2000::/3')];

/** May we connect to this address, and on which port? `text` as returned by DNS. Never throws. */
export function judgeAddress(text: string, opening: StsOpening | null): AddressJudgement {
  const bytes = parseAddress(text);
  if (bytes === null) return { kind: 'refused', why: 'not an IP address' };
  const address = formatAddress(bytes);
  if (opening !== null && inNetworks([opening.network], address)) {
    return { kind: 'allowed', address, port: opening.port };
  }
  const reached = inNetworks(NAT64, address) ? bytes.subarray(12).join('.') : address;
  const found = TABLE.find(({ networks }) => inNetworks(networks, reached));
  if (found !== undefined) return { kind: 'refused', why: found.why };
  if (!inNetworks(UNICAST, reached)) return { kind: 'refused', why: 'not global unicast' };
  return { kind: 'allowed', address, port: HTTPS_PORT };
}
