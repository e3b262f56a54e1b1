/**
 * Envelope addresses: from what the MTA handed over to the domain that the table is asked for.
 *
 * Two inputs differ in form. Milter gives the path as the client typed it (`<"a b"@x.example>`, RFC 5321 section 4.1.2);
 * policy delegation gives Postfix's internal form, without brackets and without quoting, in which the last `@` is the
 * one that counts. Both end in the same type. Header-address grammar (comments, display names, groups) does not exist
 * in an envelope, so nothing here skips a comment: `user@good.example(x)evil.example` is malformed, not a domain.
 *
 * A malformed address is not thrown away: every domain and mailbox that a lax reader could take it for is kept in
 * `readings`, and `decide` applies the strictest of their rows. A sender cannot escape a row by writing its domain in a
 * broken way. The same goes for a local part without a domain in which Postfix finds one: it rewrites `user%domain` and
 * `domain!user` (allow_percent_hack, swap_bangpath, both on by default), and has forgotten the quotes of `"user@domain"`
 * by the time it adds its own origin. Where the domain behind is its own it does the same (tried: `x%bank@our` is delivered to
 * `x@bank`), and whose domain that is we are not told, so such a mailbox has readings besides.
 *
 * Local parts are compared without regard to case: RFC 5321 section 2.4 allows hosts to care, none that matter do, and
 * a table that missed `Boss@` would be a hole.
 */
import { canonicalDomain, canonicalLiteral } from './domain.ts';

export interface EnvelopeAddress {
  /** `null` is the null sender `<>`; `domainless` has a local part only, such as `postmaster`. */
  readonly kind: 'null' | 'mailbox' | 'domainless' | 'malformed';
  /** As the MTA gave it, undecoded; foreign text, to be escaped wherever it is shown. */
  readonly text: string;
  /** Canonical `local@domain`, quoting removed, lower case; '' unless `mailbox`. */
  readonly mailbox: string;
  /** Canonical domain or address literal in brackets; '' unless `mailbox`. */
  readonly domain: string;
  /**
   * `malformed`: each canonical domain, and each mailbox, it might mean; possibly none. `mailbox`: what its local part
   * might mean, nearly always nothing.
   */
  readonly readings: readonly string[];
}

const NONE: readonly string[] = [];
/** Longest address looked at: RFC 5321 section 4.5.3.1.3 has 256, Postfix lets 2,048 through. */
const MAX_ADDRESS = 4096;

export const NULL_ADDRESS: EnvelopeAddress = {
  kind: 'null',
  text: '<>',
  mailbox: '',
  domain: '',
  readings: NONE,
};

/** Characters that no part of a clean path has, besides `@`. */
const ODD = /[\s<>()[\]\\,;:"%!\0-\x1f\x7f]/;

/** What a local part has in which an MTA may find another domain, once it has seen that the one behind is its own. */
const HIDES_DOMAIN = /[@\uFF20%!]/;

function malformed(text: string): EnvelopeAddress {
  return { kind: 'malformed', text, mailbox: '', domain: '', readings: readingsOf(text) };
}

/** Every domain and mailbox that a lax reader could take the text, or a part of it, for. */
function readingsOf(text: string): readonly string[] {
  const readings = new Set<string>();
  // the end counts most, so an overlong address loses its beginning
  const path = text.slice(-MAX_ADDRESS);
  // after every "@" (full-width ones too) and "%" a domain may begin, before every "!" one may end
  const pieces = path.split(/[@\uFF20%]/);
  pieces.forEach((piece, i) => {
    if (i === 0 || (i > 8 && i < pieces.length - 24)) return;
    const localPart = pieces[i - 1]!.split(ODD).at(-1)!;
    for (const domain of domainsIn(piece)) {
      readings.add(domain);
      if (localPart !== '') readings.add(mailboxKey(localPart, domain));
    }
  });
  for (const host of path.split('!').slice(0, -1).slice(-8)) {
    const name = canonicalDomain(
      host
        .split(/[@\uFF20]/)
        .at(-1)!
        .split(ODD)
        .at(-1)!,
    );
    if (name !== null) readings.add(name);
  }
  return [...readings];
}

/** What a lax reader could take for a domain in the text: it may cut at odd characters, drop them, or drop comments. */
function domainsIn(text: string): readonly string[] {
  const readings = [
    ...text.split(ODD).slice(0, 8),
    text.split(ODD).join(''),
    text
      .replace(/\([^)]*\)?/g, '')
      .split(ODD)
      .join(''),
    // what is left of it in plain letters
    /^[a-z0-9._-]*/i.exec(text)![0],
  ];
  const literal = canonicalLiteral(/^\[[^\]]*\]/.exec(text)?.[0] ?? '');
  const names = readings.map((reading) =>
    canonicalDomain(reading.replace(/\.{2,}/g, '.').replace(/^\.|\.$/g, '')),
  );
  return [literal, ...names].filter((name) => name !== null);
}

/** A local part alone, unless Postfix would find a domain in it. */
function domainless(text: string, localPart: string): EnvelopeAddress {
  if (HIDES_DOMAIN.test(localPart)) return malformed(text);
  return { kind: 'domainless', text, mailbox: '', domain: '', readings: NONE };
}

function mailbox(text: string, localPart: string, domainText: string): EnvelopeAddress {
  const domain = domainText.startsWith('[') ? canonicalLiteral(domainText) : canonicalDomain(domainText);
  if (domain === null || localPart === '') return malformed(text);
  const readings = HIDES_DOMAIN.test(localPart) ? readingsOf(localPart) : NONE;
  return { kind: 'mailbox', text, mailbox: mailboxKey(localPart, domain), domain, readings };
}

/**
 * The one spelling of a mailbox that table rows and envelopes share, ASCII only: lower case, anything beyond ASCII and the
 * backslash itself written as `\\uXXXX` per UTF-16 unit (the table keeps one byte per character).
 */
export function mailboxKey(localPart: string, domain: string): string {
  const folded = localPart.toLowerCase();
  const ascii = /^[\x20-\x5b\x5d-\x7e]*$/.test(folded)
    ? folded
    : folded.replace(
        /[^\x20-\x5b\x5d-\x7e]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
  return `${ascii}@${domain}`;
}

/** `@a,@b:user@c` to `user@c` (RFC 5321 appendix C: the route is ignored); the text itself when there is no route. */
function withoutRoute(path: string): string {
  if (!path.startsWith('@')) return path;
  const colon = path.indexOf(':');
  return colon < 0 ? path : path.slice(colon + 1);
}

/** A dot-atom of RFC 5321 section 4.1.2, 8-bit characters (RFC 6531) included; lax about dots as MTAs are. */
const DOT_ATOM = /^[^\s"(),:;<>@[\\\]\0-\x20\x7f]+$/;

/** One quoted string at the start of the text: its content without quoting, and what follows; null when it never ends. */
function quotedString(path: string): { readonly content: string; readonly rest: string } | null {
  let content = '';
  for (let i = 1; i < path.length; i++) {
    const char = path[i];
    if (char === '"') return { content, rest: path.slice(i + 1) };
    if (char === '\\') {
      i++;
      if (i >= path.length) return null;
    }
    content += path[i];
  }
  return null;
}

/**
 * A reverse- or forward-path as typed in MAIL FROM or RCPT TO, with or without its angle brackets (milter arguments).
 * Total: anything that is not one clean path comes back as `malformed`.
 */
export function parsePath(text: string): EnvelopeAddress {
  if (text === '<>' || text === '') return NULL_ADDRESS;
  if (text.length > MAX_ADDRESS) return malformed(text);
  const open = text.startsWith('<');
  if (open !== text.endsWith('>')) return malformed(text);
  const path = withoutRoute(open ? text.slice(1, -1) : text);
  let localPart: string;
  let rest: string;
  if (path.startsWith('"')) {
    const quoted = quotedString(path);
    if (quoted === null) return malformed(text);
    localPart = quoted.content;
    rest = quoted.rest;
  } else {
    const at = path.indexOf('@');
    localPart = at < 0 ? path : path.slice(0, at);
    rest = at < 0 ? '' : path.slice(at);
    if (!DOT_ATOM.test(localPart)) return malformed(text);
  }
  if (rest === '') return domainless(text, localPart);
  if (!rest.startsWith('@')) return malformed(text);
  return mailbox(text, localPart, rest.slice(1));
}

/**
 * A policy delegation `sender` or `recipient` value: internal form, so quotes are part of the local part and the domain
 * follows the last `@` (Postfix SMTPD_POLICY_README). The empty value is the null sender.
 */
export function parseInternalAddress(text: string): EnvelopeAddress {
  if (text === '') return NULL_ADDRESS;
  if (text.length > MAX_ADDRESS) return malformed(text);
  const path = withoutRoute(text);
  const at = path.lastIndexOf('@');
  if (at < 0) return path === '' || /[<>]/.test(path) ? malformed(text) : domainless(text, path);
  return mailbox(text, path.slice(0, at), path.slice(at + 1));
}
