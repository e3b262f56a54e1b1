/**
 * The policy service in smtpd_recipient_restrictions: of main.cf, and of entries of master.cf that have a
 * list of their own. As contrib/postfix/policy.main.cf has it.
 */
import { parseEndpoint } from '../mta/endpoint.ts';
import { expandText, type MasterEntry, type PostfixConfig, writtenValue } from '../mta/postfixConfig.ts';
import { endsRelaying, type Restriction, relayDecidedFirst, restrictionsFor } from '../mta/restrictions.ts';
import { type Draft, serviceOf } from './draft.ts';
import { asksUs, restrictionElements, withElement, withElementReplaced } from './lists.ts';
import { permittedBefore, placeFor } from './placement.ts';
import type { Wanted } from './wanted.ts';

const LIST = 'smtpd_recipient_restrictions';
const MACRO = '$tlsward_policy';

/** The restriction, by the name of its socket. */
function policyRestriction(socket: string): string {
  return `check_policy_service { ${socket}, timeout=5s, try_limit=2, retry_delay=1s, { default_action = DEFER_IF_PERMIT 4.7.1 TLS policy service unavailable } }`;
}

/** Does an entry ask our policy service? */
export function entryAsksPolicy(config: PostfixConfig, wanted: Wanted, entry: MasterEntry): boolean {
  return restrictionsFor(config, LIST, entry).some((one) => asksUs(config, wanted, one) && isFailSafe(one));
}

/** The definition, and the list of main.cf. `socket`: by which name Postfix reaches the service. */
export function planPolicyService(draft: Draft, wanted: Wanted, socket: string): void {
  const value = writtenValue(draft.config, LIST) ?? '';
  const elements = restrictionElements(draft.config, value);
  const ours = elements.findIndex(
    ({ text, parsed }) => text === MACRO || parsed.some((one) => asksUs(draft.config, wanted, one)),
  );
  if (ours >= 0 && elements[ours]!.text !== MACRO && elements[ours]!.parsed.every(isFailSafe)) {
    noteUnasked(draft, permittedBefore(elements, ours));
    return;
  }
  define(draft, wanted, socket);
  if (ours >= 0) {
    if (elements[ours]!.text === MACRO) {
      noteUnasked(draft, permittedBefore(elements, ours));
      return;
    }
    const after = withElementReplaced(elements, ours, MACRO);
    draft.main(
      'inbound',
      LIST,
      after,
      'With the default_action that stands there, mail would pass unjudged while tlsward is down.',
    );
    return;
  }
  const place = placeFor(elements, relayDecidedFirst(draft.config));
  draft.main('inbound', LIST, withElement(elements, place.at, MACRO), place.why);
  noteUnasked(draft, place.unasked);
  if (!place.strangers) return;
  const guarded = restrictionsFor(draft.config, 'smtpd_relay_restrictions').some(endsRelaying);
  if (!guarded && !elements.some(({ parsed }) => parsed.some(endsRelaying)))
    draft.warn(
      'inbound',
      `Neither smtpd_relay_restrictions nor ${LIST} has reject_unauth_destination: smtpd takes no mail like that.`,
    );
  else
    draft.note(
      'inbound',
      `Clients that may not relay reach tlsward before they are refused, which costs a question and a line in its log: ${LIST} is looked at before smtpd_relay_restrictions here (smtpd_relay_before_recipient_restrictions).`,
    );
}

/** An entry that has a list of its own. */
export function planPolicyOverride(draft: Draft, wanted: Wanted, socket: string, entry: MasterEntry): void {
  define(draft, wanted, socket);
  if (entryAsksPolicy(draft.config, wanted, entry)) return;
  const elements = restrictionElements(draft.config, entry.overrides.get(LIST) ?? '', entry);
  const place = placeFor(elements, relayDecidedFirst(draft.config, entry));
  const why = `${serviceOf(entry)} has a list of its own, in which tlsward would not be asked. ${place.why}`;
  draft.override('inbound', entry, LIST, withElement(elements, place.at, MACRO), why);
}

function define(draft: Draft, wanted: Wanted, socket: string): void {
  const there = draft.config.set.get('tlsward_policy');
  const parsed =
    there === undefined ? [] : restrictionElements(draft.config, there).flatMap((one) => one.parsed);
  const good = parsed.some((one) => asksUs(draft.config, wanted, one)) && parsed.every(isFailSafe);
  if (good) return;
  draft.main(
    'inbound',
    'tlsward_policy',
    policyRestriction(socket),
    'How tlsward is asked about each recipient; while it does not answer, the client hears 450 4.7.1 and comes back.',
  );
}

/** Does mail wait while the service is down? Without default_action Postfix answers 451 4.3.5. */
function isFailSafe({ name, argument = '' }: Restriction): boolean {
  if (name !== 'check_policy_service') return true;
  const endpoint = parseEndpoint(argument);
  if ('invalid' in endpoint) return true;
  const action = endpoint.options.get('default_action');
  return action === undefined || /^(?:[45][0-9]{2}\b|(?:reject|defer|defer_if_permit)\b)/i.test(action);
}

function noteUnasked(draft: Draft, whom: readonly string[]): void {
  if (whom.length === 0) return;
  draft.note(
    'inbound',
    `${LIST} accepts ${whom.join(' and ')} before tlsward is asked: the policy service does not judge that mail, only the milter does.`,
  );
}

/** Names in the list of an entry that are not there: what the override leaves out. */
export function hidesPolicy(config: PostfixConfig, wanted: Wanted, entry: MasterEntry): boolean {
  return (
    entry.overrides.has(LIST) &&
    !restrictionElements(config, entry.overrides.get(LIST)!, entry).some(({ parsed }) =>
      parsed.some((one) => asksUs(config, wanted, one)),
    )
  );
}

/** The value of an override, for a person. */
export function shownOverride(config: PostfixConfig, entry: MasterEntry, name: string): string {
  const value = entry.overrides.get(name) ?? '';
  return value === '' ? 'nothing' : expandText(config, value, entry);
}
