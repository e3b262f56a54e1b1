/**
 * Parses envelope addresses as the MTA passes them, and finds the domain to look up in the table.
 *
 * There are two input forms. The milter protocol gives the path as the client typed it (`<"a b"@x.example>`,
 * RFC 5321 section 4.1.2); policy delegation gives Postfix's internal form, without brackets and quoting, in
 * which the last `@` separates the domain. Both become the same type. Header-address grammar (comments,
 * display names, groups) does not exist in an envelope, so nothing here skips a comment:
 * `user@good.example(x)evil.example` is malformed, not a domain.
 *
 * A malformed address is not discarded. Every domain and mailbox that a lax parser could find in it is kept
 * in `readings`, and `decide` applies the strictest of their rows, so a sender cannot evade a row by a
 * malformed domain. The same applies to a local part in which Postfix finds a domain: it rewrites
 * `user%domain` and `domain!user` (allow_percent_hack, swap_bangpath, both on by default), and has removed
 * the quotes of `"user@domain"` when it adds its own origin. It also does that when the domain of the address
 * is its own (tried: `x%bank@our` is delivered to `x@bank`). The MTA does not tell us which domains are its
 * own, so such a mailbox has readings, too.
 *
 * Local parts are compared without regard to case. RFC 5321 section 2.4 allows hosts to distinguish case, but
 * hardly any does, and a row that did not match `Boss@` could be evaded.
 */
import { canonicalDomain, canonicalLiteral } from './domain.ts';

export interface EnvelopeAddress {
  /** `null` is the null sender `<>`; `domainless` has a local part only, such as `postmaster`. */
  readonly kind: 'null' | 'mailbox' | 'domainless' | 'malformed';
  /** As the MTA gave it, undecoded; foreign text, which must be escaped when it is shown. */
  readonly text: string;
  /** Canonical `local@domain`, quoting removed, lower case; '' unless `mailbox`. */
  readonly mailbox: string;
  /** Canonical domain or address literal in brackets; '' unless `mailbox`. */
  readonly domain: string;
  /**
   * `malformed`: each canonical domain and mailbox that it might mean, possibly none. `mailbox`: what its
   * local part might mean, nearly always nothing.
   */
  readonly readings: readonly string[];
}

const NONE: readonly string[] = [];
/** Longest address that is parsed: RFC 5321 section 4.5.3.1.3 allows 256, Postfix accepts 2,048. */
const MAX_ADDRESS = 4096;

export const NULL_ADDRESS: EnvelopeAddress = {
  kind: 'null',
  text: '<>',
  mailbox: '',
  domain: '',
  readings: NONE,
};

/** Characters that occur in no part of a well-formed path, besides `@`. */
const ODD = /[\s<>()[\]\\,;:"%!\0-\x1f\x7f]/;

/**
 * Characters of a local part in which an MTA may find another domain, if the domain of the address is its
 * own.
 */
const HIDES_DOMAIN = /[@\uFF20%!]/;

function malformed(text: string): EnvelopeAddress {
  return { kind: 'malformed', text, mailbox: '', domain: '', readings: readingsOf(text) };
}

/** Every domain and mailbox that a lax parser could find in the text. */
function readingsOf(text: string): readonly string[] {
  const readings = new Set<string>();
  // the end matters most, so an overlong address is cut at the beginning
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

/**
 * What a lax parser could take for a domain: it may cut at unusual characters, drop them, or drop comments.
 */
function domainsIn(text: string): readonly string[] {
  const readings = [
    ...text.split(ODD).slice(0, 8),
    text.split(ODD).join(''),
    text
      .replace(/\([^)]*\)?/g, '')
      .split(ODD)
      .join(''),
    // the leading part that is plain ASCII
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

/** ASCII that `mailboxKey` leaves as it is. */
const FOLDED = /^[\x20-\x40\x5b\x5d-\x7e]*$/;

function mailbox(text: string, localPart: string, domainText: string): EnvelopeAddress {
  const domain = domainText.startsWith('[') ? canonicalLiteral(domainText) : canonicalDomain(domainText);
  if (domain === null || localPart === '') return malformed(text);
  const readings = HIDES_DOMAIN.test(localPart) ? readingsOf(localPart) : NONE;
  // most addresses of policy requests are their own key
  const whole = domain === domainText && text.length === localPart.length + 1 + domain.length;
  const key = whole && FOLDED.test(localPart) ? text : mailboxKey(localPart, domain);
  return { kind: 'mailbox', text, mailbox: key, domain, readings };
}

/**
 * The canonical spelling of a mailbox in table rows and envelopes, ASCII only: lower case, with characters
 * beyond ASCII and the backslash written as `\\uXXXX` per UTF-16 unit (the table keeps one byte per
 * character).
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

/**
 * `@a,@b:user@c` to `user@c` (RFC 5321 appendix C: the route is ignored); the text itself when there is no
 * route.
 */
function withoutRoute(path: string): string {
  if (!path.startsWith('@')) return path;
  const colon = path.indexOf(':');
  return colon < 0 ? path : path.slice(colon + 1);
}

/**
 * A dot-atom of RFC 5321 section 4.1.2, including 8-bit characters (RFC 6531); as lax about dots as MTAs are.
 */
const DOT_ATOM = /^[^\s"(),:;<>@[\\\]\0-\x20\x7f]+$/;

/**
 * One quoted string at the start of the text: its content without quoting, and what follows; null when it
 * never ends.
 */
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
 * A reverse- or forward-path as typed in MAIL FROM or RCPT TO, with or without its angle brackets (milter
 * arguments). Total: anything that is not a well-formed path is returned as `malformed`.
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
 * A policy delegation `sender` or `recipient` value: internal form, so quotes are part of the local part and
 * the domain follows the last `@` (Postfix SMTPD_POLICY_README). The empty value is the null sender.
 */
export function parseInternalAddress(text: string): EnvelopeAddress {
  if (text === '') return NULL_ADDRESS;
  if (text.length > MAX_ADDRESS) return malformed(text);
  const path = withoutRoute(text);
  const first = path.indexOf('@');
  // a search from the end is slow, and most addresses have one
  const at = path.indexOf('@', first + 1) < 0 ? first : path.lastIndexOf('@');
  if (at < 0) return path === '' || /[<>]/.test(path) ? malformed(text) : domainless(text, path);
  return mailbox(text, path.slice(0, at), path.slice(at + 1));
}
