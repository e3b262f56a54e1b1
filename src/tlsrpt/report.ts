/**
 * A report about TLS sessions (RFC 8460 section 4) as one plain value, whatever form its writer gave it. All texts are
 * the reporter's: they were bounded and escaped, and nothing proves them.
 */

export interface TlsReport {
  /** Who reports; '' when the report does not say. */
  readonly organization: string;
  /** An address or a URL; ''. */
  readonly contact: string;
  readonly id: string;
  /** The hours of the report: ISO 8601, UTC. */
  readonly start: string;
  readonly end: string;
  readonly policies: readonly ReportedPolicy[];
}

export interface ReportedPolicy {
  /** Canonical; '' when the report names none. */
  readonly domain: string;
  /** `tlsa`, `sts`, `no-policy-found`, or another word. */
  readonly type: string;
  /** Lines of the MTA-STS policy, or TLSA records. */
  readonly strings: readonly string[];
  readonly mxHosts: readonly string[];
  /** Sessions. */
  readonly successful: number;
  readonly failed: number;
  readonly failures: readonly ReportedFailure[];
}

/** Why sessions failed; a text that is not said is ''. */
export interface ReportedFailure {
  /** A result type of RFC 8460 section 4.3, or another word. */
  readonly result: string;
  readonly sessions: number;
  readonly sendingAddress: string;
  readonly mxHost: string;
  readonly mxHelo: string;
  readonly mxAddress: string;
  readonly information: string;
  readonly reason: string;
}
