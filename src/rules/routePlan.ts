/**
 * The plan for one recipient; routeMessage (route.ts) combines the plans for the whole message. Pure and
 * total.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { nameMatches } from '../core/domain.ts';
import type { Edit } from '../core/messageEdit.ts';
import type { Need, Rule, RuleLevel, RuleRecipient } from '../core/rule.ts';
import type { Route } from './recipientSuffix.ts';
import { routedPath, routeInPath } from './routedPath.ts';
import { isLiteral, isOtherHop, viaOf } from './routeHop.ts';
import { holdReasonOf } from './routeReply.ts';

export interface RouteSettings {
  readonly mode: 'recipient' | 'header';
  /** Name of the header field for `header`. */
  readonly header: string;
  /** As main.cf has it; null: mail goes to the MX of its domain. */
  readonly relayhost: string | null;
  /** Transports that lead to other hosts. */
  readonly remoteTransports: readonly string[];
  /** Canonical names and suffixes, for recipients whose transport is unknown; empty: not configured. */
  readonly localDomains: readonly string[];
}

/** One recipient with what is known of it. */
export interface RouteCase {
  readonly recipient: RuleRecipient;
  readonly need: Need | null;
  /** Why the needed level is known to be impossible, as a clause; null: nothing is known. */
  readonly cannot: string | null;
  /** Does the row of its next hop already require this level? Postfix: used for address literals only. */
  readonly byRow: boolean;
}

export interface RouteQuestion {
  readonly cases: readonly RouteCase[];
  /** Otherwise it is Sendmail. */
  readonly postfix: boolean;
  /** Mail that did not arrive by SMTP. */
  readonly local: boolean;
  /** Mail that this host sent to itself, all aliases expanded and all copies made. */
  readonly again: boolean;
  /** A content filter takes it next. */
  readonly filtered: boolean;
  /** Removal of the route fields that it came with, where they were let stand. */
  readonly stale: readonly Edit[];
  readonly code: string;
}

/** Where one recipient goes. */
export type Plan =
  | { readonly kind: 'plain' | 'local' }
  /** Stopped by the fence: the reason why it cannot be renamed. */
  | { readonly kind: 'fenced'; readonly why: string }
  | { readonly kind: 'way'; readonly route: Route; readonly hold: string | null }
  /** Its row, or its present suffix, already meets the rule. */
  | { readonly kind: 'done'; readonly way: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'untold' };

/**
 * If `remote-transports` lacks `smtp` or `relay`, its recipients are internal hosts, and no rule applies to
 * them.
 */
export function isInside(
  { recipient }: RouteCase,
  { postfix }: RouteQuestion,
  { remoteTransports }: RouteSettings,
): boolean {
  const { mailer } = recipient;
  return postfix && (mailer === 'smtp' || mailer === 'relay') && !remoteTransports.includes(mailer);
}

/** Is the recipient delivered by this host itself? null: unknown. */
function isLocal(
  { recipient }: RouteCase,
  { postfix }: RouteQuestion,
  settings: RouteSettings,
): boolean | null {
  const { mailer, nextHop, address } = recipient;
  if (mailer === '') return namedLocal(address, settings.localDomains);
  // a domain that has only aliases: on a host without mailboxes they lead to other hosts, and the header goes
  // with the mail
  if (mailer === 'error' && settings.mode === 'header') return false;
  // names of Sendmail's mailers are a site's own; the next hop is empty for all that deliver here
  return postfix ? !settings.remoteTransports.includes(mailer) : nextHop === '';
}

/**
 * By `local-domains` alone. An address without a domain gets that of the host; `x%bank.example@our.example`
 * is not local.
 */
function namedLocal(
  { kind, domain, readings }: EnvelopeAddress,
  localDomains: readonly string[],
): boolean | null {
  if (localDomains.length === 0 || kind === 'malformed' || readings.length > 0) return null;
  return domain === '' || localDomains.some((wanted) => nameMatches(wanted, domain));
}

/** By the rule, the MTA's own route, and the suffix that the recipient may already have. */
export function planOf(one: RouteCase, question: RouteQuestion, settings: RouteSettings): Plan {
  const { recipient, need, cannot, byRow } = one;
  const moves = question.postfix && settings.mode === 'recipient';
  // with `header` no map handles suffixes: such a domain does not exist, or goes unchanged to the relayhost
  const ignored = question.postfix && !moves;
  const routed = ignored ? null : routeInPath(recipient.path);
  // `tlsward-row` is for recipients that match no rule; only at the second look is it certain that we added
  // it
  if (routed !== null && (routed.end !== 'row' || need === null || question.again))
    return planRouted(one, routed, moves, question.again);
  const local = routed === null ? isLocal(one, question, settings) : false;
  if (need === null) {
    // goes through smtp(8), and passes the fence only with a suffix
    const leaves = local !== true || (moves && isInside(one, question, settings));
    return { kind: leaves ? 'plain' : 'local' };
  }
  if (local === true) {
    // Sendmail expands aliases itself and has no fence; `local-domains` promises that aliases of the domain
    // stay here, too
    const stays = question.postfix || namedLocal(recipient.address, settings.localDomains) === true;
    return stays ? { kind: 'local' } : { kind: 'refused', why: cannot ?? ALIASES };
  }
  if (!question.postfix) {
    if (byRow && cannot === null) return { kind: 'done', way: need.level };
    return { kind: 'refused', why: cannot ?? 'this mail server cannot route a single message' };
  }
  if (local === null && question.again)
    return { kind: 'fenced', why: 'the MTA does not report where it goes' };
  if (local === null && !(question.local && settings.mode === 'header')) return { kind: 'untold' };
  const route = moves ? wayOf(recipient, need.level, settings) : { end: need.level };
  const why = moves ? immovable(recipient, route, settings) : null;
  if (why !== null) return { kind: question.again ? 'fenced' : 'refused', why };
  const late = question.again && need.rules[0]!.cannot === 'reject';
  const barred = moves ? literalWithoutRow(one) : null;
  if (barred !== null && late) return { kind: 'fenced', why: barred };
  if (barred !== null) return planCannot(recipient, need, route, cannot ?? barred, moves);
  if (cannot !== null && !late) return planCannot(recipient, need, route, cannot, moves);
  return { kind: 'way', route, hold: null };
}

/**
 * Why the rule's level is not possible for an address literal, as a clause; null: its row allows it, or it is
 * not one.
 */
export function literalWithoutRow({ recipient, byRow }: RouteCase): string | null {
  if (byRow || !isLiteral(recipient)) return null;
  return 'no row of the table requires it for this address literal';
}

/** By the next hop that the MTA would use. */
export function wayOf(recipient: RuleRecipient, end: RuleLevel | 'row', { relayhost }: RouteSettings): Route {
  const via = viaOf(recipient, relayhost);
  return via === null ? { end } : { end, via };
}

/**
 * Received back from a content filter or another node: the level in the suffix is kept or raised, never
 * lowered.
 */
function planRouted(
  { recipient, need, cannot }: RouteCase,
  routed: Route,
  moves: boolean,
  again: boolean,
): Plan {
  if (again || need === null || need.level === 'encrypt' || routed.end !== 'encrypt')
    return { kind: 'done', way: routed.end };
  const route: Route = { ...routed, end: need.level };
  if (cannot === null && moves && routedPath(recipient, route) !== null)
    return { kind: 'way', route, hold: null };
  return { kind: 'refused', why: cannot ?? IMMOVABLE };
}

const ALIASES =
  'this mail server does not tell its filter whether an alias leads to other hosts (list in local-domains where none does)';
const IMMOVABLE = 'an address of this form cannot be routed that way';

/**
 * What the rule says about a recipient whose server is known to lack what is needed; of several rules the
 * strictest.
 */
function planCannot(recipient: RuleRecipient, need: Need, direct: Route, why: string, moves: boolean): Plan {
  const rule: Rule = need.rules[0]!;
  switch (rule.cannot) {
    case 'reject':
      return { kind: 'refused', why };
    case 'hold':
      return { kind: 'way', route: direct, hold: holdReasonOf(recipient, need, why) };
    case 'fallback': {
      const route: Route = { end: 'fallback', rule: rule.name };
      if (moves && routedPath(recipient, route) === null) return { kind: 'refused', why: IMMOVABLE };
      return { kind: 'way', route, hold: null };
    }
  }
}

/**
 * Why a recipient cannot be renamed; null when it can. `x%bank.example@our.example`: Postfix uses a domain in
 * the local part if the domain after it is its own, and a suffix would prevent that. If Postfix reported the
 * domain itself as next hop, there is no such ambiguity.
 */
export function immovable(
  recipient: RuleRecipient,
  route: Route,
  { relayhost }: RouteSettings,
): string | null {
  const { address, nextHop } = recipient;
  if (routedPath(recipient, route) === null) return IMMOVABLE;
  const sure = address.readings.length === 0 || (relayhost === null && !isOtherHop(nextHop, address.domain));
  return sure ? null : 'its address can be read in more than one way';
}
