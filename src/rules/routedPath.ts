/**
 * The other recipient that a routed one becomes: path and parameters for the milter's edits.
 *
 *   <bob@good.example>  NOTIFY=NEVER      to      <bob@good.example.tlsward-encrypt>  NOTIFY=NEVER ORCPT=rfc822;bob@good.example
 *
 * Without `ORCPT`, delivery notices would show an address that no one wrote; an `ORCPT` or `NOTIFY` that the
 * recipient already has is kept. The rest of the path stays as it was typed, with its quotes and case, except
 * for a trailing dot and the brackets of an address literal. A path is text with one character a byte, as the
 * MTA sent it; a path without brackets (mail from sendmail(1)) gets them.
 *
 * These cannot be renamed: malformed paths, source routes, a domain that is too long for the suffix, and what
 * the encoder would refuse (wire/milterRecipient.ts), such as a path or an ORCPT that grows beyond its limit.
 * Sources: RFC 3461 sections 4.1, 4.2 and 4 (xtext), RFC 6533 section 3 (utf-8 addresses), RFC 5321 section
 * 4.1.2.
 */

import type { RuleRecipient } from '../core/rule.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { addedPathProblem, deletedPathProblem, parametersProblem } from '../wire/milterRecipient.ts';
import { domainBefore, type Route, readRoute, writeRoute } from './recipientSuffix.ts';

interface RoutedPath {
  /** With brackets. */
  readonly path: string;
  /** `NOTIFY=... ORCPT=...`; never empty. */
  readonly parameters: string;
}

/** Longest path in bytes, and a mailbox as parsePath calls it, bytes beyond ASCII included. */
const MAX_PATH = 2048;
const MAILBOX =
  /^(?:"(?:[^"\\\r\n\0]|\\[^\r\n\0])*"|[^"(),:;<>@[\\\]\0-\x20\x7f|]+)@([^"(),:;<>@[\\\]\0-\x20\x7f]+|\[[0-9A-Za-z:.]{2,64}\])$/;
const MAX_PARAMETER = 1000;

/** The route that the path carries already; null for none, or one that cannot be read. */
export function routeInPath(path: string): Route | null {
  const domain = MAILBOX.exec(withoutBrackets(path))?.[1];
  if (domain === undefined) return null;
  const suffix = readRoute(utf8OrLatin1(domain));
  return suffix.kind === 'routed' ? suffix.route : null;
}

/** The recipient with this route; null if its address cannot be renamed. An existing suffix is replaced. */
export function routedPath(recipient: RuleRecipient, route: Route): RoutedPath | null {
  if (recipient.address.kind !== 'mailbox' || recipient.path.length > MAX_PATH) return null;
  const bare = unroutedPath(withoutBrackets(recipient.path));
  const domain = MAILBOX.exec(bare)?.[1];
  if (domain === undefined) return null;
  const text = utf8OrLatin1(domain);
  const whole = writeRoute(text, route);
  if (whole === null) return null;
  const dotless = bare.endsWith('.') ? bare.slice(0, -1) : bare;
  // the case of a domain stays as typed; a literal is rewritten
  const to = text.startsWith('[')
    ? `${bare.slice(0, -domain.length)}${whole}`
    : `${dotless}${whole.slice(text.endsWith('.') ? text.length - 1 : text.length)}`;
  const routed = { path: `<${to}>`, parameters: parametersOf(recipient.parameters, dotless) };
  const problem =
    addedPathProblem(routed.path) ??
    parametersProblem(routed.parameters) ??
    deletedPathProblem(recipient.path);
  return problem === null ? routed : null;
}

function withoutBrackets(path: string): string {
  return path.startsWith('<') && path.endsWith('>') ? path.slice(1, -1) : path;
}

/** Removes our suffix, if there is one. */
function unroutedPath(path: string): string {
  const domain = MAILBOX.exec(path)?.[1];
  if (domain === undefined) return path;
  const suffix = readRoute(utf8OrLatin1(domain));
  if (suffix.kind !== 'routed') return path;
  return `${path.slice(0, path.length - domain.length)}${domainBefore(domain, suffix)}`;
}

function parametersOf(given: readonly string[], address: string): string {
  const keep = (name: string): string | undefined =>
    given.find(
      (one) =>
        one.length <= MAX_PARAMETER &&
        one.toUpperCase().startsWith(`${name}=`) &&
        /^[A-Za-z]+=[!-~]+$/.test(one),
    );
  const notify = keep('NOTIFY');
  const original = keep('ORCPT') ?? `ORCPT=${originalRecipient(address)}`;
  return notify === undefined ? original : `${notify} ${original}`;
}

/** `rfc822;bob@good.example` in xtext; `utf-8;` with code points in braces where the address is not ASCII. */
function originalRecipient(address: string): string {
  const text = utf8OrLatin1(address);
  if (/^[\x20-\x7e]*$/.test(text))
    return `rfc822;${text.replace(/[^!-*,-<>-~]/g, (char) => `+${hex(char).padStart(2, '0')}`)}`;
  return `utf-8;${text.replace(/[^!-*,-<>-[\]-~]/gu, (char) => `\\x{${hex(char)}}`)}`;
}

function hex(char: string): string {
  return char.codePointAt(0)!.toString(16).toUpperCase();
}
