/**
 * Rules: what one message requires beyond the rows of its recipients, as plain data.
 *
 * A `[rule NAME]` section states when the rule applies, and what it then requires of outbound mail for each
 * recipient that it matches. All given conditions must hold; a list holds when one of its elements does.
 * Rules only raise requirements: the strictest of those that apply to a recipient counts, and no rule can
 * weaken what a row requires.
 */

import type { EnvelopeAddress } from './address.ts';
import type { Position } from './position.ts';

/** What a rule can require of outbound mail: the floors for which there are maps and transports. */
export const RULE_LEVELS = ['encrypt', 'verify'] as const;
export type RuleLevel = (typeof RULE_LEVELS)[number];

/** What is done with a message if the requirement cannot be met for one of its recipients. */
export const CANNOT = ['reject', 'hold', 'fallback'] as const;
export type Cannot = (typeof CANNOT)[number];

/** An empty list or false means that the condition is not given. */
export interface RuleConditions {
  /**
   * Tags anywhere in the subject: as written, and as the skeleton of look-alikes (mail/confusables.ts), which
   * is compared.
   */
  readonly subjectTags: readonly { readonly text: string; readonly folded: string }[];
  /**
   * Header fields; lower-case name, value compared trimmed and without regard to case, null for any value.
   */
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
  /** `REQUIRETLS` in MAIL (RFC 8689). */
  readonly requireTls: boolean;
  /** References or In-Reply-To contain one of our tokens. */
  readonly replyToMarked: boolean;
  /** Canonical patterns: address, domain, `.suffix`, `*`. */
  readonly senders: readonly string[];
  readonly recipients: readonly string[];
  /** Login names, lower case; `*` for any. */
  readonly users: readonly string[];
}

export interface Rule {
  readonly name: string;
  readonly at: Position;
  readonly when: RuleConditions;
  readonly level: RuleLevel;
  readonly cannot: Cannot;
  /**
   * Next hop of the gateway when `cannot` is `fallback`, in transport(5) syntax: `[portal.example]:587`; null
   * otherwise.
   */
  readonly fallback: string | null;
  /** Postfix 3.11 and later: the policy service requests REQUIRETLS. */
  readonly requestRequireTls: boolean;
  /** An address or link for an author whose mail is refused. */
  readonly help: string | null;
}

/** A recipient as the milter was shown it. */
export interface RuleRecipient {
  readonly address: EnvelopeAddress;
  /** As typed in RCPT, with brackets: recipient edits must use this form. */
  readonly path: string;
  /** Parameters of RCPT (`NOTIFY=NEVER`, `ORCPT=...`), as they came. */
  readonly parameters: readonly string[];
  /** `{rcpt_mailer}`: the transport that the MTA would use; '' when the MTA did not say. */
  readonly mailer: string;
  /** `{rcpt_host}`: the next hop that the MTA would use; '' when the MTA did not say. */
  readonly nextHop: string;
}

/** The facts that rules examine. Subjects and tokens are decoded by the caller. */
export interface MessageFacts {
  readonly sender: EnvelopeAddress;
  /** SASL login; '' for none. */
  readonly user: string;
  readonly requireTls: boolean;
  /** Subjects, decoded and reduced to their skeletons. */
  readonly subjects: readonly string[];
  /** Lower-case names, values as received (latin1, folds as LF). */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Domains for which References or In-Reply-To contain one of our tokens that is valid. */
  readonly repliesTo: readonly string[];
  readonly recipients: readonly EnvelopeAddress[];
}

/** Settings that the MTA reports with the message; '' for those it does not report. */
export interface ToldByMta {
  /** `{tlsward_fence}`: its smtp_header_checks. */
  readonly headerChecks: string;
  /** `{tlsward_filter}`: its content_filter. */
  readonly contentFilter: string;
}

export const NOT_TOLD: ToldByMta = { headerChecks: '', contentFilter: '' };

/** What one recipient requires, and by which rules, the strictest first. */
export interface Need {
  readonly level: RuleLevel;
  readonly rules: readonly Rule[];
  /** Why each rule applies: one clause for each, in the order of `rules`. */
  readonly because: readonly string[];
}
