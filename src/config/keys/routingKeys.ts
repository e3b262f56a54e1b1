/**
 * Where mail goes, as an administrator writes it: next hops and names of transports.
 *
 *   [relay.example]:587   [relay.example]   relay.example   relay.example:submission   [192.0.2.1]:25   [2001:db8::1]
 *
 * A next hop is brought into the one spelling that transport_maps and `FILTER` accept: lower case, A-labels,
 * an IPv6 address without the `IPv6:` of address literals.
 * Sources: Postfix transport(5), relayhost in postconf(5), master(5) for the names.
 */

import { Invalid, quote } from '../ini/problem.ts';
import { parsePattern } from './pattern.ts';

const NEXT_HOP = 'a next hop such as [relay.example]:587';

/** A next hop; null when empty. */
export function parseRelay(text: string): string | null | Invalid {
  if (text === '') return null;
  const transport = /^[a-z0-9_-]+:(?=\[|[a-z0-9.-]+\.[a-z0-9.-]+)/i.exec(text);
  const pattern = parsePattern(text);
  if (!(pattern instanceof Invalid) && ['domain', 'literal', 'nextHop'].includes(pattern.kind))
    return pattern.text.replace(/^\[ipv6:/, '[');
  if (transport !== null) return new Invalid(quote(text), NEXT_HOP, 'without the name of a transport');
  return new Invalid(quote(text), NEXT_HOP, pattern instanceof Invalid ? pattern.hint : '');
}

/** A domain, or `.suffix`. */
export function parseLocalDomain(text: string): string | Invalid {
  const pattern = parsePattern(text);
  if (!(pattern instanceof Invalid) && (pattern.kind === 'domain' || pattern.kind === 'suffix'))
    return pattern.text;
  return new Invalid(quote(text), 'a domain or .suffix', pattern instanceof Invalid ? pattern.hint : '');
}

/** The name of a service in master.cf. */
export function parseTransport(text: string): string | Invalid {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  return new Invalid(
    quote(text),
    'the name of a transport such as smtp',
    'as in the first column of master.cf',
  );
}
