/**
 * Parses the next hop of a delivery as the MTA writes it, and lists the patterns of the table that may match
 * it.
 *
 *   bank.example                        recipient domain, or a relay host that has MX records
 *   [mx.bank.example]                   a host, no MX lookup
 *   [mx.bank.example]:587, mx.bank.example:587
 *   [192.0.2.1], [IPv6:2001:db8::1]     an address, with or without a port
 *   .bank.example                       Postfix asks this after "not found" for a name below it
 *
 * It may have any case, a trailing dot and U-labels, because Postfix keeps what the user typed. For a next
 * hop with brackets or a port, its own row comes first, then the row with brackets but without the port, then
 * the row of the host name.
 *
 * For rows at `none` and `may` it matters which of them Postfix would find in its own table (see deliver.ts).
 * There an entry is found only by exactly the next hop it names, and parents are tried only for a plain host
 * name. `written` and `plain` tell this: `host.`, `[host.]` and `[host]:025` are other spellings, which only
 * stricter rows match.
 *
 * A name that is no domain in our eyes but consists of letters, digits, dots, hyphens and underscores only
 * (`a..b`, `-x.example`) cannot be another spelling of a row's domain, so only `*` matches it. Any other text
 * that cannot be parsed might be one: Postfix may turn it into a name that a row protects. That is an error,
 * never "not found".
 * Sources: Postfix smtp_tls_policy_maps in postconf(5), transport(5); `src/smtp/smtp_tls_policy.c`,
 * policy_client.
 */
import { canonicalDomain, canonicalLiteral } from './domain.ts';

export type NextHop =
  | {
      readonly kind: 'hop';
      /** Canonical patterns for exactly this next hop, most specific first; `name` comes after them. */
      readonly exact: readonly string[];
      /** Canonical domain or address literal. */
      readonly name: string;
      /** A number or the name of a service, as in patterns; null when there is none. */
      readonly port: string | null;
      /** The pattern that is written exactly like this next hop; null when there is none. */
      readonly written: string | null;
      /** A bare host name in ASCII, for which Postfix also tries the parents. */
      readonly plain: boolean;
    }
  /**
   * A parent domain, for which Postfix asks after the name itself; the answer for the name included the
   * parents.
   */
  | { readonly kind: 'parent' }
  /** Neither a domain nor a spelling of one. */
  | { readonly kind: 'not-a-domain' }
  | { readonly kind: 'unreadable' };

const NO_PATTERNS: readonly string[] = [];
const PARENT: NextHop = { kind: 'parent' };
const NOT_A_DOMAIN: NextHop = { kind: 'not-a-domain' };
const UNREADABLE: NextHop = { kind: 'unreadable' };
/** Longest next hop that is parsed; Postfix asks for no key above 10,000 bytes. */
const MAX_TEXT = 10_000;

/** Never throws. */
export function parseNextHop(text: string): NextHop {
  // nearly all are the domain of a recipient, in canonical form
  if (canonicalDomain(text) === text)
    return { kind: 'hop', exact: NO_PATTERNS, name: text, port: null, written: text, plain: true };
  if (text.startsWith('.')) return PARENT;
  if (text.length > MAX_TEXT) return UNREADABLE;
  const bracketed = /^\[([^[\]]*)\](?::([^:[\]]*))?$/.exec(text);
  if (bracketed !== null) {
    const host = bracketed[1] ?? '';
    const literal = canonicalLiteral(`[${host}]`);
    const name = literal ?? canonicalDomain(host);
    if (name === null) return unnamed(host);
    const alone = literal ?? `[${name}]`;
    const port = portOf(bracketed[2]);
    if (port === '') return UNREADABLE;
    const exact = port === null ? [alone] : [`${alone}:${port}`, alone];
    const same = !endsInDot(host) && samePort(bracketed[2], port);
    return { kind: 'hop', exact, name, port, written: same ? exact[0]! : null, plain: false };
  }
  const [host = '', written, ...more] = text.split(':');
  if (more.length > 0) return UNREADABLE;
  // an address without brackets is looked up like a name, but with disable_dns_lookups Postfix connects to it
  const domain = canonicalDomain(host);
  const name = domain ?? canonicalLiteral(`[${host}]`);
  if (name === null) return unnamed(host);
  const port = portOf(written);
  if (port === '') return UNREADABLE;
  const pattern = port === null ? name : `${name}:${port}`;
  const same = domain !== null && !endsInDot(host) && samePort(written, port);
  return {
    kind: 'hop',
    exact: port === null ? [] : [pattern],
    name,
    port,
    written: same ? pattern : null,
    plain: same && port === null && /^[A-Za-z0-9._-]+$/.test(host),
  };
}

/** Any of the dots of UTS 46. */
function endsInDot(host: string): boolean {
  return /[.\u3002\uff0e\uff61]$/.test(host);
}

function samePort(text: string | undefined, port: string | null): boolean {
  return text === undefined || text.toLowerCase() === port;
}

function unnamed(host: string): NextHop {
  return /^[A-Za-z0-9._-]+$/.test(host) && !/xn--/i.test(host) ? NOT_A_DOMAIN : UNREADABLE;
}

/**
 * The port as in patterns; null when there is none, '' when it is neither a number nor the name of a service.
 */
function portOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return String(Number(text));
  return /^[A-Za-z][A-Za-z0-9-]{0,30}$/.test(text) ? text.toLowerCase() : '';
}
