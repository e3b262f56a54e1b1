/**
 * The next hop of a message that matches a rule: the one that the MTA would use, if it reports one
 * ({rcpt_host}), because it has its own transport tables and relayhosts. For example, a gateway may be the MX
 * of the domains that it relays for: mail routed by MX would come back to it.
 */

import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';
import type { RuleLevel, RuleRecipient } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import { decideNextHop } from '../deliver/deliver.ts';
import { atLeast } from '../deliver/level.ts';
import { hopToLabels, labelsToHop } from './nextHopLabels.ts';
import { nextHopOf } from './recipientSuffix.ts';

/**
 * The next hop to put into the suffix; null: the relayhost of tlsward.ini, or the recipient's domain, is
 * right.
 */
export function viaOf({ address, nextHop }: RuleRecipient, relayhost: string | null): string | null {
  if (!isOtherHop(nextHop, relayhost ?? address.domain)) return null;
  const labels = hopToLabels(nextHop);
  return labels === null ? null : labelsToHop(labels);
}

/**
 * Where it goes by recipient, and by header, which takes what stands in tlsward.ini; '' for an address
 * without domain.
 */
export function hopOf(
  recipient: RuleRecipient,
  relayhost: string | null,
  mode: 'recipient' | 'header',
): string {
  const via = mode === 'recipient' ? viaOf(recipient, relayhost) : null;
  return via ?? relayhost ?? nextHopOf(recipient.address.domain);
}

/** An address such as `<bob@[192.0.2.1]>`, which has only one reading. */
export function isLiteral({ address }: RuleRecipient): boolean {
  return address.kind === 'mailbox' && address.domain.startsWith('[') && address.readings.length === 0;
}

/**
 * Is the recipient an address literal, and does the row of `hop` require for all mail what the rule requires
 * for this one?
 */
export function literalByRow(
  table: PolicyTable,
  recipient: RuleRecipient,
  hop: string,
  level: RuleLevel,
): boolean {
  if (!isLiteral(recipient) || hop === '') return false;
  const decision = decideNextHop(table, hop, 'none', null);
  return decision.kind === 'policy' && atLeast(decision.policy.level, level);
}

/** Does the MTA's next hop differ from `wanted`, a domain or a next hop? An unknown one does not. */
export function isOtherHop(nextHop: string, wanted: string): boolean {
  if (nextHop === '') return false;
  return canonicalHop(nextHop) !== canonicalHop(wanted);
}

function canonicalHop(text: string): string {
  const domain = canonicalDomain(text);
  return domain ?? nextHopOf(canonicalLiteral(text) ?? text.toLowerCase());
}
