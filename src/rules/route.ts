/**
 * What becomes of a message that rules speak of: which way its recipients take, or what its author is told. Pure and total.
 *
 * By recipient (`message-route = recipient`), each one for itself:
 *
 *   local (a transport that leads nowhere else)    left alone: no connection carries the mail out
 *   routed already (handed back, another node)     left alone, or raised to what the rule requires
 *   can, or nothing is known                       renamed: u@good.example.tlsward-encrypt, with the next hop that the MTA
 *                                                  would take, if that is not the domain itself or the relayhost
 *   cannot                                         by the rule: refused, held, or renamed to its gateway
 *   the MTA does not say where it goes             the message is deferred, with what to mend
 *   no rule speaks of it, but of the message       renamed: u@plain.example.tlsward-row, which goes by the row
 *
 * What is not renamed stays behind the fence (fence.ts), a header field that every such message gets, and so do the copies
 * that Postfix makes of it and what its aliases lead to. At the second look they are renamed in their turn; there is nobody
 * left to be told then, so what cannot be renamed is left to the fence, and what is not possible to the delivery: both
 * come back to the author, and the other recipients get the message.
 *
 * By header (`header`), for all at once, because the header moves the whole message: the strictest level of all its
 * recipients. A local recipient, or one that needs the gateway beside one that does not, makes that impossible: refused,
 * with the advice to send to each separately. With local recipients alone the fence is put up, and holds their copies.
 *
 * One recipient that is refused refuses the message: the protocol has one reply at the end, and a message that reached only
 * some would be the worse surprise. A held message is routed all the same, so that it is as safe when it is released.
 *
 * An address literal cannot be renamed. Where the row of its next hop requires what the rule does, the message goes on by
 * that row, else it is refused.
 *
 * Sendmail has no transport for this, so there a recipient can only get what its row says already; and no fence, so that only
 * recipients in `local-domains` are left alone.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { nameMatches } from '../core/domain.ts';
import type { Edit } from '../core/messageEdit.ts';
import type { Need, Rule, RuleLevel, RuleRecipient } from '../core/rule.ts';
import type { Reply } from '../receive/smtpReply.ts';
import { type FenceWord, fenceValue } from './fence.ts';
import type { Route } from './recipientSuffix.ts';
import { routedPath, routeInPath } from './routedPath.ts';
import { isLiteral, isOtherHop, viaOf } from './routeHop.ts';
import { deferral, holdReasonOf, refusal, sendSeparately } from './routeReply.ts';

export interface RouteSettings {
  readonly mode: 'recipient' | 'header';
  /** Name of the header field for `header`. */
  readonly header: string;
  /** As main.cf has it; null: mail goes to the MX of its domain. */
  readonly relayhost: string | null;
  /** Transports that lead to other hosts. */
  readonly remoteTransports: readonly string[];
  /** Canonical names and suffixes, for recipients whose transport is not told; empty: unknown. */
  readonly localDomains: readonly string[];
}

/** One recipient with what is known of it. */
export interface RouteCase {
  readonly recipient: RuleRecipient;
  readonly need: Need | null;
  /** Why what it needs is known not to be possible, a clause; null: nothing is known against it. */
  readonly cannot: string | null;
  /** Does every mail to it leave like that anyway, by the row of its next hop? Postfix: asked for address literals only. */
  readonly byRow: boolean;
}

export interface RouteQuestion {
  readonly cases: readonly RouteCase[];
  /** Else Sendmail. */
  readonly postfix: boolean;
  /** Mail that did not come by SMTP. */
  readonly local: boolean;
  /** Mail that this host sent to itself, all aliases expanded and all copies made. */
  readonly again: boolean;
  /** A content filter takes it next. */
  readonly filtered: boolean;
  /** Removal of the route fields that it came with, where they were let stand. */
  readonly stale: readonly Edit[];
  readonly code: string;
}

export interface Routed {
  readonly kind: 'nothing' | 'routed' | 'held' | 'refused' | 'deferred';
  /** What the message must not go on without. */
  readonly edits: readonly Edit[];
  /** When refused or deferred. */
  readonly reply: Reply | null;
  /** Why it is held; '' unless it is. */
  readonly holdReason: string;
  /** Names of the rules that apply, each once. */
  readonly rules: readonly string[];
  /** Routes taken, each once: `encrypt`, `verify`, `fallback`, `local`. */
  readonly ways: readonly string[];
  /** For the log. */
  readonly notes: readonly string[];
}

const NOTHING: Routed = {
  kind: 'nothing',
  edits: [],
  reply: null,
  holdReason: '',
  rules: [],
  ways: [],
  notes: [],
};

/** Where one recipient goes. */
type Plan =
  | { readonly kind: 'plain' | 'local' }
  /** Left to the fence: why it cannot be renamed. */
  | { readonly kind: 'fenced'; readonly why: string }
  | { readonly kind: 'way'; readonly route: Route; readonly hold: string | null }
  /** Its row, or the suffix it has, does as the rule requires. */
  | { readonly kind: 'done'; readonly way: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'untold' };

/** See the file comment. */
export function routeMessage(asked: RouteQuestion, settings: RouteSettings): Routed {
  const cases = asked.cases.map((one) => (isInside(one, asked, settings) ? { ...one, need: null } : one));
  const question = { ...asked, cases };
  const rules = new Set<string>();
  for (const { need } of question.cases) for (const { name } of need?.rules ?? []) rules.add(name);
  if (rules.size === 0 && !question.again) return NOTHING;
  const plans = question.cases.map((one) => planOf(one, question, settings));
  const base = { ...NOTHING, rules: [...rules] };
  const stop = stopped(question, plans);
  if (stop !== null) return { ...base, ...stop };
  const routed =
    settings.mode === 'recipient'
      ? byRecipient(question, plans, settings)
      : byHeader(question, plans, settings);
  if (routed.reply !== null) return { ...base, ...routed };
  const holds = plans.flatMap((plan) => (plan.kind === 'way' && plan.hold !== null ? [plan.hold] : []));
  const notes = [...routed.notes, ...hopNotes(question, plans, settings), ...aloneNotes(question, plans)];
  const held = holds.length > 0 ? { kind: 'held' as const, holdReason: holds.join('; ') } : {};
  return { ...base, ...routed, ...held, ways: waysOf(plans, routed.ways), notes };
}

type Part = Pick<Routed, 'kind' | 'edits' | 'reply' | 'ways' | 'notes'>;

/** A recipient for whom the message cannot go on; a final reason before one that may be mended. */
function stopped({ cases, local, code }: RouteQuestion, plans: readonly Plan[]): Part | null {
  const at = plans.findIndex(({ kind }) => kind === 'refused');
  const refused = plans[at];
  if (refused?.kind === 'refused') {
    const { recipient, need } = cases[at]!;
    const more = plans.filter(({ kind }) => kind === 'refused').length - 1;
    return part('refused', refusal(recipient, need!, refused.why, more, code));
  }
  const untold = plans.findIndex(({ kind }) => kind === 'untold');
  if (untold < 0) return null;
  return part('deferred', deferral(cases[untold]!.recipient, cases[untold]!.need!, local, code));
}

function part(
  kind: Part['kind'],
  reply: Reply | null,
  edits: readonly Edit[] = [],
  notes: readonly string[] = [],
): Part {
  return { kind, edits, reply, ways: [], notes };
}

/** Without `smtp` or `relay` in `remote-transports` no rule speaks of what these carry: hosts inside. */
function isInside(
  { recipient }: RouteCase,
  { postfix }: RouteQuestion,
  { remoteTransports }: RouteSettings,
): boolean {
  const { mailer } = recipient;
  return postfix && (mailer === 'smtp' || mailer === 'relay') && !remoteTransports.includes(mailer);
}

/** Is the recipient delivered by this host itself? null: the MTA did not say. */
function isLocal(
  { recipient }: RouteCase,
  { postfix }: RouteQuestion,
  settings: RouteSettings,
): boolean | null {
  const { mailer, nextHop, address } = recipient;
  if (mailer === '') return namedLocal(address, settings.localDomains);
  // a domain of aliases only: in front of a host without mailboxes they lead elsewhere, and the header goes with them
  if (mailer === 'error' && settings.mode === 'header') return false;
  // names of Sendmail's mailers are a site's own; the next hop is empty for all that deliver here
  return postfix ? !settings.remoteTransports.includes(mailer) : nextHop === '';
}

/** By the table alone. A name without domain is completed with the host's own; `x%bank.example@our.example` leads elsewhere. */
function namedLocal(
  { kind, domain, readings }: EnvelopeAddress,
  localDomains: readonly string[],
): boolean | null {
  if (localDomains.length === 0 || kind === 'malformed' || readings.length > 0) return null;
  return domain === '' || localDomains.some((wanted) => nameMatches(wanted, domain));
}

function planOf(one: RouteCase, question: RouteQuestion, settings: RouteSettings): Plan {
  const { recipient, need, cannot, byRow } = one;
  const moves = question.postfix && settings.mode === 'recipient';
  // by header there is no map that knows suffixes: the domain leads nowhere, or to the relayhost as it is
  const ignored = question.postfix && !moves;
  const routed = ignored ? null : routeInPath(recipient.path);
  // a row's way is for recipients of which no rule speaks; only at the second look it is certain that we said so
  if (routed !== null && (routed.end !== 'row' || need === null || question.again))
    return planRouted(one, routed, moves, question.again);
  const local = routed === null ? isLocal(one, question, settings) : false;
  if (need === null) {
    // by smtp(8), so past the fence only with a suffix
    const leaves = local !== true || (moves && isInside(one, question, settings));
    return { kind: leaves ? 'plain' : 'local' };
  }
  if (local === true) {
    // Sendmail expands aliases by itself and has no fence; who says that mail of a domain stays here says so of its aliases
    const stays = question.postfix || namedLocal(recipient.address, settings.localDomains) === true;
    return stays ? { kind: 'local' } : { kind: 'refused', why: cannot ?? ALIASES };
  }
  if (!question.postfix) {
    if (byRow && cannot === null) return { kind: 'done', way: need.level };
    return { kind: 'refused', why: cannot ?? 'this mail server has no way for a single message' };
  }
  if (local === null && question.again) return { kind: 'fenced', why: 'the MTA does not say where it goes' };
  if (local === null && !(question.local && settings.mode === 'header')) return { kind: 'untold' };
  const route = moves ? wayOf(recipient, need.level, settings) : { end: need.level };
  const why = moves ? immovable(recipient, route, settings) : null;
  if (why !== null && byRow && cannot === null && isLiteral(recipient))
    return { kind: 'done', way: need.level };
  if (why !== null) return { kind: question.again ? 'fenced' : 'refused', why };
  if (cannot !== null && !(question.again && need.rules[0]!.cannot === 'reject'))
    return planCannot(recipient, need, route, cannot, moves);
  return { kind: 'way', route, hold: null };
}

/** By the next hop that the MTA would take. */
function wayOf(recipient: RuleRecipient, end: RuleLevel | 'row', { relayhost }: RouteSettings): Route {
  const via = viaOf(recipient, relayhost);
  return via === null ? { end } : { end, via };
}

/** Handed back by a content filter, or from another node: what it has is kept or raised, never lowered. */
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
  'this mail server does not tell its filter whether an alias leads to other hosts (local-domains names those where none does)';
const IMMOVABLE = 'an address of this form cannot be routed that way';

/** What the rule says of a recipient whose server is known not to do what is needed; of several rules the strictest. */
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
 * Why a recipient cannot be renamed; null when it can. `x%bank.example@our.example`: Postfix finds another domain in the
 * local part when the one behind is its own, and an end put behind it would stop that. Where it said that mail goes to the
 * domain itself there is no doubt.
 */
function immovable(recipient: RuleRecipient, route: Route, { relayhost }: RouteSettings): string | null {
  const { address, nextHop } = recipient;
  if (routedPath(recipient, route) === null) return IMMOVABLE;
  const sure = address.readings.length === 0 || (relayhost === null && !isOtherHop(nextHop, address.domain));
  return sure ? null : 'its address can be read in more than one way';
}

function byRecipient(question: RouteQuestion, plans: readonly Plan[], settings: RouteSettings): Part {
  const { cases, postfix, again, filtered, code } = question;
  // Sendmail: all of them go where they would have gone
  if (!postfix) return part('routed', null);
  const additions: Edit[] = [];
  const deletions: Edit[] = [];
  for (const [i, plan] of plans.entries()) {
    const { recipient } = cases[i]!;
    if (plan.kind !== 'way' && plan.kind !== 'plain') continue;
    const route = plan.kind === 'way' ? plan.route : wayOf(recipient, 'row', settings);
    if (plan.kind === 'plain' && immovable(recipient, route, settings) !== null) {
      if (again) continue;
      const needy = cases.findIndex(({ need }) => need !== null);
      const { recipient: other, need } = cases[needy]!;
      return part('refused', sendSeparately(other, need!, recipient, 'cannot be sent beside it', code));
    }
    const routed = routedPath(recipient, route);
    if (routed === null) throw new Error('route: planned a recipient that has no other path');
    additions.push({ kind: 'addRecipient', ...routed });
    deletions.push({ kind: 'deleteRecipient', path: recipient.path });
  }
  const fence = again ? [] : fenceEdits(question, filtered ? 'kept' : 'again', settings);
  // a message must at no time be without recipients
  return part('routed', null, [...fence, ...additions, ...deletions]);
}

/** The field on top of the message, so that nothing else of it is sent before smtp(8) comes to it. */
function fenceEdits({ cases, stale }: RouteQuestion, word: FenceWord, { header }: RouteSettings): Edit[] {
  const value = fenceValue(
    word,
    cases.map(({ need }) => need),
  );
  return [...stale, { kind: 'insertHeader', name: header, index: 0, value }];
}

function byHeader(question: RouteQuestion, plans: readonly Plan[], settings: RouteSettings): Part {
  const { cases, code } = question;
  const first = plans.findIndex(({ kind }) => kind === 'way');
  if (first < 0) {
    const fence = question.postfix && !question.again ? fenceEdits(question, 'kept', settings) : [];
    return part('routed', null, fence);
  }
  const alone = (other: number, why: string): Part =>
    part(
      'refused',
      sendSeparately(cases[first]!.recipient, cases[first]!.need!, cases[other]!.recipient, why, code),
    );
  const local = plans.findIndex(({ kind }) => kind === 'local');
  if (local >= 0) return alone(local, 'is delivered on this server');
  const gateways = plans.map((plan, i) => gatewayOf(plan, cases[i]!.need));
  const other = gateways.findIndex((gateway) => gateway !== gateways[first]);
  if (other >= 0) return alone(other, gateways[other] === null ? 'needs no gateway' : 'goes to a gateway');
  const levels = plans.flatMap((plan) =>
    plan.kind === 'way' && (plan.route.end === 'encrypt' || plan.route.end === 'verify')
      ? [plan.route.end]
      : [],
  );
  const value = gateways[first] !== null ? 'fallback' : strictest(levels);
  const edit: Edit = { kind: 'insertHeader', name: settings.header, index: 1, value };
  const raised = plans.filter(({ kind }) => kind === 'plain').length;
  const notes =
    raised === 0 ? [] : [`${raised} more recipients go the same way: the header moves the whole message`];
  return { ...part('routed', null, [edit], notes), ways: [value] };
}

/** The gateway that a recipient goes to; null: none. */
function gatewayOf(plan: Plan, need: Need | null): string | null {
  if (plan.kind !== 'way' || plan.route.end !== 'fallback') return null;
  const { rule } = plan.route;
  return need?.rules.find(({ name }) => name === rule)?.fallback ?? null;
}

function strictest(levels: readonly RuleLevel[]): RuleLevel {
  return levels.includes('verify') ? 'verify' : 'encrypt';
}

function waysOf(plans: readonly Plan[], byHeader: readonly string[]): string[] {
  const ways = new Set(byHeader);
  for (const plan of plans) {
    if (plan.kind === 'way' && byHeader.length === 0) ways.add(plan.route.end);
    else if (plan.kind === 'done') ways.add(plan.way);
  }
  if (ways.size === 0) ways.add('local');
  return [...ways];
}

/** Transports of Postfix, and of what is commonly installed with it, that deliver on this host. */
const DELIVER_HERE = 'local virtual lmtp dovecot maildrop cyrus mailman procmail discard retry'.split(' ');

/**
 * Recipients that are left alone though they may leave: a transport of the site's own may be another smtp(8), which the
 * fence stops unless it has header checks of its own. At the second look, what the fence stops for certain.
 */
function aloneNotes({ cases, postfix }: RouteQuestion, plans: readonly Plan[]): string[] {
  const notes = cases.flatMap(({ recipient, need }, i) => {
    const { mailer, address } = recipient;
    const plan = plans[i]!;
    if (plan.kind === 'fenced') return [`${address.domain}: left to the fence: ${plan.why}`];
    // a domain of aliases only: what they lead to is seen later
    if (!postfix || need === null || plan.kind !== 'local' || mailer === '' || mailer === 'error') return [];
    if (DELIVER_HERE.includes(mailer)) return [];
    return [`${address.domain}: left alone, as remote-transports does not name the transport ${mailer}`];
  });
  return [...new Set(notes)].slice(0, 10);
}

/** Next hops of the MTA's own that are passed by, and why. */
function hopNotes(
  { cases }: RouteQuestion,
  plans: readonly Plan[],
  { mode, relayhost }: RouteSettings,
): string[] {
  const notes: string[] = [];
  for (const [i, plan] of plans.entries()) {
    if (plan.kind !== 'way' || plan.route.end === 'fallback' || plan.route.via !== undefined) continue;
    const { recipient } = cases[i]!;
    const { nextHop, address } = recipient;
    const wanted = mode === 'recipient' ? (relayhost ?? address.domain) : address.domain;
    // a name without domain gets that of the host, which is where it goes then
    if (wanted === '' || !isOtherHop(nextHop, wanted)) continue;
    const instead = wanted === relayhost ? `relayhost ${relayhost}` : `the MX of ${address.domain}`;
    notes.push(
      `${address.domain}: ${instead} instead of the next hop ${nextHop} that the MTA would take, which a rule's way cannot name`,
    );
  }
  return [...new Set(notes)].slice(0, 10);
}
