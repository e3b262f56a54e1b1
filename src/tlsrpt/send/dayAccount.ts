/**
 * Counts the sessions of a day by policy domain, policy and reason, within a limit in bytes. Pure.
 *
 * What does not fit is left out and counted: of a policy the further reasons are folded into one row for each result type,
 * of the day the domains that come last.
 */
import { ENTRY_BYTES, textBytes } from '../../core/memorySize.ts';
import type { ReportedFailure } from '../report.ts';

export type PolicyType = 'tlsa' | 'sts' | 'no-policy-found';

export interface Policy {
  /** `secure`: the server had to be verified by these names; whether they are of an MTA-STS policy is to be found out. */
  readonly type: PolicyType | 'secure';
  /** Canonical. For `tlsa` the TLSA base domain, which is that of the MX host (RFC 7672 section 2.2.3). */
  readonly domain: string;
  /** TLSA records, lines of the MTA-STS policy; of `secure` the names. */
  readonly strings: readonly string[];
  readonly mxHosts: readonly string[];
  /** The server, where it must still be found out whether it is an MX host of the domain; ''. */
  readonly server: string;
}

/** A text that is not known is ''. */
export type Failure = Omit<ReportedFailure, 'sessions'>;

export interface Session {
  /** Canonical: whose mail it was. */
  readonly domain: string;
  readonly policy: Policy;
  readonly ok: boolean;
  /** At least one when it is known why it failed. */
  readonly failures: readonly Failure[];
}

/** The sessions of a domain under one policy. */
export interface Counted {
  readonly policy: Policy;
  readonly successful: number;
  readonly failed: number;
  readonly failures: readonly ReportedFailure[];
}

export interface DomainCounts {
  readonly domain: string;
  readonly policies: readonly Counted[];
}

interface Sums {
  readonly policy: Policy;
  successful: number;
  failed: number;
  readonly failures: Map<string, { readonly failure: Failure; sessions: number }>;
}

const LIMIT_BYTES = 96 * 1024 * 1024;
/** Reasons that are told apart under one policy. */
const MAX_ROWS = 100;

export class DayAccount {
  readonly #domains = new Map<string, Map<string, Sums>>();
  readonly #limit: number;
  #bytes = 0;
  /** Sessions that found no room. */
  left = 0;

  constructor(limitBytes = LIMIT_BYTES) {
    this.#limit = limitBytes;
  }

  add({ domain, policy, ok, failures }: Session): void {
    const sums = this.#sums(domain, policy);
    if (sums === null) {
      this.left++;
      return;
    }
    if (ok) {
      sums.successful++;
      return;
    }
    sums.failed++;
    for (const failure of failures) this.#fail(sums, failure);
  }

  #sums(domain: string, policy: Policy): Sums | null {
    let policies = this.#domains.get(domain);
    const key = JSON.stringify([
      policy.type,
      policy.domain,
      policy.server,
      ...policy.strings,
      '',
      ...policy.mxHosts,
    ]);
    const known = policies?.get(key);
    if (known !== undefined) return known;
    // the key has all texts of the policy, which are kept beside it
    const bytes = 2 * ENTRY_BYTES + 2 * textBytes(key);
    if (this.#bytes + bytes > this.#limit) return null;
    this.#bytes += bytes;
    if (policies === undefined) {
      policies = new Map();
      this.#bytes += ENTRY_BYTES + textBytes(domain);
      this.#domains.set(domain, policies);
    }
    const sums: Sums = { policy, successful: 0, failed: 0, failures: new Map() };
    policies.set(key, sums);
    return sums;
  }

  #fail(sums: Sums, failure: Failure): void {
    for (const one of [failure, { ...NOTHING, result: failure.result }]) {
      const key = JSON.stringify(Object.values(one));
      const row = sums.failures.get(key);
      if (row !== undefined) {
        row.sessions++;
        return;
      }
      const bytes = ENTRY_BYTES + 2 * textBytes(key);
      const folded = one !== failure;
      if (!folded && (sums.failures.size >= MAX_ROWS || this.#bytes + bytes > this.#limit)) continue;
      // there are eleven result types, so these always fit
      this.#bytes += bytes;
      sums.failures.set(key, { failure: one, sessions: 1 });
      return;
    }
  }

  /** By domain. */
  finish(): DomainCounts[] {
    return [...this.#domains]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([domain, policies]) => ({ domain, policies: [...policies.values()].map(counted) }));
  }
}

const NOTHING: Failure = {
  result: '',
  sendingAddress: '',
  mxHost: '',
  mxHelo: '',
  mxAddress: '',
  information: '',
  reason: '',
};

function counted({ policy, successful, failed, failures }: Sums): Counted {
  const rows = [...failures.values()].map(({ failure, sessions }) => ({ ...failure, sessions }));
  return { policy, successful, failed, failures: rows.sort((a, b) => b.sessions - a.sessions) };
}

/** Counts under the same policy become one, in the order in which each comes first. */
export function merged(all: readonly Counted[]): Counted[] {
  const byPolicy = new Map<string, Sums>();
  for (const { policy, successful, failed, failures } of all) {
    const key = JSON.stringify([policy.type, policy.domain, policy.strings, policy.mxHosts]);
    let sums = byPolicy.get(key);
    if (sums === undefined) {
      sums = { policy: { ...policy, server: '' }, successful: 0, failed: 0, failures: new Map() };
      byPolicy.set(key, sums);
    }
    sums.successful += successful;
    sums.failed += failed;
    for (const { sessions, ...failure } of failures) {
      const row = JSON.stringify(Object.values(failure));
      const known = sums.failures.get(row);
      if (known === undefined) sums.failures.set(row, { failure, sessions });
      else known.sessions += sessions;
    }
  }
  return [...byPolicy.values()].map(counted);
}
