/**
 * The deliver leg decided: from a next hop (Postfix) or a recipient (Sendmail) to the row and to how mail must leave.
 *
 * One row decides, the most specific, as on the receive leg. A row that says nothing about `deliver` (the built-in `may`,
 * and policies that do not set it) leaves the MTA's own default level alone: so does a domain without a row, and a row in
 * observe mode. That is "silent", never `may`: an answer of `may` would lower a site whose default is `dane` or `encrypt`.
 *
 * Floors (`min-protocol`, `min-bits`, `deny-ciphers`) are part of an answer where TLS is mandatory. At `may` and `dane` they
 * are left out: there Postfix falls back to plain text when a handshake fails, so a floor would lower what it should raise.
 *
 * `auto` is answered like `dane`: DANE where the recipient publishes it, TLS where offered otherwise. Published MTA-STS
 * policies are not looked up here.
 *
 * Pure and total: whatever comes, a decision comes back.
 */
import type { EnvelopeAddress } from './address.ts';
import { excludedCiphers } from './cipherNames.ts';
import { type AnsweredLevel, atLeast, type DeliverFloor, mandatory, stricter } from './deliverLevel.ts';
import { parseNextHop } from './nextHop.ts';
import { DEFAULTS, type Settings } from './settings.ts';
import type { PolicyTable, Row } from './table.ts';

/** How one connection must be protected: what `smtp_tls_policy_maps` can say of it. */
export interface DeliverPolicy {
  readonly level: AnsweredLevel;
  /** Verify and secure: names the server certificate may have, `.suffix` for all below; empty: the MTA's own rule. Fingerprint: digests, at least one. */
  readonly match: readonly string[];
  /** `TLSv1.2`; null: the MTA's own floor. */
  readonly minProtocol: string | null;
  /** Key bits below which no cipher may be; 0: the MTA's own choice. */
  readonly minBits: number;
  /** OpenSSL words and names. */
  readonly exclude: readonly string[];
}

export type DeliverDecision =
  | { readonly kind: 'policy'; readonly row: Row | null; readonly policy: DeliverPolicy }
  /** The table does not say: the MTA's own default level. `why` is a clause for a person. */
  | { readonly kind: 'silent'; readonly row: Row | null; readonly why: string }
  /** Mail must wait: to answer anything might be too weak. */
  | { readonly kind: 'trouble'; readonly row: Row | null; readonly why: string };

/** The next hop of an SMTP client as the MTA wrote it. */
export function decideNextHop(table: PolicyTable, key: string, floor: DeliverFloor): DeliverDecision {
  const hop = parseNextHop(key);
  switch (hop.kind) {
    case 'parent':
      // with or without a floor: the name below was answered, and asked again only because that was silent
      return { kind: 'silent', row: null, why: 'parent domains are looked at with the name below them' };
    case 'unreadable':
      return { kind: 'trouble', row: null, why: 'the next hop is not a domain, a host or an address' };
    case 'nobody':
      return decideRow(rowOf(table, table.find('*')), floor);
    case 'hop': {
      let row = -1;
      for (let i = 0; row < 0 && i < hop.exact.length; i++) row = table.find(hop.exact[i]!);
      return decideRow(rowOf(table, row < 0 ? table.findDomain(hop.name) : row), floor);
    }
  }
}

/** One recipient; address rows count here. A malformed address has the strictest of the rows it might mean. */
export function decideRecipient(
  table: PolicyTable,
  recipient: EnvelopeAddress,
  floor: DeliverFloor,
): DeliverDecision {
  const decisions = table.rowsFor(recipient).map((row) => decideRow(row, floor));
  return decisions.reduce<DeliverDecision | null>(harder, null) ?? decideRow(null, floor);
}

function harder(one: DeliverDecision | null, other: DeliverDecision): DeliverDecision {
  if (one === null || other.kind === 'trouble') return other;
  if (one.kind === 'trouble' || other.kind === 'silent') return one;
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

/** What a row says of deliveries; null when it says nothing, or is only observed. */
function saidBy(row: Row | null): AnsweredLevel | null {
  if (row === null || row.settings.mode === 'observe') return null;
  const { deliver } = row.settings;
  return deliver === 'auto' ? 'dane' : deliver;
}

function decideRow(row: Row | null, floor: DeliverFloor): DeliverDecision {
  const said = saidBy(row);
  if (said === null && floor === 'none') return { kind: 'silent', row, why: silence(row) };
  const level = said === null ? floor : stricter(said, floor);
  // floors of a row that is only observed are not enforced either
  const settings = row === null || row.settings.mode === 'observe' ? DEFAULTS : row.settings;
  const policy = policyOf(level, settings);
  if (level === 'fingerprint' && policy.match.length === 0)
    return { kind: 'trouble', row, why: 'deliver = fingerprint, and the row has no digest' };
  return { kind: 'policy', row, policy };
}

function silence(row: Row | null): string {
  if (row === null) return 'no row';
  if (row.settings.mode === 'observe' && row.settings.deliver !== null)
    return `mode = observe: deliver = ${row.settings.deliver} is not enforced`;
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
  };
}

function matchOf(level: AnsweredLevel, settings: Settings): readonly string[] {
  if (level === 'fingerprint') return settings.fingerprints;
  return level === 'verify' || level === 'secure' ? settings.serverNames : [];
}
