/**
 * A next hop as labels of a domain name, and back, so that a routed recipient can carry the next hop that the
 * MTA would take:
 *
 *   [backend.example]:2525    b-2525.backend.example          b: in brackets, no MX lookup
 *   relay.example:submission  m-submission.relay.example      m: by MX
 *   [192.0.2.1]               b.192.0.2.1
 *   [2001:db8::1]:25          b-25.ipv6-2001-db8-0-0-0-0-0-1
 *
 * Anything but a single next hop of this form (a list of several, a socket) has no labels. Both directions
 * give canonical text, and accept only text that the other direction produces, so each next hop has exactly
 * one spelling. Never throws.
 * Source: Postfix transport(5) and postconf(5), relayhost.
 */
import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';

const IPV6 = /^ipv6-(?:[0-9a-f]{1,4}-){7}[0-9a-f]{1,4}$/i;

/** Null when it has none. */
export function hopToLabels(nextHop: string): string | null {
  const match = /^(?:\[([^[\]]{1,255})\]|([^[\]:,\s]{1,255}))(?::([A-Za-z0-9-]{1,32}))?$/.exec(nextHop);
  if (match === null) return null;
  const [, bracketed, plain = '', port = ''] = match;
  const how = `${bracketed === undefined ? 'm' : 'b'}${port === '' ? '' : `-${port.toLowerCase()}`}`;
  const host = bracketed === undefined ? canonicalDomain(plain) : hostLabels(bracketed);
  if (host === null) return null;
  const labels = `${how}.${host}`;
  return labelsToHop(labels) === null ? null : labels;
}

/** An address literal, any spelling, as labels of a domain; null when it is none. */
export function literalToLabels(text: string): string | null {
  const literal = text.startsWith('[') ? canonicalLiteral(text) : null;
  return literal === null ? null : addressLabels(literal);
}

/**
 * As SMTP has it, `[192.0.2.1]` or `[IPv6:2001:db8:0:0:0:0:0:1]`; null when these are no labels of an
 * address.
 */
export function labelsToLiteral(labels: string): string | null {
  const hop = labelsToHop(`b.${labels}`);
  const literal = hop === null ? null : canonicalLiteral(hop);
  return literal === null ? null : literal.replace('[ipv6:', '[IPv6:');
}

function addressLabels(literal: string): string {
  const address = literal.slice(1, -1);
  return address.startsWith('ipv6:') ? address.replaceAll(':', '-') : address;
}

function hostLabels(host: string): string | null {
  const literal = canonicalLiteral(`[${host}]`) ?? canonicalLiteral(`[IPv6:${host}]`);
  // a host whose name looks like our form of an address has no labels
  if (literal === null) return IPV6.test(host) ? null : canonicalDomain(host);
  return addressLabels(literal);
}

/** As transport_maps take it; null when these are no labels of a next hop. */
export function labelsToHop(labels: string): string | null {
  const match = /^([bm])(?:-([a-z0-9]|[a-z0-9][a-z0-9-]{0,30}[a-z0-9]))?\.([a-z0-9._-]{1,253})$/.exec(labels);
  if (match === null) return null;
  const [, how, port, host = ''] = match;
  const end = port === undefined ? '' : `:${port}`;
  if (how === 'm') return canonicalDomain(host) === host ? `${host}${end}` : null;
  const address = IPV6.test(host) ? host.replaceAll('-', ':') : host;
  const literal = canonicalLiteral(`[${address}]`);
  if (literal !== null)
    return literal === `[${address}]` ? `${literal.replace(/^\[ipv6:/, '[')}${end}` : null;
  return canonicalDomain(host) === host ? `[${host}]${end}` : null;
}
