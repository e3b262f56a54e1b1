/**
 * Decides about outbound mail: finds the row for a next hop (Postfix) or a recipient (Sendmail), and how mail
 * must leave.
 *
 * The most specific row decides, as for inbound mail. A row without `deliver` (the built-in `may`, and
 * policies that do not set it), a row in observe mode, and the absence of a row leave the MTA's default level
 * in force. That decision is "silent", never `may`: an answer of `may` would lower the level of a site whose
 * default is `dane` or `encrypt`.
 *
 * A row at `none` or `may` applies only to next hops for which Postfix would find an entry of its own table:
 * the one that the row names, and plain names below a suffix or `*`. A next hop with brackets, a port or a
 * final dot needs its own row, otherwise the decision is silent: what a row for a domain allows must not
 * lower the level for a relay or gateway that a route names.
 *
 * The floors `min-protocol`, `min-bits` and `deny-ciphers` are part of an answer where TLS is mandatory. At
 * `may` and `dane` they are left out, because there Postfix falls back to plaintext when a handshake fails,
 * and a floor would make that more likely.
 *
 * `auto` follows what the recipient's domain publishes (auto.ts). That must be looked up before; until then
 * the decision is `needs`, with the question. The stricter of `deliver-floor` of the row and the floor of the
 * map is then applied. The same holds for `dane` where the map has a floor: without TLSA records the floor
 * alone applies.
 *
 * Pure and total: every input gets a decision.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { type NextHop, parseNextHop } from '../core/nextHop.ts';
import type { PolicyAttribute, Published, PublishedQuestion } from '../core/publishedFacts.ts';
import { DEFAULTS, type DeliverLevel, type Settings } from '../core/settings.ts';
import type { PolicyTable, Row } from '../core/table.ts';
import { type AutoAnswer, followDane, followPublished, leftToPostfix, type StsBehind } from './auto.ts';
import { excludedCiphers } from './ciphers.ts';
import { intersectTlsParameters } from './intersectTlsParameters.ts';
import { type AnsweredLevel, atLeast, type DeliverFloor, mandatory, stricter } from './level.ts';

/** How one connection must be protected, in terms of `smtp_tls_policy_maps`. */
export interface DeliverPolicy {
  readonly level: AnsweredLevel;
  /**
   * For `verify` and `secure`: names that the server certificate may have, `.suffix` for all names below it;
   * empty: the MTA's own rule. For `fingerprint`: digests, at least one.
   */
  readonly match: readonly string[];
  /** `TLSv1.2`; null: the MTA's own floor. */
  readonly minProtocol: string | null;
  /** The lowest number of key bits of a cipher; 0: the MTA's own choice. */
  readonly minBits: number;
  /** OpenSSL keywords and cipher names. */
  readonly exclude: readonly string[];
  /** `hostname`: send the MX host's name as SNI; null: the MTA's own choice. */
  readonly servername: 'hostname' | null;
  /** The MTA-STS policy that is followed. */
  readonly sts: StsBehind | null;
  /** Further attributes from the answer of another policy server. */
  readonly attributes: readonly PolicyAttribute[];
}

export type DeliverDecision =
  | {
      readonly kind: 'policy';
      readonly row: Row | null;
      readonly policy: DeliverPolicy;
      /**
       * For `auto`: what the level follows, a clause for a person; null: the level comes from the row or the
       * map.
       */
      readonly follows: string | null;
      /** Does the level come from a lookup about the domain? */
      readonly found: boolean;
    }
  /** The table does not decide: the MTA's default level applies. `why` is a clause for a person. */
  | { readonly kind: 'silent'; readonly row: Row | null; readonly why: string }
  /** Mail must wait, because any answer might be too weak. */
  | { readonly kind: 'trouble'; readonly row: Row | null; readonly why: string }
  /**
   * For `auto`: the question must be answered first; then the caller decides again with what was published.
   */
  | { readonly kind: 'needs'; readonly row: Row; readonly question: PublishedQuestion };

/** The answer for a row with `auto`, or the question to be answered first. */
type Auto = AutoAnswer | { readonly kind: 'ask'; readonly question: PublishedQuestion };

/** Service names that a next hop may have instead of a port; nothing is looked up for others. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['smtp', 25],
  ['submission', 587],
  ['submissions', 465],
  ['smtps', 465],
]);

/**
 * Decides for the next hop of an SMTP client as the MTA wrote it. `published`: the result of the lookup;
 * null: nothing was looked up yet, and a row with `auto` needs that first.
 */
export function decideNextHop(
  table: PolicyTable,
  key: string,
  floor: DeliverFloor,
  published: Published | null = null,
): DeliverDecision {
  const hop = parseNextHop(key);
  switch (hop.kind) {
    case 'parent':
      // with or without a floor: Postfix asks for a parent only after a silent answer for the name below it
      return { kind: 'silent', row: null, why: 'parent domains are considered with the name below them' };
    case 'unreadable':
      return { kind: 'trouble', row: null, why: 'the next hop is not a domain, a host or an address' };
    case 'not-a-domain':
      return decideRow(rowOf(table, '*'), floor, () => NO_DOMAIN);
    case 'hop': {
      let found: Row | null = null;
      for (let i = 0; found === null && i < hop.exact.length; i++) found = rowOf(table, hop.exact[i]!);
      found ??= table.rowOfDomain(hop.name);
      const asWritten = found === null || isMeant(found, hop);
      return decideRow(found, floor, (follow) => autoOf(hop, published, follow), asWritten);
    }
  }
}

/**
 * The question about what a next hop publishes, regardless of the table; null for addresses and for anything
 * that is not a domain.
 */
export function questionOf(key: string): PublishedQuestion | null {
  const hop = parseNextHop(key);
  const auto = hop.kind === 'hop' ? autoOf(hop, null, followPublished) : NO_DOMAIN;
  return auto.kind === 'ask' ? auto.question : null;
}

/**
 * Decides for one recipient; rows for addresses count here. For a malformed address the strictest of the rows
 * that it might mean decides, and nothing is looked up.
 */
export function decideRecipient(
  table: PolicyTable,
  recipient: EnvelopeAddress,
  floor: DeliverFloor,
  published: Published | null = null,
): DeliverDecision {
  const auto = (follow: Follow) => autoOfRecipient(recipient, published, follow);
  const decisions = table.rowsFor(recipient).map((row) => decideRow(row, floor, auto));
  return decisions.reduce<DeliverDecision | null>(stricterDecision, null) ?? decideRow(null, floor, auto);
}

const NO_DOMAIN: AutoAnswer = { kind: 'silent', why: 'only a domain or a host can publish anything' };

/** How the published facts are used: for `auto`, or for `dane` with a floor. */
type Follow = typeof followPublished;

function autoOf(hop: Extract<NextHop, { kind: 'hop' }>, published: Published | null, follow: Follow): Auto {
  const { name, port } = hop;
  if (name.startsWith('[')) return NO_DOMAIN;
  const number = port === null ? 25 : (SERVICES.get(port) ?? Number(port));
  if (!(number > 0 && number < 65_536)) return leftToPostfix(`the number of port ${port} is not known`);
  return followed({ name, host: hop.exact.length > 0, port: number }, published, follow);
}

function autoOfRecipient(
  { kind, domain }: EnvelopeAddress,
  published: Published | null,
  follow: Follow,
): Auto {
  if (kind === 'malformed') return { kind: 'trouble', why: 'the address has no domain to look up' };
  if (kind !== 'mailbox' || domain.startsWith('[')) return NO_DOMAIN;
  return followed({ name: domain, host: false, port: 25 }, published, follow);
}

function followed(question: PublishedQuestion, published: Published | null, follow: Follow): Auto {
  if (published !== null) return follow(question.name, published);
  return { kind: 'ask', question: follow === followDane ? { ...question, daneOnly: true } : question };
}

function stricterDecision(one: DeliverDecision | null, other: DeliverDecision): DeliverDecision {
  if (one === null || other.kind === 'trouble' || other.kind === 'needs') return other;
  if (one.kind === 'trouble' || one.kind === 'needs' || other.kind === 'silent') return one;
  if (one.kind === 'silent') return mandatory(other.policy.level) ? other : one;
  if (atLeast(other.policy.level, one.policy.level)) return other;
  if (atLeast(one.policy.level, other.policy.level)) return one;
  return {
    kind: 'trouble',
    row: other.row,
    why: 'the address has two readings with rows that exclude each other',
  };
}

/** The row with exactly this pattern. */
function rowOf(table: PolicyTable, pattern: string): Row | null {
  const number = table.find(pattern);
  return number < 0 ? null : table.row(number, pattern);
}

/** Does the row match this next hop as it is written, so that it counts even if it lowers the level? */
function isMeant({ pattern }: Row, { written, plain }: Extract<NextHop, { kind: 'hop' }>): boolean {
  return pattern === written || (plain && (pattern === '*' || pattern.startsWith('.')));
}

function lowers(level: DeliverLevel | null): boolean {
  return level === 'none' || level === 'may';
}

/** `asWritten`: the row matches the next hop as it is written, so a level that lowers counts, too. */
function saidBy(row: Row | null, asWritten: boolean): DeliverLevel | null {
  if (row === null || row.settings.mode === 'observe') return null;
  return !asWritten && lowers(row.settings.deliver) ? null : row.settings.deliver;
}

function decideRow(
  row: Row | null,
  floor: DeliverFloor,
  auto: (follow: Follow) => Auto,
  asWritten = true,
): DeliverDecision {
  const said = saidBy(row, asWritten);
  if (row !== null && said === 'auto') return decideAuto(row, floor, auto(followPublished));
  if (row !== null && said === 'dane' && floor !== 'none') return decideAuto(row, floor, auto(followDane));
  const stated = said === 'auto' ? null : said;
  if (stated === null && floor === 'none') return { kind: 'silent', row, why: silence(row, asWritten) };
  const level = stated === null ? floor : stricter(stated, floor);
  // the floors of a row in observe mode are not enforced either
  const settings = row === null || row.settings.mode === 'observe' ? DEFAULTS : row.settings;
  const policy = policyOf(level, settings);
  if (level === 'fingerprint' && policy.match.length === 0)
    return { kind: 'trouble', row, why: 'deliver = fingerprint, and the row has no digest' };
  return { kind: 'policy', row, policy, follows: null, found: false };
}

function decideAuto(row: Row, floor: DeliverFloor, answer: Auto): DeliverDecision {
  const { settings } = row;
  if (answer.kind === 'ask') return { kind: 'needs', row, question: answer.question };
  if (answer.kind === 'trouble') return { kind: 'trouble', row, why: answer.why };
  const base = answer.kind === 'silent' ? null : answer.level;
  const own = base === null ? atLeastFloor(settings.deliverFloor) : stricter(base, settings.deliverFloor);
  const level = own === null ? atLeastFloor(floor) : stricter(own, floor);
  if (level === null) return { kind: 'silent', row, why: answer.why };
  const follows = level === base ? answer.why : `${answer.why}; ${raised(level, own, settings)}`;
  const policy = policyOf(level, settings);
  const found = answer.kind === 'level' && answer.by !== 'none' && level === base;
  if (answer.kind === 'silent') return { kind: 'policy', row, policy, follows, found };
  const whole = level === base ? foundPolicy(policy, answer) : narrowedBy(policy, answer.attributes);
  if (whole === null)
    return { kind: 'trouble', row, why: 'the protocols of the other policy server cannot be compared' };
  return { kind: 'policy', row, policy: whole, follows, found };
}

function atLeastFloor(floor: DeliverFloor): AnsweredLevel | null {
  return floor === 'none' ? null : floor;
}

function raised(level: AnsweredLevel, own: AnsweredLevel | null, settings: Settings): string {
  return level === own
    ? `${level} because of deliver-floor = ${settings.deliverFloor}`
    : `${level} because of the map`;
}

/** The policy at the level that was found, with the names that were found instead of those of the row. */
function foundPolicy(
  policy: DeliverPolicy,
  answer: Extract<AutoAnswer, { kind: 'level' }>,
): DeliverPolicy | null {
  const { by, match, sts, attributes } = answer;
  if (by === 'sts') return { ...policy, match, servername: 'hostname', sts };
  if (by !== 'other') return policy;
  if (!mandatory(policy.level)) return { ...policy, attributes };
  const narrowed = intersectTlsParameters(policy, attributes);
  return narrowed === null ? null : { ...policy, match: [], ...narrowed };
}

/**
 * A policy that was raised above the answer of another server: protocols and ciphers of that answer still
 * apply, its other attributes belong to the lower level.
 */
function narrowedBy(policy: DeliverPolicy, attributes: readonly PolicyAttribute[]): DeliverPolicy | null {
  const ciphers = attributes.filter(({ name }) => ['protocols', 'ciphers', 'exclude'].includes(name));
  const narrowed = intersectTlsParameters(policy, ciphers);
  return narrowed === null ? null : { ...policy, ...narrowed };
}

function silence(row: Row | null, asWritten: boolean): string {
  if (row === null) return 'no row';
  if (row.settings.mode === 'observe' && row.settings.deliver !== null)
    return `mode = observe: deliver = ${row.settings.deliver} is not enforced`;
  if (!asWritten && lowers(row.settings.deliver))
    return `deliver = ${row.settings.deliver} of row ${row.pattern} applies only to a next hop that is written like the row`;
  return 'the row does not say how mail leaves';
}

function policyOf(level: AnsweredLevel, settings: Settings): DeliverPolicy {
  const strict = mandatory(level);
  return {
    level,
    match: matchOf(level, settings),
    minProtocol: strict ? settings.minProtocol : null,
    minBits: strict ? settings.minBits : 0,
    exclude: strict ? excludedCiphers(settings.denyCiphers) : [],
    servername: null,
    sts: null,
    attributes: [],
  };
}

function matchOf(level: AnsweredLevel, settings: Settings): readonly string[] {
  if (level === 'fingerprint') return settings.fingerprints;
  return level === 'verify' || level === 'secure' ? settings.serverNames : [];
}

/** The decision of a row by itself, for mail whose next hop publishes nothing. */
export function decideRowItself(row: Row): DeliverDecision {
  return decideRow(row, 'none', () => NO_DOMAIN);
}
