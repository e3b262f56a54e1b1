/**
 * Decides about outbound mail: from a next hop (Postfix) or a recipient (Sendmail) to the row and to how mail
 * must leave.
 *
 * One row decides, the most specific, as for inbound mail. A row that says nothing about `deliver` (the
 * built-in `may`, and policies that do not set it) leaves the MTA's own default level alone: so does a domain
 * without a row, and a row in observe mode. That is "silent", never `may`: an answer of `may` would lower a
 * site whose default is `dane` or `encrypt`.
 *
 * A row at `none` or `may` speaks only of next hops that an entry of Postfix's own table would be found by:
 * the one it names, and plain names below a suffix or `*`. A host in brackets, a port, a final dot have a row
 * of their own, or are silent: what a row for a domain allows must not lower the relay or gateway that a
 * route names.
 *
 * Floors (`min-protocol`, `min-bits`, `deny-ciphers`) are part of an answer where TLS is mandatory. At `may`
 * and `dane` they are left out: there Postfix falls back to plain text when a handshake fails, so a floor
 * would lower what it should raise.
 *
 * `auto` follows what the recipient's domain publishes (auto.ts), which must be found out before; until then
 * the decision says what it needs. Then come `deliver-floor` of the row and the floor of the map: of two the
 * stricter. The same goes for `dane` below a floor of the map, which comes to the floor alone where there are
 * no TLSA records.
 *
 * Pure and total: whatever comes, a decision comes back.
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

/** How one connection must be protected: what `smtp_tls_policy_maps` can say of it. */
export interface DeliverPolicy {
  readonly level: AnsweredLevel;
  /**
   * Verify and secure: names the server certificate may have, `.suffix` for all below; empty: the MTA's own
   * rule. Fingerprint: digests, at least one.
   */
  readonly match: readonly string[];
  /** `TLSv1.2`; null: the MTA's own floor. */
  readonly minProtocol: string | null;
  /** Key bits below which no cipher may be; 0: the MTA's own choice. */
  readonly minBits: number;
  /** OpenSSL words and names. */
  readonly exclude: readonly string[];
  /** The server is asked for the certificate of the MX host's name (SNI); null: as the MTA does by itself. */
  readonly servername: 'hostname' | null;
  /** The MTA-STS policy that is followed. */
  readonly sts: StsBehind | null;
  /** Of another policy server's answer, beside what is above. */
  readonly attributes: readonly PolicyAttribute[];
}

export type DeliverDecision =
  | {
      readonly kind: 'policy';
      readonly row: Row | null;
      readonly policy: DeliverPolicy;
      /** `auto`: what it follows, a clause for a person; null: the row or the map says it. */
      readonly follows: string | null;
      /** Does the level come from what was found out about the domain? */
      readonly found: boolean;
    }
  /** The table does not say: the MTA's own default level. `why` is a clause for a person. */
  | { readonly kind: 'silent'; readonly row: Row | null; readonly why: string }
  /** Mail must wait: to answer anything might be too weak. */
  | { readonly kind: 'trouble'; readonly row: Row | null; readonly why: string }
  /**
   * `auto`: nothing can be said before the question is answered; then decide again with what was published.
   */
  | { readonly kind: 'needs'; readonly row: Row; readonly question: PublishedQuestion };

/** What a row with `auto` comes to, or what to find out before. */
type Auto = AutoAnswer | { readonly kind: 'ask'; readonly question: PublishedQuestion };

/** Services that a next hop may name instead of a port; others are not looked up. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['smtp', 25],
  ['submission', 587],
  ['submissions', 465],
  ['smtps', 465],
]);

/**
 * The next hop of an SMTP client as the MTA wrote it. `published`: what was found out about it; null: nothing
 * was looked up, and a row with `auto` needs that first.
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
      // with or without a floor: the name below was answered, and asked again only because that was silent
      return { kind: 'silent', row: null, why: 'parent domains are considered with the name below them' };
    case 'unreadable':
      return { kind: 'trouble', row: null, why: 'the next hop is not a domain, a host or an address' };
    case 'nobody':
      return decideRow(rowOf(table, table.find('*')), floor, () => NO_DOMAIN);
    case 'hop': {
      let row = -1;
      for (let i = 0; row < 0 && i < hop.exact.length; i++) row = table.find(hop.exact[i]!);
      const found = rowOf(table, row < 0 ? table.findDomain(hop.name) : row);
      const spoken = found === null || isMeant(found, hop);
      return decideRow(found, floor, (follow) => autoOf(hop, published, follow), spoken);
    }
  }
}

/**
 * What could be found out about a next hop, whatever the table says; null for addresses and for what is no
 * domain.
 */
export function questionOf(key: string): PublishedQuestion | null {
  const hop = parseNextHop(key);
  const auto = hop.kind === 'hop' ? autoOf(hop, null, followPublished) : NO_DOMAIN;
  return auto.kind === 'ask' ? auto.question : null;
}

/**
 * One recipient; address rows count here. A malformed address has the strictest of the rows it might mean,
 * and nothing is looked up for it.
 */
export function decideRecipient(
  table: PolicyTable,
  recipient: EnvelopeAddress,
  floor: DeliverFloor,
  published: Published | null = null,
): DeliverDecision {
  const auto = (follow: Follow) => autoOfRecipient(recipient, published, follow);
  const decisions = table.rowsFor(recipient).map((row) => decideRow(row, floor, auto));
  return decisions.reduce<DeliverDecision | null>(harder, null) ?? decideRow(null, floor, auto);
}

const NO_DOMAIN: AutoAnswer = { kind: 'silent', why: 'only a domain or a host can publish anything' };

/** How what is published is read: for `auto`, or for `dane` below a floor. */
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

function harder(one: DeliverDecision | null, other: DeliverDecision): DeliverDecision {
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

function rowOf(table: PolicyTable, number: number): Row | null {
  return number < 0 ? null : table.row(number);
}

/** Does the row speak of this next hop at any level, or only of another spelling of it? */
function isMeant({ pattern }: Row, { written, plain }: Extract<NextHop, { kind: 'hop' }>): boolean {
  return pattern === written || (plain && (pattern === '*' || pattern.startsWith('.')));
}

function lowers(level: DeliverLevel | null): boolean {
  return level === 'none' || level === 'may';
}

/** `spoken`: a level that lowers counts. */
function saidBy(row: Row | null, spoken: boolean): DeliverLevel | null {
  if (row === null || row.settings.mode === 'observe') return null;
  return !spoken && lowers(row.settings.deliver) ? null : row.settings.deliver;
}

function decideRow(
  row: Row | null,
  floor: DeliverFloor,
  auto: (follow: Follow) => Auto,
  spoken = true,
): DeliverDecision {
  const said = saidBy(row, spoken);
  if (row !== null && said === 'auto') return decideAuto(row, floor, auto(followPublished));
  if (row !== null && said === 'dane' && floor !== 'none') return decideAuto(row, floor, auto(followDane));
  const stated = said === 'auto' ? null : said;
  if (stated === null && floor === 'none') return { kind: 'silent', row, why: silence(row, spoken) };
  const level = stated === null ? floor : stricter(stated, floor);
  // floors of a row that is only observed are not enforced either
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

/** The policy at the level that was found: what was found counts, not the names of the row. */
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
 * A policy raised above what another server said: its protocols and ciphers still hold, the rest was for its
 * level.
 */
function narrowedBy(policy: DeliverPolicy, attributes: readonly PolicyAttribute[]): DeliverPolicy | null {
  const ciphers = attributes.filter(({ name }) => ['protocols', 'ciphers', 'exclude'].includes(name));
  const narrowed = intersectTlsParameters(policy, ciphers);
  return narrowed === null ? null : { ...policy, ...narrowed };
}

function silence(row: Row | null, spoken: boolean): string {
  if (row === null) return 'no row';
  if (row.settings.mode === 'observe' && row.settings.deliver !== null)
    return `mode = observe: deliver = ${row.settings.deliver} is not enforced`;
  if (!spoken && lowers(row.settings.deliver))
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

/** What a row says by itself, for mail whose next hop publishes nothing. */
export function decideRowItself(row: Row): DeliverDecision {
  return decideRow(row, 'none', () => NO_DOMAIN);
}
