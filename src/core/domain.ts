/**
 * One canonical form for every domain name: lower-case A-labels, no trailing dot. The table, the envelope and
 * the names in certificates all pass through here, so two spellings of one domain can never get two answers.
 *
 * Plain ASCII names, which nearly all are, are checked by a regular expression. All others (U-labels, other
 * dots such as U+3002, and labels that claim to be Punycode) go through the URL host parser, which is UTS 46
 * non-transitional. A name that it refuses, or that it turns into anything but letters, digits, hyphen and
 * underscore, is refused here, and never kept unchanged.
 *
 * Limits: a label has 1..63 bytes and no hyphen at its ends, a name 253. Underscores are allowed because
 * Postfix allows them.
 * Sources: RFC 1035 section 2.3.1, RFC 5890 section 2.3.2.1, UTS 46, RFC 5321 section 4.1.3 (address
 * literals).
 */
import { formatAddress, parseAddress } from './network.ts';

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** The common case in one test: lower-case labels, at least two, the last one not numeric. */
const PLAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const COMPARED = /^\.?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Can the names in a certificate be compared with this one? Yes for a canonical name of two labels or more,
 * or `.suffix` for all names below one.
 */
export function isComparedName(text: string): boolean {
  return text.length <= 254 && COMPARED.test(text);
}

function allAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) > 0x7e || text.charCodeAt(i) < 0x21) return false;
  return true;
}

/** UTS 46 through the URL parser; null when it refuses or reads the name as an IPv4 address. */
function toAscii(name: string): string | null {
  // characters that would end or split the host part of a URL, or be decoded by it
  if (/[/\\?#@:%[\]<>^|\s]/.test(name)) return null;
  // in a host that is all ASCII, Node 24 keeps labels that are not valid Punycode (`xn--a`), Node 20 refuses
  // them; next to a U-label both check every label
  const witness = allAscii(name);
  try {
    const host = new URL(`http://${name}${witness ? '.\u00fc' : ''}/`).hostname;
    if (host === '') return null;
    return witness ? host.slice(0, -'.xn--tda'.length) : host;
  } catch {
    return null;
  }
}

/**
 * The canonical form of a domain name (no brackets, no leading dot), or null when it has none.
 * A dotted number such as `192.0.2.1` is not a domain name: null.
 */
export function canonicalDomain(text: string): string | null {
  if (text.length <= 253 && PLAIN.test(text) && !text.includes('xn--')) return text;
  if (text.length > 1024) return null;
  let name: string | null = text.endsWith('.') ? text.slice(0, -1) : text;
  // case folding beyond ASCII is left to UTS 46: toLowerCase has a rule for a final sigma that UTS 46 has not
  if (!allAscii(name) || /xn--/i.test(name)) {
    name = toAscii(name);
    if (name === null) return null;
    if (name.endsWith('.')) name = name.slice(0, -1);
  } else name = name.toLowerCase();
  if (name.length === 0 || name.length > 253) return null;
  const labels = name.split('.');
  if (!labels.every((label) => LABEL.test(label))) return null;
  return /^[0-9]+$/.test(labels[labels.length - 1] ?? '') ? null : name;
}

/**
 * `[192.0.2.1]` or `[IPv6:2001:db8::1]` to one spelling with lower-case tag; null when it is not an address
 * literal.
 */
export function canonicalLiteral(text: string): string | null {
  if (!text.startsWith('[') || !text.endsWith(']')) return null;
  const inner = text.slice(1, -1);
  const tagged = /^ipv6:/i.test(inner);
  const bytes = parseAddress(tagged ? inner.slice(5) : inner);
  if (bytes === null) return null;
  const address = formatAddress(bytes);
  return address.includes(':') ? `[ipv6:${address}]` : `[${address}]`;
}

/** Is `name` the wanted name, or below it when `wanted` begins with a dot? Both in canonical form. */
export function nameMatches(wanted: string, name: string): boolean {
  if (!wanted.startsWith('.')) return wanted === name;
  return name.length > wanted.length && name.endsWith(wanted);
}
