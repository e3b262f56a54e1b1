/**
 * Applies rules to a message: what it needs, what is known about its recipients' next hops, and how it is
 * routed. The decisions are pure functions (rules/matchRules.ts, rules/route.ts); this file collects their
 * input.
 *
 * A message that this host sends to itself for a second look, or that comes back from a content filter or
 * sendmail(1), may carry a header field with the result of the earlier look (rules/fence.ts). Every recipient
 * without a suffix then has that requirement, too.
 *
 * A message is checked against the rules of the table that was in force when it began. A connection that was
 * negotiated before the rules came into force may lack the data that they need. A message on it to which a
 * rule might apply is deferred, and the author's program tries again on a new connection.
 */

import { type EnvelopeAddress, NULL_ADDRESS } from '../core/address.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { inNetworks } from '../core/network.ts';
import { REQUIRETLS_SINCE, since } from '../core/postfixVersion.ts';
import type { MessageFacts, Need, Rule, RuleConditions, RuleRecipient } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import { AT_ONCE, allAtOnce, mapped, type Work } from '../core/work.ts';
import { decideNextHop, decideRecipient } from '../deliver/deliver.ts';
import { atLeast } from '../deliver/level.ts';
import { stripMarks } from '../mark/stripMarks.ts';
import { bothNeeds, carriedNeed, fenceStands } from '../rules/fence.ts';
import { needsOf } from '../rules/matchRules.ts';
import { headerNamesFor, messageFacts } from '../rules/messageFacts.ts';
import { type Routed, routeMessage } from '../rules/route.ts';
import { routeInPath } from '../rules/routedPath.ts';
import { hopOf, literalByRow } from '../rules/routeHop.ts';
import type { RouteCase, RouteSettings } from '../rules/routePlan.ts';
import { fenceMissing, routeFromClient, rulesChanged, tooManyRecipients } from '../rules/routeReply.ts';
import {
  asksForPlain,
  firstProtected,
  grantsPlain,
  type Protected,
  protectsDelivery,
  TLS_REQUIRED_FIELD,
  tlsRequiredReason,
  tlsRequiredReply,
} from '../rules/tlsRequired.ts';
import type { MessageQuery } from '../session/queries.ts';
import type { Active } from './active.ts';
import type { FailedNextHops } from './failedNextHops.ts';

/** Numbers of messages to which a rule applied, by result. */
export interface RouteCounters {
  routed: number;
  held: number;
  refused: number;
  deferred: number;
}

export class Routing {
  readonly counters: RouteCounters = { routed: 0, held: 0, refused: 0, deferred: 0 };
  readonly #known: FailedNextHops;

  constructor(known: FailedNextHops) {
    this.#known = known;
  }

  sweep(now: number): void {
    this.#known.sweep(now);
  }

  get memory(): MemoryUse {
    return this.#known.memory;
  }

  /**
   * How a message is sent on, decided at its end; null when no rule applies. `active`: what was in force when
   * it began.
   */
  *message(query: MessageQuery, active: Active, code: string, now: number): Work<Routed | null> {
    const { transaction } = query;
    if (transaction.recipients.some(mayNameWay) && (yield* namesWay(transaction, active.facts))) {
      this.counters.refused++;
      return { ...stopped([], routeFromClient(code)), kind: 'refused' };
    }
    const byRules = active.rules.length === 0 ? null : yield* this.#byRules(query, active, code, now);
    const mayAsk = active.tlsRequiredNo !== 'ignore' && grantsPlain(query.mta);
    const routed = (mayAsk ? yield* tlsRequired(query, active, byRules, code) : null) ?? byRules;
    if (routed === null || routed.kind === 'nothing') return null;
    // a message at its second look was already counted, except for what is decided only then
    if (transaction.arrival !== 'again' || routed.kind !== 'routed') this.counters[routed.kind]++;
    return routed;
  }

  *#byRules(query: MessageQuery, active: Active, code: string, now: number): Work<Routed | null> {
    const { rules } = active;
    const { transaction } = query;
    const carried = carriedFields(query, active);
    if (carried === null) return stopped([], rulesChanged(code));
    const facts = messageFacts(rules, {
      sender: transaction.sender ?? NULL_ADDRESS,
      user: transaction.saslUsername,
      mailParameters: query.mailParameters,
      headers: query.headers,
      recipients: transaction.recipients,
      keys: active.edits.keys,
    });
    yield;
    const routed =
      (yield* unseen(query, rules, facts, code)) ??
      (yield* this.#route(query, active, facts, carried, code, now));
    return routed?.kind === 'nothing' ? null : routed;
  }

  *#route(
    query: MessageQuery,
    active: Active,
    facts: MessageFacts,
    carried: readonly HeaderField[],
    code: string,
    now: number,
  ): Work<Routed | null> {
    const { header, mode, relayhost } = active.route;
    const fresh = yield* needsOf(active.rules, facts);
    const earlier = carriedNeed(carried, header, active.rules);
    const shown = query.shownRecipients ?? [];
    const needs = yield* mapped(shown, ({ path }, i) => {
      const routed = query.postfix && mode === 'recipient' && routeInPath(path) !== null;
      return bothNeeds(fresh[i] ?? null, routed ? null : earlier);
    });
    if (needs.every((need) => need === null)) return null;
    if (query.postfix && !fenceStands(query.told.headerChecks, header)) {
      const names = needs.flatMap((need) => need?.rules.map(({ name }) => name) ?? []);
      return stopped([...new Set(names)], fenceMissing(header, code));
    }
    const cases = yield* mapped(shown, (recipient, i): RouteCase => {
      const need = needs[i] ?? null;
      if (need === null) return { recipient, need, cannot: null, byRow: false };
      const cannot = this.#cannot(recipient, need, active.table, active.route, now);
      const does = query.postfix
        ? literalByRow(active.table, recipient, hopOf(recipient, relayhost, mode), need.level)
        : byRow(recipient, need, active.table);
      return { recipient, need, cannot, byRow: does };
    });
    const { arrival } = query.transaction;
    const question = {
      cases,
      postfix: query.postfix,
      local: arrival === 'local',
      again: arrival === 'again',
      filtered: query.told.contentFilter !== '',
      stale: yield* stripMarks(carried, [header]),
      code,
    };
    return yield* routeMessage(question, active.route);
  }

  /**
   * Why the next hop of this recipient is known not to meet the requirement, a clause; null: nothing is
   * known.
   */
  #cannot(
    recipient: RuleRecipient,
    need: Need,
    table: PolicyTable,
    { relayhost, mode }: RouteSettings,
    now: number,
  ): string | null {
    const hop = hopOf(recipient, relayhost, mode);
    if (hop === '') return null;
    const decision = decideNextHop(table, hop, 'none', null);
    if (decision.kind === 'policy' && decision.policy.level === 'none')
      return `the table sends to ${hop} without TLS (row ${decision.row?.pattern ?? ''}: deliver = none)`;
    const seen = this.#known.failed(hop, need.level, now);
    if (seen === null) return null;
    return `${seen.host ?? `the server of ${hop}`} ${seen.why} at ${new Date(seen.seenAt).toISOString().slice(11, 16)} UTC`;
  }
}

/**
 * Does a client that is not one of our content filters choose the route of a recipient? With a next hop in
 * the address, a user who may relay could make this server connect to any internal host and port. With any
 * suffix, an authenticated user could bypass what the MTA says about the domain (check_recipient_access,
 * transport tables). The map `transport` routes by suffixes even without rules, and in any spelling:
 * `u%x.tlsward-via...`, a source route, quotes and comments (tried with Postfix 3.7).
 */
export function* namesWay(transaction: Transaction, facts: Active['facts']): Work<boolean> {
  const { arrival, saslUsername, clientAddress, recipients } = transaction;
  if (arrival !== 'smtp') return false;
  const user = saslUsername !== '';
  // a content filter does not authenticate; the users of a webmail on this host do
  if (!user && inNetworks(facts.trustedClients, clientAddress)) return false;
  const suffixes = user ? ANY_SUFFIX : NEXT_HOP;
  for (const [i, recipient] of recipients.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    if (mayNameWay(recipient) && suffixes.test(recipient.text.replace(/[^A-Za-z0-9-]+/g, ''))) return true;
  }
  return false;
}

/** Nearly all addresses have no hyphen, which every suffix has. */
function mayNameWay({ text }: EnvelopeAddress): boolean {
  return text.includes('-');
}

const NEXT_HOP = /tlsward-(?:via|literal)/i;
const ANY_SUFFIX = /tlsward-(?:via|literal|encrypt|verify|fallback|row)/i;

/**
 * Fields among which are the routes that the message came with and that messageEdits does not remove; null:
 * they were not shown.
 */
function carriedFields(query: MessageQuery, active: Active): readonly HeaderField[] | null {
  const { arrival, clientAddress } = query.transaction;
  const kept = arrival !== 'smtp' || inNetworks(active.facts.trustedClients, clientAddress);
  if (!kept) return [];
  return isShown(query, active.route.header.toLowerCase()) ? query.headers : null;
}

/** Was the field of this lower-case name requested at negotiation? */
function isShown({ shown }: MessageQuery, name: string): boolean {
  return shown === 'all' || (shown !== 'none' && shown.includes(name));
}

/**
 * What is done with a message whose author asked for no TLS although it must leave under TLS, if the MTA may grant that;
 * null: nothing.
 */
function* tlsRequired(
  query: MessageQuery,
  { tlsRequiredNo, table, route }: Active,
  routed: Routed | null,
  code: string,
): Work<Routed | null> {
  // a message has a second look because a rule applies, so the first look held it and an administrator
  // released it
  if (tlsRequiredNo === 'hold' && query.transaction.arrival === 'again') return null;
  if (routed?.kind === 'refused' || routed?.kind === 'deferred') return null;
  const hidden = !isShown(query, TLS_REQUIRED_FIELD);
  if (!hidden && !asksForPlain(query.headers ?? [])) return null;
  const found =
    byRule(routed) ?? (yield* firstProtected(recipientsOf(query), table, route)) ?? unlisted(query, table);
  if (found === null) return null;
  if (hidden) return stopped([], rulesChanged(code));
  const held = tlsRequiredNo === 'hold';
  const rules = routed?.rules ?? [];
  if (!held) return { ...stopped(rules, tlsRequiredReply(found, code)), kind: 'refused' };
  const before = routed ?? stopped([], null);
  const holdReason = [before.holdReason, tlsRequiredReason(found)].filter(Boolean).join('; ');
  return { ...before, kind: 'held', holdReason };
}

function byRule(routed: Routed | null): Protected | null {
  const [rule] = routed?.rules ?? [];
  return rule === undefined ? null : { recipient: '', why: `rule ${rule}` };
}

/** As the MTA showed them; by their domains when it was not asked to show them. */
function recipientsOf({ shownRecipients, transaction }: MessageQuery): readonly RuleRecipient[] {
  if (shownRecipients !== null) return shownRecipients;
  return transaction.recipients.map((address) => ({
    address,
    path: address.text,
    parameters: [],
    mailer: '',
    nextHop: '',
  }));
}

/** A recipient that is not in the list may be at any domain. */
function unlisted({ transaction }: MessageQuery, table: PolicyTable): Protected | null {
  const any = transaction.unseenRecipients && protectsDelivery(table.packed.settings);
  return any ? { recipient: '', why: 'not all recipients could be checked' } : null;
}

/** For Sendmail: does the recipient's row already meet the requirement for all its mail? */
function byRow({ address }: RuleRecipient, need: Need, table: PolicyTable): boolean {
  const decision = decideRecipient(table, address, 'none', null);
  return decision.kind === 'policy' && atLeast(decision.policy.level, need.level);
}

/** Defers a message when too little was seen of it to exclude that a rule applies; null: enough was seen. */
function* unseen(
  query: MessageQuery,
  rules: readonly Rule[],
  facts: MessageFacts,
  code: string,
): Work<Routed | null> {
  const { shownRecipients, transaction } = query;
  const names = headerNamesFor(rules);
  const hidden = (name: string): boolean => !isShown(query, name);
  if (shownRecipients === null || names.some(hidden)) {
    const loose = rules.map((rule) =>
      headerNamesFor([rule]).some(hidden) ? { ...rule, when: withoutHeaders(rule.when) } : rule,
    );
    const concerned = rulesIn(yield* needsOf(loose, facts));
    if (concerned.length > 0) return stopped(concerned, rulesChanged(code));
  }
  if (!transaction.unseenRecipients) return null;
  const anyone = rules.map((rule) => ({ ...rule, when: { ...rule.when, recipients: [] } }));
  const concerned = rulesIn(yield* needsOf(anyone, { ...facts, recipients: [NULL_ADDRESS] }));
  return concerned.length === 0 ? null : stopped(concerned, tooManyRecipients(code));
}

function withoutHeaders(when: RuleConditions): RuleConditions {
  return { ...when, subjectTags: [], headers: [], replyToMarked: false };
}

function rulesIn(needs: readonly (Need | null)[]): string[] {
  return [...new Set(needs.flatMap((need) => need?.rules.map(({ name }) => name) ?? []))];
}

function stopped(rules: readonly string[], reply: Routed['reply']): Routed {
  return { kind: 'deferred', edits: [], reply, holdReason: '', rules, ways: [], notes: [] };
}

/**
 * Policy service, one recipient: should Postfix request REQUIRETLS? Only rules count whose conditions are all
 * visible here; header fields and the parameters of MAIL are not.
 */
export function requestsRequireTls(active: Active, transaction: Transaction): boolean {
  if (active.rules.length === 0 || !since(active.postfixVersion, ...REQUIRETLS_SINCE)) return false;
  const rules = active.rules.filter(({ when, requestRequireTls }) => {
    if (!requestRequireTls || when.requireTls || when.replyToMarked) return false;
    return when.subjectTags.length === 0 && when.headers.length === 0;
  });
  if (rules.length === 0 || transaction.sender === null) return false;
  const facts: MessageFacts = {
    sender: transaction.sender,
    user: transaction.saslUsername,
    requireTls: false,
    subjects: [],
    headers: [],
    repliesTo: [],
    recipients: transaction.recipients,
  };
  return allAtOnce(needsOf(rules, facts)).some((need) => need !== null);
}
