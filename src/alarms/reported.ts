/**
 * What others report about sessions to us, as a look of the alarms and as figures: a claim of each reporter, judged by its
 * last report about each domain. Pure.
 *
 * A reporter is the name that it gives itself and what a server on the way says of its signature: so a report that
 * anybody has written in the name of another neither ends nor changes the alarm of a signed one.
 */
import { count } from '../core/plural.ts';
import { dkimWords } from '../tlsrpt/dkimClaim.ts';
import type { KeptReport } from '../tlsrpt/keptReport.ts';
import { lookCommand, mendOf, resultWords } from '../tlsrpt/resultWords.ts';
import type { Condition, Look } from './condition.ts';

/** From so large a share of the reporter's sessions about a domain on, or from so many sessions on, it is an alarm. */
const LEAST_SHARE = 0.01;
const LEAST_SESSIONS = 50;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A reporter with sessions reports again within this time after the last hours that it reported. */
const RECENT_MS = 3 * DAY_MS;
/** Older reports say nothing any more. */
export const KEPT_DAYS = 8;
/** Hours of a report that are yet to come are those of a wrong clock, or of somebody who wants the last word. */
const AHEAD_MS = 26 * HOUR_MS;
/** So many at once are told as one. */
const MANY = 5;
const MAX_NAME = 60;
const MAX_SHOWN = 10;
/** Kept of one report: those with most failures. */
const MAX_POLICIES = 20;
const MAX_ROWS = 10;

/** What is kept of a report. */
export interface ReportSummary {
  readonly name: string;
  /** Name and signature. */
  readonly reporter: string;
  readonly signature: string;
  /** Milliseconds since the epoch. */
  readonly endMs: number;
  readonly successful: number;
  readonly failed: number;
  readonly policies: readonly {
    readonly domain: string;
    readonly sessions: number;
    readonly failures: readonly {
      readonly result: string;
      readonly mxHost: string;
      readonly sessions: number;
    }[];
  }[];
}

/** Figures of the last seven days of reports. */
export interface ReportedWeek {
  readonly reporters: number;
  readonly successful: number;
  readonly failed: number;
}

export function summaryOf({
  organization,
  end,
  successful,
  failed,
  policies,
  dkim,
}: KeptReport): ReportSummary {
  const signature = dkimWords(dkim);
  let room = MAX_ROWS;
  return {
    ...{ name: organization, reporter: `${organization.toLowerCase()} ${signature}`, signature },
    ...{ endMs: Date.parse(end), successful, failed },
    policies: policies.slice(0, MAX_POLICIES).map((policy) => {
      const failures = policy.failures.slice(0, room);
      room -= failures.length;
      return {
        domain: policy.domain,
        sessions: policy.successful + policy.failed,
        failures: failures.map(({ result, mxHost, sessions }) => ({ result, mxHost, sessions })),
      };
    }),
  };
}

export function weekOf(reports: readonly ReportSummary[], nowMs: number): ReportedWeek {
  const week = reports.filter(({ endMs }) => endMs >= nowMs - 7 * DAY_MS && endMs <= nowMs + AHEAD_MS);
  return {
    reporters: new Set(week.map(({ name }) => name.toLowerCase())).size,
    successful: week.reduce((sum, one) => sum + one.successful, 0),
    failed: week.reduce((sum, one) => sum + one.failed, 0),
  };
}

/** The last report of a reporter about a domain; several with the same hours are one. */
interface Last {
  readonly report: ReportSummary;
  readonly domain: string;
  sessions: number;
  /** Sessions by result type, and the host with most of them. */
  readonly causes: Map<string, { sessions: number; mxHost: string; most: number }>;
}

interface Failing {
  readonly name: string;
  readonly result: string;
  sessions: number;
  of: number;
  mxHost: string;
  most: number;
  endMs: number;
  signature: string;
  readonly domains: Set<string>;
}

export function reportedLook(reports: readonly ReportSummary[], nowMs: number): Look {
  const found = new Map<string, Failing>();
  for (const { report, domain, sessions, causes } of lastOf(reports, nowMs))
    for (const [result, cause] of causes) {
      if (cause.sessions < LEAST_SESSIONS && cause.sessions < LEAST_SHARE * sessions) continue;
      const { name, endMs, signature } = report;
      const key = JSON.stringify([name.toLowerCase(), result]);
      const none = { name, result, sessions: 0, of: 0, mxHost: '', most: 0, endMs: 0, signature };
      const one = found.get(key) ?? { ...none, domains: new Set<string>() };
      found.set(key, one);
      one.sessions += cause.sessions;
      one.of += sessions;
      one.domains.add(domain);
      if (cause.most > one.most) Object.assign(one, { mxHost: cause.mxHost, most: cause.most });
      if (endMs > one.endMs) Object.assign(one, { endMs, signature });
    }
  return { conditions: manyAsOne([...found.values()].map((one) => conditionOf(one, nowMs))), unjudged: [] };
}

function lastOf(reports: readonly ReportSummary[], nowMs: number): Iterable<Last> {
  const last = new Map<string, Last>();
  for (const report of reports) {
    if (report.endMs > nowMs + AHEAD_MS || report.endMs < nowMs - KEPT_DAYS * DAY_MS) continue;
    for (const { domain, sessions, failures } of report.policies) {
      const key = JSON.stringify([report.reporter, domain]);
      let one = last.get(key);
      if (one !== undefined && one.report.endMs > report.endMs) continue;
      if (one === undefined || one.report.endMs < report.endMs) {
        one = { report, domain, sessions: 0, causes: new Map() };
        last.set(key, one);
      }
      one.sessions += sessions;
      for (const row of failures) {
        const cause = one.causes.get(row.result) ?? { sessions: 0, mxHost: '', most: 0 };
        one.causes.set(row.result, cause);
        cause.sessions += row.sessions;
        if (row.sessions > cause.most) Object.assign(cause, { mxHost: row.mxHost, most: row.sessions });
      }
    }
  }
  return last.values();
}

function conditionOf(
  { name, result, sessions, of, mxHost, endMs, signature, domains }: Failing,
  nowMs: number,
): Condition {
  const who = name === '' ? 'a reporter without a name' : cut(name);
  const words = cut(resultWords(result));
  const day = new Date(endMs).toISOString().slice(0, 10);
  const [domain = ''] = domains;
  const look = lookCommand(result, mxHost.toLowerCase(), domain);
  return {
    kind: 'reported-failures',
    subject: `${who}, ${result === '' ? 'no reason' : cut(result)}`,
    severity: 'warning',
    level: nowMs - endMs < RECENT_MS ? 'bad' : 'unknown',
    since: endMs,
    clearMs: 0,
    summary: `${who} reports of ${day}: ${sessions} of ${count(of, 'session')} to us failed${mxHost === '' ? '' : ` at ${cut(mxHost)}`}: ${words} (signature: ${cut(signature)})`,
    count: sessions,
    domains: [...domains].slice(0, MAX_SHOWN),
    advice: [
      `tlsward tlsrpt list --failed --full --since ${day}    (with what our records say of those hours)`,
      ...(look === '' ? [] : [look]),
      mendOf(result).replaceAll('`', '"'),
    ],
  };
}

/** Many at once have one cause, or one author: then a single one neither begins nor ends. */
function manyAsOne(conditions: readonly Condition[]): readonly Condition[] {
  const bad = conditions.filter(({ level }) => level === 'bad').sort((a, b) => b.count - a.count);
  const [first] = bad;
  if (first === undefined || bad.length < MANY) return conditions;
  const all: Condition = {
    ...first,
    subject: '',
    summary: `${bad.length} reporters or causes; the first: ${first.summary}`,
    count: bad.reduce((sum, one) => sum + one.count, 0),
    domains: [...new Set(bad.flatMap(({ domains }) => domains))].slice(0, MAX_SHOWN),
  };
  return [
    all,
    ...conditions.map((one) => (one.level === 'bad' ? ({ ...one, level: 'between' } as const) : one)),
  ];
}

function cut(text: string): string {
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}...` : text;
}
