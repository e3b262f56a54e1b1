/**
 * IP addresses and networks: parses them, and tells whether an address is in a list of networks.
 *
 * An address is 16 bytes, IPv4 in its v4-mapped form (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so that one
 * comparison works for both families, and a client that an MTA shows as `::ffff:192.0.2.1` is the same as
 * `192.0.2.1`.
 *
 * Sources: RFC 4291 section 2.2 (text forms), RFC 4632 (prefix length), RFC 5952 (one way to write IPv6).
 */

/** One network: the first `bits` bits of `bytes` count, 0..128. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

const V4_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * "192.0.2.1" to its four numbers; null for anything else, leading zeros included (they are octal to some).
 */
function parseV4(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const out: number[] = [];
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return null;
    const value = Number(part);
    if (value > 255) return null;
    out.push(value);
  }
  return out;
}

function parseV6(text: string): number[] | null {
  let body = text;
  const tail: number[] = [];
  const lastColon = body.lastIndexOf(':');
  if (body.includes('.')) {
    const v4 = parseV4(body.slice(lastColon + 1));
    if (v4 === null) return null;
    tail.push(...v4);
    body = body.slice(0, lastColon + 1);
    // "1:2:" before a dotted part has one colon too many, but "::" must stay
    if (!body.endsWith('::')) body = body.slice(0, -1);
  }
  const halves = body.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string): number[] | null => {
    if (half === '') return [];
    const out: number[] = [];
    for (const group of half.split(':')) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = Number.parseInt(group, 16);
      out.push(value >> 8, value & 0xff);
    }
    return out;
  };
  const head = groups(halves[0] ?? '');
  const rest = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === null || rest === null) return null;
  const missing = 16 - head.length - rest.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...rest, ...tail];
}

/** An IP address without brackets or `IPv6:` to 16 bytes, or null when it is not one. */
export function parseAddress(text: string): Uint8Array | null {
  const v4 = parseV4(text);
  if (v4 !== null) return Uint8Array.from([...V4_PREFIX, ...v4]);
  if (!text.includes(':')) return null;
  const v6 = parseV6(text);
  return v6 === null ? null : Uint8Array.from(v6);
}

/** 16 bytes to one spelling: dotted for v4(-mapped), otherwise eight groups without `::`. */
export function formatAddress(bytes: Uint8Array): string {
  if (V4_PREFIX.every((byte, i) => bytes[i] === byte)) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** "10.0.0.0/8", "::1", "[::1]/128" to a network; null when the text is not one or has host bits set. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  let host = slash < 0 ? text : text.slice(0, slash);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  const bytes = parseAddress(host);
  if (bytes === null) return null;
  const offset = host.includes(':') ? 0 : 96;
  if (slash < 0) return { bytes, bits: 128 };
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length)) return null;
  const bits = offset + Number(length);
  if (bits > 128) return null;
  for (let i = bits; i < 128; i++) {
    if (((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) return null;
  }
  return { bytes, bits };
}

/** Is the address (text as the MTA gave it) inside one of the networks? An unreadable address is in none. */
export function inNetworks(networks: readonly Network[], text: string): boolean {
  if (networks.length === 0) return false;
  const bytes = parseAddress(text);
  return bytes !== null && networks.some((network) => contains(network, bytes));
}

/** Does the inner network lie wholly in the outer one? */
export function isInside(inner: Network, outer: Network): boolean {
  return inner.bits >= outer.bits && contains(outer, inner.bytes);
}

function contains(network: Network, bytes: Uint8Array): boolean {
  const whole = network.bits >> 3;
  for (let i = 0; i < whole; i++) if (network.bytes[i] !== bytes[i]) return false;
  const rest = network.bits & 7;
  if (rest === 0) return true;
  const mask = 0xff00 >> rest;
  return ((network.bytes[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask);
}

/** Addresses of this host itself. */
export const LOOPBACK: readonly Network[] = ['127.0.0.0/8', '::1']
  .map((text) => parseNetwork(text))
  .filter((network) => network !== null);

/** Is the text an address of this host itself? Most are not, and cost no parsing. */
export function isLoopback(text: string): boolean {
  return (text.startsWith('127.') || text.includes(':')) && inNetworks(LOOPBACK, text);
}
