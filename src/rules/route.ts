/**
 * What happens to a message that matches rules: how its recipients are routed, or which reply its author
 * gets. Pure and total.
 *
 * By recipient (`message-route = recipient`), each one on its own:
 *
 *   local (a transport that leads nowhere else)    left alone: no connection carries the mail out
 *   routed already (handed back, another node)     left alone, or raised to what the rule requires
 *   can, or nothing is known                       renamed: u@good.example.tlsward-encrypt, with the next hop
 *                                                  that the MTA would take, if that is not the domain itself
 *                                                  or the relayhost
 *   cannot                                         by the rule: refused, held, or renamed to its gateway
 *   the MTA does not say where it goes             the message is deferred, and the reply says how to fix it
 *   no rule matches it, but one matches others     renamed: u@plain.example.tlsward-row: the row decides
 *
 * Recipients that are not renamed are stopped by the fence (fence.ts), a header field that every such message
 * gets, and so are the copies that Postfix makes and the targets of aliases. At the second look these are
 * renamed as well. There is then no SMTP client that a refusal could reach, so the fence stops a recipient
 * that cannot be renamed, and the delivery fails if the level is not possible. In both cases the message
 * bounces to the author, and the other recipients get it.
 *
 * By header (`header`), for all recipients together, because the header routes the whole message: at the
 * strictest level of all its recipients. This is not possible with a local recipient, or if only some
 * recipients need the gateway: the message is refused, with the advice to send to each separately. If all
 * recipients are local, the message gets the fence field, which stops its copies.
 *
 * If one recipient is refused, the whole message is refused: the protocol has only one reply at the end, and
 * it would be worse to deliver the message to some recipients only. A held message is routed, too, so that it
 * is protected when it is released.
 *
 * An address literal needs a row with at least the level of the rule, because nothing else shows that such a
 * server is intended.
 *
 * Sendmail has no transport for this, so there a recipient can only get what its row says already; and no
 * fence, so that only recipients in `local-domains` are left alone.
 */
import type { Edit } from '../core/messageEdit.ts';
import type { Need, RuleLevel } from '../core/rule.ts';
import { AT_ONCE, mapped, type Work } from '../core/work.ts';
import type { Reply } from '../receive/smtpReply.ts';
import { type FenceWord, fenceValue } from './fence.ts';
import { routedPath } from './routedPath.ts';
import { isOtherHop } from './routeHop.ts';
import {
  immovable,
  isInside,
  type Plan,
  planOf,
  type RouteQuestion,
  type RouteSettings,
  wayOf,
} from './routePlan.ts';
import { deferral, refusal, sendSeparately } from './routeReply.ts';

export interface Routed {
  readonly kind: 'nothing' | 'routed' | 'held' | 'refused' | 'deferred';
  /** Edits that the message must not pass without. */
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

/** See the file comment. A message may have 10,000 recipients, so this is work that can be interrupted. */
export function* routeMessage(asked: RouteQuestion, settings: RouteSettings): Work<Routed> {
  const cases = asked.cases.map((one) => (isInside(one, asked, settings) ? { ...one, need: null } : one));
  const question = { ...asked, cases };
  const rules = new Set<string>();
  for (const { need } of question.cases) for (const { name } of need?.rules ?? []) rules.add(name);
  if (rules.size === 0 && !question.again) return NOTHING;
  const plans = yield* mapped(question.cases, (one) => planOf(one, question, settings));
  const base = { ...NOTHING, rules: [...rules] };
  const stop = stopped(question, plans);
  if (stop !== null) return { ...base, ...stop };
  const routed =
    settings.mode === 'recipient'
      ? yield* byRecipient(question, plans, settings)
      : byHeader(question, plans, settings);
  if (routed.reply !== null) return { ...base, ...routed };
  const holds = plans.flatMap((plan) => (plan.kind === 'way' && plan.hold !== null ? [plan.hold] : []));
  yield;
  const byHop = hopNotes(question, plans, settings);
  yield;
  const notes = [...routed.notes, ...byHop, ...aloneNotes(question, plans)];
  const held = holds.length > 0 ? { kind: 'held' as const, holdReason: holds.join('; ') } : {};
  return { ...base, ...routed, ...held, ways: waysOf(plans, routed.ways), notes };
}

type Part = Pick<Routed, 'kind' | 'edits' | 'reply' | 'ways' | 'notes'>;

/** A recipient for whom the message cannot be accepted; a permanent reason comes before a temporary one. */
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

function* byRecipient(question: RouteQuestion, plans: readonly Plan[], settings: RouteSettings): Work<Part> {
  const { cases, postfix, again, filtered, code } = question;
  // Sendmail: all of them take the route of the MTA
  if (!postfix) return part('routed', null);
  const additions: Edit[] = [];
  const deletions: Edit[] = [];
  for (const [i, plan] of plans.entries()) {
    if (i % AT_ONCE === 0) yield;
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
  // a message must never be without recipients
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
    raised === 0
      ? []
      : [`${raised} more recipients take the same route: the header routes the whole message`];
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
 * Recipients that are not renamed although their mail may leave the host: a transport of the site may be
 * another smtp(8), where the fence stops the mail unless that entry has header checks of its own. At the
 * second look: the recipients that the fence will stop.
 */
function aloneNotes({ cases, postfix }: RouteQuestion, plans: readonly Plan[]): string[] {
  const notes = cases.flatMap(({ recipient, need }, i) => {
    const { mailer, address } = recipient;
    const plan = plans[i]!;
    if (plan.kind === 'fenced') return [`${address.domain}: not renamed, so the fence stops it: ${plan.why}`];
    // a domain that has only aliases: their targets are seen later
    if (!postfix || need === null || plan.kind !== 'local' || mailer === '' || mailer === 'error') return [];
    if (DELIVER_HERE.includes(mailer)) return [];
    return [`${address.domain}: not routed, because remote-transports does not list the transport ${mailer}`];
  });
  return [...new Set(notes)].slice(0, 10);
}

/** Next hops of the MTA that are not used, and why. */
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
    // an address without a domain gets the domain of this host
    if (wanted === '' || !isOtherHop(nextHop, wanted)) continue;
    const instead = wanted === relayhost ? `relayhost ${relayhost}` : `the MX of ${address.domain}`;
    notes.push(
      `${address.domain}: ${instead} instead of the next hop ${nextHop} that the MTA would use, which a suffix cannot express`,
    );
  }
  return [...new Set(notes)].slice(0, 10);
}
