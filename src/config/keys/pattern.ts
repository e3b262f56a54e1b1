/**
 * Patterns of rows: from the text as written to the canonical spelling in the table.
 *
 *   boss@law.example  "a b"@law.example     one address
 *   bank.example                            the domain itself; U-labels become A-labels
 *   .bank.example                           its subdomains, at any depth
 *   *                                       everyone else
 *   <>                                      the null sender
 *   [192.0.2.1]  [IPv6:2001:db8::1]         an address literal
 *   [relay.example]:587  relay.example:587  a next hop, as the MTA writes it; the port may be a name
 *
 * A pattern that can never match is refused, with a hint at what was probably meant. There are no regular
 * expressions.
 * Sources: RFC 5321 sections 4.1.2 and 4.1.3, Postfix `smtp_tls_policy_maps` (next-hop forms),
 * core/domain.ts.
 */
import { parsePath } from '../../core/address.ts';
import { canonicalDomain, canonicalLiteral } from '../../core/domain.ts';
import { parseAddress, parseNetwork } from '../../core/network.ts';
import { reserved } from '../ini/iniText.ts';
import { Invalid, quote } from '../ini/problem.ts';

export interface Pattern {
  readonly kind: 'anyone' | 'null' | 'address' | 'domain' | 'suffix' | 'literal' | 'nextHop';
  /** ASCII, as `PackedTable` holds it. */
  readonly text: string;
}

const EXPECTED = 'an address, a domain, .suffix, *, <>, an [address literal] or a next hop';

/** Does the pattern name a domain that a certificate could be for? */
export function hasDomain(pattern: Pattern): boolean {
  if (pattern.kind === 'address') return !pattern.text.endsWith(']');
  return pattern.kind === 'domain' || pattern.kind === 'suffix';
}

/** The pattern, or what is wrong with it. */
export function parsePattern(text: string): Pattern | Invalid {
  if (text === '*') return { kind: 'anyone', text };
  if (text === '<>') return { kind: 'null', text };
  const wrong = (hint: string) => new Invalid(quote(text), EXPECTED, hint);
  if (text === '') return wrong('');
  if (reserved(text)) return wrong('a reserved name');
  const url = /^(?:[a-z][a-z0-9+.-]*:\/\/|mailto:)([^/]*)/i.exec(text);
  if (url !== null) return wrong(meant(url[1] ?? '') || 'a URL is not a pattern');
  if (text.length > 1 && text.startsWith('/') && text.endsWith('/')) {
    return wrong('rows cannot contain regular expressions');
  }
  if (text.startsWith('"') || text.includes('@')) return address(text, wrong);
  if (text.startsWith('[')) return bracketed(text, wrong);
  if (/[*?]/.test(text)) {
    return wrong(text.startsWith('*.') ? meant(text.slice(1)) : 'the only wildcards are .suffix and *');
  }
  if (/^[0-9a-f.:/]+$/i.test(text)) {
    if (parseAddress(text) !== null)
      return wrong(`did you mean [${text.includes(':') ? 'IPv6:' : ''}${text}]?`);
    if (parseNetwork(text) !== null)
      return wrong('networks belong in trusted-clients; a row is for mail domains');
  }
  const hop = /^([^:]+):([^:]+)$/.exec(text);
  if (hop !== null) return nextHop(hop[1] ?? '', hop[2] ?? '', wrong);
  const suffix = text.startsWith('.');
  const name = canonicalDomain(suffix ? text.slice(1) : text);
  if (name === null) return wrong(domainFault(suffix ? text.slice(1) : text));
  return suffix ? { kind: 'suffix', text: `.${name}` } : { kind: 'domain', text: name };
}

function meant(text: string): string {
  const pattern = text === '' || text === '.' ? null : parsePattern(text);
  return pattern === null || pattern instanceof Invalid ? '' : `did you mean ${pattern.text}?`;
}

type WrongWith = (hint: string) => Invalid;

function address(text: string, wrong: WrongWith): Pattern | Invalid {
  const at = text.lastIndexOf('@');
  if (at < 0) return wrong('an address has a domain after its local part');
  const localPart = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (localPart === '' || localPart === '*') return wrong(meant(domain) || domainFault(domain));
  if (text.startsWith('<') || text.startsWith('@'))
    return wrong('write it without angle brackets and routes');
  if (/^\*?\./.test(domain)) return wrong('an address has one domain');
  const parsed = parsePath(text);
  if (parsed.kind === 'mailbox') return { kind: 'address', text: parsed.mailbox };
  if (!domain.startsWith('[') && canonicalDomain(domain) === null) return wrong(domainFault(domain));
  return wrong('a local part with special characters needs double quotes');
}

function bracketed(text: string, wrong: WrongWith): Pattern | Invalid {
  const match = /^\[([^[\]]*)\](?::([^:]*))?$/.exec(text);
  if (match === null) return wrong('[host] or [host]:port');
  const host = match[1] ?? '';
  const port = match[2];
  const literal = canonicalLiteral(`[${host}]`);
  if (port === undefined && literal !== null) return { kind: 'literal', text: literal };
  const name = literal ?? bracketedName(host);
  if (name === null) return wrong(/^[0-9.:]+$/.test(host) ? 'not an IP address' : domainFault(host));
  if (port === undefined) return { kind: 'nextHop', text: name };
  const canonicalPort = portOf(port);
  return canonicalPort === null
    ? wrong('a port is 1 to 65535 or a service name')
    : { kind: 'nextHop', text: `${name}:${canonicalPort}` };
}

function bracketedName(host: string): string | null {
  const name = canonicalDomain(host);
  return name === null ? null : `[${name}]`;
}

function nextHop(host: string, port: string, wrong: WrongWith): Pattern | Invalid {
  if (parseAddress(host) !== null) return wrong(`did you mean [${host}]:${port}?`);
  const name = canonicalDomain(host);
  if (name === null) return wrong(domainFault(host));
  const canonicalPort = portOf(port);
  if (canonicalPort === null) return wrong('a port is 1 to 65535 or a service name');
  return { kind: 'nextHop', text: `${name}:${canonicalPort}` };
}

function portOf(text: string): string | null {
  if (/^[0-9]+$/.test(text)) return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535 ? text : null;
  return /^[a-z][a-z0-9-]{0,30}$/i.test(text) ? text.toLowerCase() : null;
}

/** Why `canonicalDomain` refused a name, in words. */
export function domainFault(text: string): string {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.split('.');
  if (name === '') return 'no name';
  if (labels.includes('')) return 'an empty label between two dots';
  const odd = /[^\p{L}\p{M}\p{N}._-]/u.exec(name)?.[0];
  if (odd !== undefined) return `${quote(odd)} cannot be part of a domain`;
  if (name.length > 253) return 'a name has at most 253 characters';
  if (labels.some((label) => label.length > 63)) return 'a label has at most 63 characters';
  if (labels.some((label) => label.startsWith('-') || label.endsWith('-')))
    return 'a label has no hyphen at its ends';
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return 'the last label is a number';
  return 'a name that cannot be converted to A-labels';
}
