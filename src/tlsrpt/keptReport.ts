/**
 * What is kept of a report: the policies about us, with rows of failures that say the same put together, so that a
 * report of the largest size takes no more than some hundred KiB. The same value is what `--json` prints.
 */
import type { DkimClaim } from './dkimClaim.ts';
import type { ReadReport } from './readReport.ts';
import type { ReportedFailure, ReportedPolicy } from './report.ts';

/** Version of the fields, `v`. */
export const KEPT_VERSION = 1;
const MAX_KEPT_POLICIES = 100;
/** Rows of all policies together. */
const MAX_KEPT_FAILURES = 500;

export interface KeptReport {
  readonly v: typeof KEPT_VERSION;
  readonly organization: string;
  readonly contact: string;
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly start: string;
  readonly end: string;
  /** Sessions of all policies about us, those that are left out below, too. */
  readonly successful: number;
  readonly failed: number;
  /** Those with most failures, then with most sessions. */
  readonly policies: readonly KeptPolicy[];
  /** Policies about us that are left out, and policies about other domains. */
  readonly morePolicies: number;
  readonly others: number;
  readonly dkim: DkimClaim | null;
  /** What is not as RFC 8460 has it, in words. */
  readonly quirks: readonly string[];
}

interface KeptPolicy extends ReportedPolicy {
  /** Rows of failures that are left out, and the sessions in them. */
  readonly moreRows: number;
  readonly moreSessions: number;
}

/** `policies`: those about us. */
export function keptReport(
  { report, quirks, dkim }: Pick<ReadReport, 'report' | 'quirks' | 'dkim'>,
  policies: readonly ReportedPolicy[],
  others: number,
): KeptReport {
  const { organization, contact, id, start, end } = report;
  const ordered = [...policies].sort((a, b) => b.failed - a.failed || b.successful - a.successful);
  let room = MAX_KEPT_FAILURES;
  const kept = ordered.slice(0, MAX_KEPT_POLICIES).map((policy): KeptPolicy => {
    const rows = together(policy.failures);
    const failures = rows.slice(0, room);
    room -= failures.length;
    const left = rows.slice(failures.length);
    return {
      ...policy,
      failures,
      moreRows: left.length,
      moreSessions: sum(left, ({ sessions }) => sessions),
    };
  });
  return {
    v: KEPT_VERSION,
    organization,
    contact,
    id,
    start,
    end,
    successful: sum(policies, ({ successful }) => successful),
    failed: sum(policies, ({ failed }) => failed),
    policies: kept,
    morePolicies: policies.length - kept.length,
    others,
    dkim,
    quirks: [...new Set(quirks)],
  };
}

function sum<T>(list: readonly T[], numberOf: (one: T) => number): number {
  return list.reduce((total, one) => total + numberOf(one), 0);
}

/** Rows that differ in nothing but the number of sessions are one; those with most sessions first. */
function together(failures: readonly ReportedFailure[]): ReportedFailure[] {
  const rows = new Map<string, { row: ReportedFailure; sessions: number }>();
  for (const row of failures) {
    const { sessions, ...rest } = row;
    const key = JSON.stringify(Object.values(rest));
    const known = rows.get(key);
    if (known === undefined) rows.set(key, { row, sessions });
    else known.sessions += sessions;
  }
  return [...rows.values()]
    .map(({ row, sessions }) => ({ ...row, sessions }))
    .sort((a, b) => b.sessions - a.sessions);
}
