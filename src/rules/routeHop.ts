/**
 * Where a message that a rule speaks of goes next: where the MTA would send it, as far as it says so ({rcpt_host}), because
 * transport tables and relayhosts are its own. A gateway in front of other servers is the MX of their domains: sent by MX,
 * mail for them would come back to it.
 */
import { hopToLabels, labelsToHop } from '../core/hopLabels.ts';
import type { RuleRecipient } from '../core/rule.ts';
import { isOtherHop } from './routeWords.ts';

/** The next hop that the recipient must carry with it; null: what stands in tlsward.ini, or its domain, is right. */
export function viaOf({ address, nextHop }: RuleRecipient, relayhost: string | null): string | null {
  if (!isOtherHop(nextHop, relayhost ?? address.domain)) return null;
  const labels = hopToLabels(nextHop);
  return labels === null ? null : labelsToHop(labels);
}

/** Where it goes by recipient, and by header, which takes what stands in tlsward.ini; '' for an address without domain. */
export function hopOf(
  recipient: RuleRecipient,
  relayhost: string | null,
  mode: 'recipient' | 'header',
): string {
  const via = mode === 'recipient' ? viaOf(recipient, relayhost) : null;
  return via ?? relayhost ?? recipient.address.domain;
}
