/**
 * Adds and parses the domain suffixes that send a recipient through a clone of the smtp transport.
 *
 *   u@good.example.tlsward-encrypt            must leave under TLS
 *   u@good.example.tlsward-verify             and to a server that proves its name
 *   u@good.example.RULE.tlsward-fallback      to the gateway that rule RULE names
 *   u@good.example.tlsward-row                the row of its domain decides: a rule matches others
 *   u@good.example.tlsward-via.b-25.mx.good.example.tlsward-encrypt
 *                                             by the next hop [mx.good.example]:25 (nextHopLabels.ts),
 *                                             which the MTA would take
 *   u@192.0.2.1.tlsward-literal.tlsward-encrypt
 *                                             u@[192.0.2.1]; an IPv6 address is one label,
 *                                             ipv6-2001-db8-0-0-0-0-0-1
 *
 * The suffixes are the names of the transports in master.cf, and no top-level domain has such a name. The
 * milter adds them, `transport_maps` routes by them, and `smtp_generic_maps` of the clones remove them, so no
 * other server sees them.
 *
 * A domain with a suffix that cannot be parsed is `unreadable`, never `plain`: routed like other mail, it
 * would leave without the protection that its suffix requires.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { canonicalDomain } from '../core/domain.ts';
import type { RuleLevel } from '../core/rule.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { hopToLabels, labelsToHop, labelsToLiteral, literalToLabels } from './nextHopLabels.ts';

export const ROUTE_ENDS = {
  encrypt: 'tlsward-encrypt',
  verify: 'tlsward-verify',
  fallback: 'tlsward-fallback',
  row: 'tlsward-row',
} as const;
type RouteEnd = keyof typeof ROUTE_ENDS;

/** The route of one recipient. */
export type Route =
  /** `via`: next hop as transport_maps take it; absent: the relayhost, or the domain's own. */
  | { readonly end: RuleLevel | 'row'; readonly via?: string }
  /** Name of the rule whose gateway it is. */
  | { readonly end: 'fallback'; readonly rule: string };

type RecipientSuffix =
  | { readonly kind: 'plain' }
  | { readonly kind: 'unreadable' }
  | {
      readonly kind: 'routed';
      readonly route: Route;
      /** The domain without the end, as written; an address literal as SMTP has it. */
      readonly text: string;
      /** The same, canonical. */
      readonly domain: string;
    };
type Routed = Extract<RecipientSuffix, { kind: 'routed' }>;

/** Between the domain and the labels of a next hop. */
const VIA = '.tlsward-via.';
/** Behind the labels of an address literal. */
const LITERAL = '.tlsward-literal';
const PLAIN: RecipientSuffix = { kind: 'plain' };
const UNREADABLE: RecipientSuffix = { kind: 'unreadable' };
/** Longest domain looked at; no DNS name is longer than 253. */
const MAX_WRITTEN = 1024;

/** Parses the suffix of a domain. Any case, one trailing dot; never throws. */
export function readRoute(written: string): RecipientSuffix {
  const text = written.endsWith('.') ? written.slice(0, -1) : written;
  const dot = text.lastIndexOf('.');
  const end = endOf(asciiLower(text.slice(dot + 1)));
  if (end === null) return PLAIN;
  if (dot < 1 || text.length > MAX_WRITTEN) return UNREADABLE;
  const before = text.slice(0, dot);
  if (end !== 'fallback') {
    const at = asciiLower(before).lastIndexOf(VIA);
    if (at < 0) return routed({ end }, before);
    const via = labelsToHop(asciiLower(before.slice(at + VIA.length)));
    return via === null ? UNREADABLE : routed({ end, via }, before.slice(0, at));
  }
  const cut = before.lastIndexOf('.');
  if (cut < 1) return UNREADABLE;
  const rule = asciiLower(before.slice(cut + 1));
  return isLabel(rule) ? routed({ end, rule }, before.slice(0, cut)) : UNREADABLE;
}

/** Other folding would change the length: the Kelvin sign becomes a k. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function endOf(label: string): RouteEnd | null {
  switch (label) {
    case ROUTE_ENDS.encrypt:
      return 'encrypt';
    case ROUTE_ENDS.verify:
      return 'verify';
    case ROUTE_ENDS.fallback:
      return 'fallback';
    case ROUTE_ENDS.row:
      return 'row';
    default:
      return null;
  }
}

function routed(route: Route, text: string): RecipientSuffix {
  if (asciiLower(text).endsWith(LITERAL)) {
    const literal = labelsToLiteral(asciiLower(text.slice(0, -LITERAL.length)));
    return literal === null
      ? UNREADABLE
      : { kind: 'routed', route, text: literal, domain: asciiLower(literal) };
  }
  const domain = canonicalDomain(text);
  // one suffix after another is not valid
  const labels = domain?.split('.') ?? [];
  if (domain === null || labels.includes('tlsward-via') || labels.includes('tlsward-literal'))
    return UNREADABLE;
  if (readRoute(domain).kind !== 'plain') return UNREADABLE;
  return { kind: 'routed', route, text, domain };
}

/** Can a rule's name be part of a domain? */
function isLabel(text: string): boolean {
  return /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(text);
}

/** The domain as it was before it was routed; `written` may also have one character a byte. */
export function domainBefore(written: string, { text }: Routed): string {
  if (text.startsWith('[')) return text;
  const bare = written.endsWith('.') ? written.slice(0, -1) : written;
  // suffixes are ASCII, so the part to cut has as many bytes as characters
  return bare.slice(0, bare.length - (utf8OrLatin1(bare).length - text.length));
}

/** The next hop of mail to a canonical domain, as transport_maps take it: `[2001:db8:0:0:0:0:0:1]`. */
export function nextHopOf(domain: string): string {
  return domain.startsWith('[ipv6:') ? domain.replace('ipv6:', '') : domain;
}

/** The address without a suffix, to compare with rows and rules. Other addresses are returned unchanged. */
export function unrouted(address: EnvelopeAddress): EnvelopeAddress {
  if (!address.domain.includes('.tlsward-')) return address;
  const suffix = readRoute(address.domain);
  if (suffix.kind !== 'routed') return address;
  const localPart = address.mailbox.slice(0, address.mailbox.lastIndexOf('@'));
  return { ...address, domain: suffix.domain, mailbox: `${localPart}@${suffix.domain}` };
}

/**
 * The domain with the suffix added; null if it becomes too long (253 characters, in A-labels), or if the
 * domain or the rule's name cannot be part of a domain name.
 */
export function writeRoute(written: string, route: Route): string | null {
  const text = written.endsWith('.') ? written.slice(0, -1) : written;
  const labels = literalToLabels(text);
  const before = labels === null ? text : `${labels}${LITERAL}`;
  const whole = `${before}${between(route)}.${ROUTE_ENDS[route.end]}`;
  if (canonicalDomain(whole) === null) return null;
  const back = readRoute(whole);
  if (back.kind !== 'routed') return null;
  return labels !== null || back.text === text ? whole : null;
}

/** The labels between the domain and the suffix. */
function between(route: Route): string {
  if (route.end === 'fallback') return `.${route.rule}`;
  // a next hop without labels gives an empty label, which cannot stand
  return route.via === undefined ? '' : `${VIA}${hopToLabels(route.via) ?? ''}`;
}
