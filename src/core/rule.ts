/**
 * Rules: what one message must have beyond what its recipients' domains get anyway, as plain data.
 *
 * A `[rule NAME]` section says when it applies (all conditions that are given must hold, a list holds when one of its
 * elements does) and what then is required of the deliver leg, for each recipient that it speaks of. Rules only ever
 * raise: of several that apply to a recipient the strictest counts, and none can take away what a row requires.
 */

import type { EnvelopeAddress } from './address.ts';
import type { Position } from './position.ts';

/** What a rule can require of the deliver leg: the floors that maps and transports exist for. */
export const RULE_LEVELS = ['encrypt', 'verify'] as const;
export type RuleLevel = (typeof RULE_LEVELS)[number];

/** What becomes of a message with a recipient for whom the requirement cannot be met. */
export const CANNOT = ['reject', 'hold', 'fallback'] as const;
export type Cannot = (typeof CANNOT)[number];

/** Empty lists and false: the condition is not given. */
export interface RuleConditions {
  /** Tags anywhere in the subject: as written, and folded to what they look like (mail/fold.ts), which is compared. */
  readonly subjectTags: readonly { readonly text: string; readonly folded: string }[];
  /** Header fields; lower-case name, value compared trimmed and without regard to case, null for any value. */
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
  /** `REQUIRETLS` in MAIL (RFC 8689). */
  readonly requireTls: boolean;
  /** References or In-Reply-To hold a token of ours. */
  readonly replyToMarked: boolean;
  /** Canonical patterns: address, domain, `.suffix`, `*`. */
  readonly senders: readonly string[];
  readonly recipients: readonly string[];
  /** Logins, lower case; `*` for any. */
  readonly users: readonly string[];
}

export interface Rule {
  readonly name: string;
  readonly at: Position;
  readonly when: RuleConditions;
  readonly level: RuleLevel;
  readonly cannot: Cannot;
  /** Next hop of the gateway when `cannot` is `fallback`, as transport(5) has it: `[portal.example]:587`; null otherwise. */
  readonly fallback: string | null;
  /** Postfix 3.11 and later: the policy service asks for REQUIRETLS. */
  readonly requestRequireTls: boolean;
  /** An address or link for the author who is refused. */
  readonly help: string | null;
}

/** A recipient as the milter was shown it. */
export interface RuleRecipient {
  readonly address: EnvelopeAddress;
  /** As typed in RCPT, with brackets: what recipient edits must name. */
  readonly path: string;
  /** Parameters of RCPT (`NOTIFY=NEVER`, `ORCPT=...`), as they came. */
  readonly parameters: readonly string[];
  /** `{rcpt_mailer}`: transport the MTA would use; '' when it was not told. */
  readonly mailer: string;
  /** `{rcpt_host}`: next hop the MTA would use; '' when it was not told. */
  readonly nextHop: string;
}

/** What rules look at. The subject and the tokens are read beforehand, by whoever knows how. */
export interface MessageFacts {
  readonly sender: EnvelopeAddress;
  /** SASL login; '' for none. */
  readonly user: string;
  readonly requireTls: boolean;
  /** Subjects decoded and folded to what they look like. */
  readonly subjects: readonly string[];
  /** Lower-case names, values as received (latin1, folds as LF). */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Domains for which a valid token of ours stands in References or In-Reply-To. */
  readonly repliesTo: readonly string[];
  readonly recipients: readonly EnvelopeAddress[];
}

/** What the MTA says of itself with the message; '' for what it does not say. */
export interface ToldByMta {
  /** `{tlsward_fence}`: its smtp_header_checks. */
  readonly headerChecks: string;
  /** `{tlsward_filter}`: its content_filter. */
  readonly contentFilter: string;
}

export const NOT_TOLD: ToldByMta = { headerChecks: '', contentFilter: '' };

/** What one recipient needs, and by which rules; the strictest rule first. */
export interface Need {
  readonly level: RuleLevel;
  readonly rules: readonly Rule[];
  /** One clause a rule, in the order of `rules`: why it applies. */
  readonly because: readonly string[];
}
