/**
 * The command by which strangers who may not relay are refused before the policy service is asked, and nobody
 * else is. `reject_unauth_destination` refuses own users too unless what permits them stands before it; a
 * permit before the policy service, on the other hand, keeps their mail from being judged. Where a list
 * permits anybody, relaying is therefore decided in `smtpd_relay_restrictions`, and that list is asked first
 * (`smtpd_relay_before_recipient_restrictions`, SMTPD_ACCESS_README).
 */
import { isYes, type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import { endsRelaying, mayPermit, type Restriction, restrictionsFor } from '../mta/restrictions.ts';
import type { AskedPolicy } from './asked.ts';
import type { DoctorFacts } from './facts.ts';
import { setFor } from './mend.ts';

const RELAY = 'smtpd_relay_restrictions';
const ORDER = 'smtpd_relay_before_recipient_restrictions';

/**
 * A command, or what to do where none is sure to keep own users' mail. `policy`: the one that is asked first.
 */
export function refuseRelayingFirst(
  { postfix }: DoctorFacts,
  entry: MasterEntry,
  { list, restrictions, at }: AskedPolicy,
): string {
  const relay = restrictionsFor(postfix, RELAY, entry);
  const others = [...restrictions.slice(0, at), ...restrictions.slice(at + 1)];
  if (![...others, ...relay].some(mayPermit))
    return setFor(postfix, list, `reject_unauth_destination, ${valueFor(postfix, list, entry)}`, entry);
  if (list === RELAY)
    return `move check_policy_service from ${RELAY} to smtpd_recipient_restrictions, and set ${ORDER} = yes`;
  const relayFirst = setFor(postfix, ORDER, 'yes', entry);
  // both lists are asked either way, so the order alone refuses no client that is accepted now
  if (relay.some(endsRelaying)) return relayFirst;
  const permits = permitsBeforeGuard(others);
  if (permits === null || relay.length > 0)
    return `put reject_unauth_destination into ${RELAY}, behind everything that lets your own users relay, and set ${ORDER} = yes`;
  const decided = setFor(postfix, RELAY, [...permits, 'reject_unauth_destination'].join(', '), entry);
  return isYes(postfix, ORDER, entry) ? decided : `${decided} && ${relayFirst}`;
}

/**
 * What permits before the list ends relaying, as it is written; null where it never does, where everybody is
 * permitted before, or where that depends on a restriction class or on another policy service.
 */
function permitsBeforeGuard(restrictions: readonly Restriction[]): string[] | null {
  const guard = restrictions.findIndex(endsRelaying);
  if (guard < 0) return null;
  const permits = restrictions.slice(0, guard).filter(mayPermit);
  const unsure = ({ name, via }: Restriction) =>
    via !== '' || name === 'permit' || name === 'check_policy_service';
  if (permits.some(unsure)) return null;
  return permits.map(({ text }) => text);
}
