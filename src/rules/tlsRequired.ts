/**
 * `TLS-Required: no` (RFC 8689 section 5): the author asks to send the message even if it cannot be
 * protected.
 *
 * Postfix 3.10 and later complies unless `tls_required_enable = no`: every delivery of the message is then
 * made at level `may`, regardless of table and transport. So such a message is not accepted for recipients
 * that require TLS. A milter cannot prevent it in any other way: Postfix notes the field while it receives
 * the message, and deleting it later has no effect.
 *
 *   asksForPlain(fields) -> boolean            does the message have the field?
 *   firstProtected(...) -> Protected | null    a recipient for whom that must not be
 *
 * What Postfix 3.10.13 and 3.11.7 recognise (tested): the name in any case, blanks before the colon, any
 * white space and folds before `no`, any case, nothing or a NUL behind it; one such field among several is
 * enough. This file recognises more: comments, quotes, control characters, and any following characters that
 * are not letters or digits. Linear in the length of the fields.
 */

import { nameMatches } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import type { RuleRecipient } from '../core/rule.ts';
import type { Settings } from '../core/settings.ts';
import type { PolicyTable } from '../core/table.ts';
import { AT_ONCE, type Work } from '../core/work.ts';
import { type DeliverDecision, decideNextHop, decideRecipient } from '../deliver/deliver.ts';
import type { AnsweredLevel } from '../deliver/level.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';
import type { Reply } from '../receive/smtpReply.ts';
import { hopOf } from './routeHop.ts';
import type { RouteSettings } from './routePlan.ts';

/** Lower case. */
export const TLS_REQUIRED_FIELD = 'tls-required';

/** Does one of the fields ask for delivery without protection? */
export function asksForPlain(fields: readonly HeaderField[]): boolean {
  return fields.some(({ name, value }) => fieldNameKey(name) === TLS_REQUIRED_FIELD && saysNo(value));
}

/** Is the first word, comments left out, `no`? */
export function saysNo(value: string): boolean {
  const text = withoutComments(value);
  let start = 0;
  while (start < text.length && !isWordChar(text[start]!)) start++;
  const end = start + 2;
  return text.slice(start, end).toLowerCase() === 'no' && !(end < text.length && isWordChar(text[end]!));
}

/** A parenthesis that is never closed begins no comment. */
function withoutComments(value: string): string {
  let text = '';
  let from = 0;
  for (;;) {
    const start = value.indexOf('(', from);
    const end = start < 0 ? -1 : endOfComment(value, start);
    if (end < 0) return text + value.slice(from);
    text += value.slice(from, start);
    from = end + 1;
  }
}

function isWordChar(char: string): boolean {
  return (char >= '0' && char <= '9') || (char >= 'A' && char <= 'Z') || (char >= 'a' && char <= 'z');
}

/** Index of the `)` that closes the comment which begins at `start`; -1 when none does. */
function endOfComment(value: string, start: number): number {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const char = value[at];
    if (char === '\\') at++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return at;
  }
  return -1;
}

/**
 * By macro `v`: may the MTA comply with the field? `Postfix 3.10.13` does; versions before 3.10 and Sendmail
 * (`8.17.1.9`) do not; an unknown MTA may.
 */
export function grantsPlain(mta: string): boolean {
  if (/^8\.[0-9]/.test(mta)) return false;
  const version = /postfix ([0-9]{1,2})\.([0-9]{1,3})(?![0-9])/i.exec(mta);
  return version === null || Number(version[1]) > 3 || (Number(version[1]) === 3 && Number(version[2]) >= 10);
}

/** A recipient that requires TLS, and where that is required. */
export interface Protected {
  /** The mailbox; '' for any of the message. */
  readonly recipient: string;
  /** Row, relay host or rule: a clause. */
  readonly why: string;
}

/** Can any delivery have a level above `may`? */
export function protectsDelivery(settings: readonly Settings[]): boolean {
  return settings.some(({ deliver }) => deliver !== null && isProtected(deliver));
}

function isProtected(level: AnsweredLevel | 'auto'): boolean {
  return level !== 'none' && level !== 'may';
}

/**
 * The first recipient for whom the table requires TLS, by the next hop that the MTA names; null if there is
 * none. Mail to local recipients does not leave. The result of `auto` is not looked up: such a row counts as
 * one that requires TLS. The transport `error` means a domain of aliases, which may lead to any row.
 */
export function* firstProtected(
  recipients: readonly RuleRecipient[],
  table: PolicyTable,
  settings: RouteSettings,
): Work<Protected | null> {
  for (const [i, recipient] of recipients.entries()) {
    if (i % AT_ONCE === 0) yield;
    const { mailer, address } = recipient;
    if (mailer === 'error') return { recipient: shown(recipient), why: 'an alias may lead to such a domain' };
    if (isLocal(recipient, settings)) continue;
    const hop =
      mailer !== '' && recipient.nextHop !== ''
        ? recipient.nextHop
        : hopOf(recipient, settings.relayhost, 'recipient');
    const decision = hop === '' ? decideRecipient(table, address, 'none') : decideNextHop(table, hop, 'none');
    const why = protectedBy(decision);
    if (why !== null) return { recipient: shown(recipient), why };
  }
  return null;
}

function isLocal({ mailer, address }: RuleRecipient, settings: RouteSettings): boolean {
  if (mailer !== '') return !settings.remoteTransports.includes(mailer);
  return settings.localDomains.some((wanted) => nameMatches(wanted, address.domain));
}

function shown({ address }: RuleRecipient): string {
  return address.kind === 'mailbox' ? address.mailbox : address.text.replace(/^<|>$/g, '');
}

function protectedBy(decision: DeliverDecision): string | null {
  if (decision.kind === 'silent') return null;
  if (decision.kind === 'policy' && !isProtected(decision.policy.level)) return null;
  return decision.row === null ? 'it is not known how mail to it leaves' : `row ${decision.row.pattern}`;
}

/** Why the message is not let through: one line of printable ASCII. */
export function tlsRequiredReason({ recipient, why }: Protected): string {
  const whom = recipient === '' ? 'this message' : `mail to <${escapeText(recipient, 100)}>`;
  return `TLS-Required: no asks for delivery without protection, and ${whom} leaves under TLS only (${escapeText(why, 100)})`;
}

/** What its author is told. X.7.10: encryption needed. */
export function tlsRequiredReply(found: Protected, code: string): Reply {
  const text = `${tlsRequiredReason(found)}; send it again without that header field [${code}]`;
  return { code: 550, dsn: '5.7.10', text };
}
