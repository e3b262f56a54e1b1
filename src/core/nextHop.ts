/**
 * The next hop of a delivery as the MTA writes it, turned into the patterns of the table that may speak of it.
 *
 *   bank.example                        recipient domain, or a relay host that has MX records
 *   [mx.bank.example]                   a host, no MX look-up
 *   [mx.bank.example]:587, mx.bank.example:587
 *   [192.0.2.1], [IPv6:2001:db8::1]     an address, with or without a port
 *   .bank.example                       Postfix asks this after "not found" for a name below it
 *
 * Any case, a trailing dot, U-labels: Postfix keeps what the user typed. A next hop with brackets or port has first a row
 * of its own, then one for the brackets without the port, then the row of its host name.
 *
 * A name that is no domain in our eyes but consists of letters, digits, dots, hyphens and underscores only (`a..b`,
 * `-x.example`) can be no other spelling of a row's domain, so only `*` speaks of it. Anything else that cannot be read
 * might be: Postfix may know a way from it to a name that a row protects. That is trouble, never "not found".
 * Sources: Postfix smtp_tls_policy_maps in postconf(5), transport(5); `src/smtp/smtp_tls_policy.c`, policy_client.
 */
import { canonicalDomain, canonicalLiteral } from './domain.ts';

export type NextHop =
  | {
      readonly kind: 'hop';
      /** Canonical patterns that name exactly this next hop, most specific first; then comes `name`. */
      readonly exact: readonly string[];
      /** Canonical domain or address literal. */
      readonly name: string;
      /** As patterns have it, a number or the name of a service; null when there is none. */
      readonly port: string | null;
    }
  /** A parent domain that Postfix asks for by itself; we have walked the parents already. */
  | { readonly kind: 'parent' }
  /** Not a domain, and no spelling of one. */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unreadable' };

const PARENT: NextHop = { kind: 'parent' };
const NOBODY: NextHop = { kind: 'nobody' };
const UNREADABLE: NextHop = { kind: 'unreadable' };
/** Longest next hop looked at; Postfix asks for no key above 10,000 bytes. */
const LONGEST = 10_000;

/** Never throws. */
export function parseNextHop(text: string): NextHop {
  if (text.startsWith('.')) return PARENT;
  if (text.length > LONGEST) return UNREADABLE;
  const bracketed = /^\[([^[\]]*)\](?::([^:[\]]*))?$/.exec(text);
  if (bracketed !== null) {
    const host = bracketed[1] ?? '';
    const literal = canonicalLiteral(`[${host}]`);
    const name = literal ?? canonicalDomain(host);
    if (name === null) return unnamed(host);
    const alone = literal ?? `[${name}]`;
    const port = portOf(bracketed[2]);
    if (port === '') return UNREADABLE;
    return { kind: 'hop', exact: port === null ? [alone] : [`${alone}:${port}`, alone], name, port };
  }
  const [host = '', written, ...more] = text.split(':');
  if (more.length > 0) return UNREADABLE;
  // an address without brackets is looked up like a name, but with disable_dns_lookups it is connected to
  const name = canonicalDomain(host) ?? canonicalLiteral(`[${host}]`);
  if (name === null) return unnamed(host);
  const port = portOf(written);
  if (port === '') return UNREADABLE;
  return { kind: 'hop', exact: port === null ? [] : [`${name}:${port}`], name, port };
}

function unnamed(host: string): NextHop {
  return /^[A-Za-z0-9._-]+$/.test(host) && !/xn--/i.test(host) ? NOBODY : UNREADABLE;
}

/** As patterns have it; null when there is none, '' for what is neither a number nor the name of a service. */
function portOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return String(Number(text));
  return /^[A-Za-z][A-Za-z0-9-]{0,30}$/.test(text) ? text.toLowerCase() : '';
}
