/**
 * Many kept reports as one value: who reports, how many sessions, which failed and why. Pure. All numbers are the
 * reporters' own; they are counted here, and never together with records of ours.
 */
import { dkimWords } from './dkimClaim.ts';
import type { KeptReport } from './keptReport.ts';
import { PolicyModes, type ReportedMode } from './policyModes.ts';
import { isSilent } from './silence.ts';

/** Reporters and causes in the value; the others are in its totals. */
const MAX_REPORTERS = 1000;
const MAX_CAUSES = 2000;
/** Causes that are told apart while reports are counted. */
const MAX_KEYS = 20_000;
const MAX_ADDRESSES = 5;
const MAX_DOMAINS = 20;

/** A UTC day, `2026-11-30`. */
type Day = string;

export interface Reporter {
  /** As it calls itself; '' when it does not. */
  readonly name: string;
  readonly reports: number;
  readonly successful: number;
  readonly failed: number;
  readonly first: Day;
  readonly last: Day;
  /** What a server on the way says of the signature of its last report: `pass for google.com`; 'not known'. */
  readonly signature: string;
  /** It reported often enough that its silence at the end of the period is remarkable. */
  readonly silent: boolean;
}

/** Sessions of one reporter that failed in the same way at the same host. */
export interface ReportedCause {
  /** The name of the reporter. */
  readonly reporter: string;
  /** A result type of RFC 8460 section 4.3, or another word; ''. */
  readonly result: string;
  /** The MX host of ours; '' when the report names none. */
  readonly mxHost: string;
  readonly sessions: number;
  /** All sessions of the policies in which it occurs. */
  readonly of: number;
  readonly domains: readonly string[];
  /** Addresses that the reporter sent from, a few. */
  readonly from: readonly string[];
  /** What the reporter adds, of the last row that has any. */
  readonly reason: string;
  readonly first: Day;
  readonly last: Day;
  /** The hours of the reports that have it: ISO 8601, UTC. */
  readonly start: string;
  readonly end: string;
  /** Is it in the last report about one of the domains, too? */
  readonly current: boolean;
}

export interface ReportedParts {
  readonly reports: number;
  readonly successful: number;
  readonly failed: number;
  /** Those with most failures, then with most sessions. */
  readonly reporters: readonly Reporter[];
  readonly otherReporters: number;
  /** What is still so first, then by sessions. */
  readonly causes: readonly ReportedCause[];
  readonly otherCauses: number;
  readonly modes: readonly ReportedMode[];
}

interface OpenReporter {
  name: string;
  reports: number;
  successful: number;
  failed: number;
  readonly days: Set<Day>;
  lastStart: string;
  signature: string;
  /** Where the hours of the last report about each domain end, by signature: anyone can write in the name of another. */
  readonly lastOf: Map<string, string>;
}

interface OpenCause {
  readonly reporter: OpenReporter;
  readonly result: string;
  readonly mxHost: string;
  sessions: number;
  of: number;
  /** What a server on the way says of the signature of these reports. */
  readonly signature: string;
  /** Where the hours of the last report that has it end, by domain. */
  readonly domains: Map<string, string>;
  last: Day;
  readonly from: Set<string>;
  reason: string;
  start: string;
  end: string;
}

/** `to`: the last day of the period, whose reports come a day later. `reports`: oldest day first. */
export function reportedOf(reports: Iterable<KeptReport>, to: Day): ReportedParts {
  const counting = new Counting();
  for (const report of reports) counting.take(report);
  return counting.result(to);
}

class Counting {
  readonly #reporters = new Map<string, OpenReporter>();
  readonly #causes = new Map<string, OpenCause>();
  readonly #modes = new PolicyModes();
  #reports = 0;
  #untold = 0;

  take(report: KeptReport): void {
    const { organization, start, end, successful, failed, policies } = report;
    const day = start.slice(0, 10);
    const id = organization.toLowerCase();
    const signature = dkimWords(report.dkim);
    let reporter = this.#reporters.get(id);
    if (reporter === undefined) {
      reporter = {
        ...{ name: organization, reports: 0, successful: 0, failed: 0, lastStart: '', signature: '' },
        ...{ days: new Set<Day>(), lastOf: new Map<string, string>() },
      };
      this.#reporters.set(id, reporter);
    }
    this.#reports++;
    reporter.reports++;
    reporter.successful += successful;
    reporter.failed += failed;
    reporter.days.add(day);
    if (start >= reporter.lastStart) Object.assign(reporter, { lastStart: start, signature });
    for (const policy of policies) {
      later(reporter.lastOf, signedAs(signature, policy.domain), end);
      this.#modes.take(policy, id, day);
      const seen = new Set<string>();
      for (const row of policy.failures) {
        const key = JSON.stringify([id, signature, row.result, row.mxHost.toLowerCase()]);
        const cause = this.#cause(key, reporter, signature, row);
        if (cause === null) continue;
        cause.sessions += row.sessions;
        if (!seen.has(key)) cause.of += policy.successful + policy.failed;
        seen.add(key);
        if (cause.domains.has(policy.domain) || cause.domains.size < MAX_DOMAINS)
          later(cause.domains, policy.domain, end);
        if (day > cause.last) cause.last = day;
        if (row.sendingAddress !== '' && cause.from.size < MAX_ADDRESSES) cause.from.add(row.sendingAddress);
        cause.reason = [row.reason, row.information].filter((text) => text !== '').join('; ') || cause.reason;
        if (cause.start === '' || start < cause.start) cause.start = start;
        if (end > cause.end) cause.end = end;
      }
    }
  }

  /** null: there are too many to tell them apart. */
  #cause(
    key: string,
    reporter: OpenReporter,
    signature: string,
    { result, mxHost }: { readonly result: string; readonly mxHost: string },
  ): OpenCause | null {
    const known = this.#causes.get(key);
    if (known !== undefined) return known;
    if (this.#causes.size >= MAX_KEYS) {
      this.#untold++;
      return null;
    }
    const cause: OpenCause = {
      ...{ reporter, signature, result, mxHost, sessions: 0, of: 0, reason: '', start: '', end: '' },
      ...{ domains: new Map<string, string>(), last: '', from: new Set<string>() },
    };
    this.#causes.set(key, cause);
    return cause;
  }

  result(to: Day): ReportedParts {
    const reporters = [...this.#reporters.values()]
      .map((one) => reporterOf(one, to))
      .sort((a, b) => b.failed - a.failed || b.successful - a.successful || compare(a.name, b.name));
    const causes = [...this.#causes.values()]
      .map(causeOf)
      .sort((a, b) => Number(b.current) - Number(a.current) || b.sessions - a.sessions);
    return {
      reports: this.#reports,
      successful: reporters.reduce((sum, one) => sum + one.successful, 0),
      failed: reporters.reduce((sum, one) => sum + one.failed, 0),
      reporters: reporters.slice(0, MAX_REPORTERS),
      otherReporters: Math.max(0, reporters.length - MAX_REPORTERS),
      causes: causes.slice(0, MAX_CAUSES),
      otherCauses: this.#untold + Math.max(0, causes.length - MAX_CAUSES),
      modes: this.#modes.result(),
    };
  }
}

function signedAs(signature: string, domain: string): string {
  return JSON.stringify([signature, domain]);
}

/** Keeps the later one of two times. */
function later(times: Map<string, string>, key: string, time: string): void {
  if (time > (times.get(key) ?? '')) times.set(key, time);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function reporterOf({ name, reports, successful, failed, days, signature }: OpenReporter, to: Day): Reporter {
  const sorted = [...days].sort();
  const [first = '', last = ''] = [sorted[0], sorted.at(-1)];
  const silent = isSilent(sorted, to);
  return { name, reports, successful, failed, first, last, signature, silent };
}

function causeOf({
  reporter,
  domains,
  from,
  start,
  end,
  result,
  mxHost,
  sessions,
  of,
  reason,
  last,
  signature,
}: OpenCause): ReportedCause {
  return {
    ...{ reporter: reporter.name, result, mxHost, sessions, of },
    domains: [...domains.keys()],
    from: [...from],
    reason,
    first: start.slice(0, 10),
    ...{ last, start, end },
    current: [...domains].some(([domain, time]) => reporter.lastOf.get(signedAs(signature, domain)) === time),
  };
}
