/**
 * The next hop of a delivery as the MTA writes it, turned into the patterns of the table that may speak of it.
 *
 *   bank.example                        recipient domain, or a relay host that has MX records
 *   [mx.bank.example]                   a host, no MX lookup
 *   [mx.bank.example]:587, mx.bank.example:587
 *   [192.0.2.1], [IPv6:2001:db8::1]     an address, with or without a port
 *   .bank.example                       Postfix asks this after "not found" for a name below it
 *
 * Any case, a trailing dot, U-labels: Postfix keeps what the user typed. A next hop with brackets or port has first a row
 * of its own, then one for the brackets without the port, then the row of its host name.
 *
 * Which of these Postfix's own table would find matters for rows at `none` and `may` (see deliver.ts): an entry there is
 * found by exactly the next hop it names, and only a plain host name is looked for under its parents. `written` and
 * `plain` say it: `host.`, `[host.]` and `[host]:025` are other spellings, under which only stricter rows are found.
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
      /** The pattern of a row that is written as this is; null where no pattern is. */
      readonly written: string | null;
      /** A host name in ASCII and nothing else, which Postfix looks for under its parents too. */
      readonly plain: boolean;
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
const MAX_TEXT = 10_000;

/** Never throws. */
export function parseNextHop(text: string): NextHop {
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
  // an address without brackets is looked up like a name, but with disable_dns_lookups it is connected to
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
  return /^[A-Za-z0-9._-]+$/.test(host) && !/xn--/i.test(host) ? NOBODY : UNREADABLE;
}

/** As patterns have it; null when there is none, '' for what is neither a number nor the name of a service. */
function portOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return String(Number(text));
  return /^[A-Za-z][A-Za-z0-9-]{0,30}$/.test(text) ? text.toLowerCase() : '';
}
