/**
 * What a recipient's domain publishes about how mail must be sent to it, as plain data: the input of `deliver
 * = auto`.
 *
 * There are two mechanisms, and each has three outcomes that must not be confused: a policy was found, a
 * policy is proven absent, or the lookup failed. A failed lookup never counts as "no policy", so an attacker
 * who can make a lookup fail gains nothing.
 *
 * Sources: RFC 7672 (DANE for SMTP), RFC 8461 (MTA-STS).
 */
import type { AnsweredLevel } from './settings.ts';

/** TLSA records of the domain's MX hosts, as far as DNSSEC authenticates them. */
export type DaneFact =
  /**
   * Left to Postfix: no trusted DNSSEC-validating resolver is configured, or only Postfix can treat the hosts
   * separately.
   */
  | { readonly kind: 'not-asked'; readonly why: string }
  /**
   * MX, addresses or TLSA proven absent, or not signed (RFC 7672 section 2.2: then TLSA is not looked for).
   */
  | { readonly kind: 'absent' }
  /** Records that can authenticate (usage 2 or 3), for every MX host or for some of them. */
  | { readonly kind: 'usable'; readonly hosts: 'all' | 'some' }
  /**
   * Records exist, but none is usable: TLS is mandatory, but the server cannot be authenticated (RFC 7672
   * section 2.2).
   */
  | { readonly kind: 'unusable' }
  | { readonly kind: 'unknown'; readonly why: string };

export const STS_MODES = ['enforce', 'testing', 'none'] as const;
export type StsMode = (typeof STS_MODES)[number];

/** A policy that was fetched and validated, and has not expired. */
export interface StsPolicy {
  readonly mode: StsMode;
  /** Canonical names; `*.name` for exactly one label more. At least one unless mode is `none`. */
  readonly mx: readonly string[];
  readonly maxAgeSeconds: number;
  /** The lines of the policy file, for TLSRPT: printable ASCII without braces, at most 100 of them. */
  readonly lines: readonly string[];
}

/**
 * Why there is no policy although a record announces one; terms of RFC 8460 section 4.3.2 and of Postfix
 * `policy_failure=`.
 */
export type StsFailure = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid';

export type StsFact =
  /** No record, several records, or an invalid record (RFC 8461 section 3.1). */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'policy';
      readonly policy: StsPolicy;
      /** Of the TXT record under which it was fetched. */
      readonly id: string;
      /** Milliseconds since the epoch. */
      readonly fetchedAt: number;
    }
  /**
   * A record exists, but no policy could be fetched and none is cached: treated as no policy (RFC 8461
   * section 3.3).
   */
  | { readonly kind: 'failed'; readonly failure: StsFailure; readonly why: string }
  /** DNS did not say whether there is a record, and no policy is cached. */
  | { readonly kind: 'unknown'; readonly why: string };

/** One attribute of an `smtp_tls_policy_maps` answer; the value as written. */
export interface PolicyAttribute {
  readonly name: string;
  readonly value: string;
}

/** The answer of another policy server (`published = socketmap:...`). */
export type OtherAnswer =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'policy';
      readonly level: AnsweredLevel;
      /** The attributes that the configured Postfix supports, in order. */
      readonly attributes: readonly PolicyAttribute[];
    }
  | { readonly kind: 'unknown'; readonly why: string };

/** What was found out about one domain. */
export type Published =
  | { readonly kind: 'own'; readonly dane: DaneFact; readonly sts: StsFact }
  | { readonly kind: 'other'; readonly answer: OtherAnswer };

/** What to look up: a next hop, regardless of its spelling. */
export interface PublishedQuestion {
  /** Canonical domain; MX records are looked up unless `host`. */
  readonly name: string;
  /** The next hop had brackets or a port: it is a host, not a domain that could have an MTA-STS policy. */
  readonly host: boolean;
  /** For TLSA: 25 unless the next hop says otherwise. */
  readonly port: number;
  /** Only TLSA records are looked up; MTA-STS counts as absent. */
  readonly daneOnly?: true;
}
