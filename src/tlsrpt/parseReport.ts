/**
 * A JSON value to a report (RFC 8460 section 4.4), in all the forms that reporters write. What is accepted beyond the
 * RFC, each named in `quirks`, so that nobody takes the report for something that it is not:
 *
 * - a time without a zone (Microsoft; it is UTC), with another zone, with a fraction, or only a day;
 * - fields that are null, absent or empty where a text, a list or a number belongs;
 * - one text where a list belongs (`mx-host`: erratum 6241), `mx-host-pattern` for `mx-host`, and
 *   `additional-info-uri` for `additional-information`, the names of drafts;
 * - a number as a text;
 * - `policy-domain` in another case, with a final dot or as U-labels; left out with `no-policy-found`.
 *
 * Refused is what would make a number wrong: a count that is none, more policies or rows than are read, and a report
 * that does not say for which hours it is. Texts are cut and escaped (core/escape.ts).
 */
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { ReportRefused } from './refusal.ts';
import type { ReportedFailure, ReportedPolicy, TlsReport } from './report.ts';
import { instantOf } from './reportTime.ts';

const MAX_POLICIES = 10_000;
const MAX_FAILURES = 100_000;
/** Texts of one list that are kept: lines of a policy, MX hosts. */
const MAX_LIST = 100;
const MAX_TEXT = 512;

interface ParsedReport {
  readonly report: TlsReport;
  /** What is not as the RFC has it, in words, each once. */
  readonly quirks: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws ReportRefused. */
export function parseReport(value: unknown): ParsedReport {
  const reader = new Reader();
  const report = reader.report(value);
  return { report, quirks: [...reader.quirks] };
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

class Reader {
  readonly quirks = new Set<string>();
  #failures = 0;

  report(value: unknown): TlsReport {
    const fields = fieldsOf(value);
    const policies = fields?.policies;
    if (fields === null || !Array.isArray(policies))
      throw new ReportRefused('not-a-report', 'no list "policies"', 'an object that has it');
    if (policies.length > MAX_POLICIES)
      throw new ReportRefused('too-many-policies', `${policies.length}`, `at most ${MAX_POLICIES}`);
    const range = fieldsOf(fields['date-range']);
    const [start, end] = [this.time(range, 'start-datetime'), this.time(range, 'end-datetime')];
    if (end < start) throw new ReportRefused('no-range', 'an end before its start', 'the hours in order');
    return {
      organization: this.text(fields, 'organization-name'),
      contact: this.text(fields, 'contact-info'),
      id: this.text(fields, 'report-id'),
      start,
      end,
      policies: policies.map((one) => this.policy(one)),
    };
  }

  time(range: Fields | null, name: string): string {
    const found = range?.[name];
    const instant = typeof found === 'string' ? instantOf(found) : null;
    if (instant === null) {
      const shown = typeof found === 'string' ? `"${escapeText(found, 40)}"` : 'none';
      throw new ReportRefused('no-range', `${shown} for ${name}`, 'a time such as 2026-11-30T00:00:00Z');
    }
    if (instant.quirk !== '') this.quirks.add(`${name} ${instant.quirk}`);
    return instant.time;
  }

  policy(value: unknown): ReportedPolicy {
    const fields = fieldsOf(value);
    // one writer leaves the object around the policy out
    const policy = fieldsOf(fields?.policy) ?? fields;
    if (fields === null || policy === null)
      throw new ReportRefused('not-a-report', 'a policy that is no object', 'objects in "policies"');
    const failures = this.failures(fields['failure-details']);
    const summary = fieldsOf(fields.summary);
    if (summary === null) this.quirks.add('a policy has no summary');
    const failed = this.sessions(summary, 'total-failure-session-count');
    const type = this.text(policy, 'policy-type').toLowerCase();
    return {
      domain: this.domain(policy, type),
      type,
      strings: this.list(policy, 'policy-string'),
      mxHosts: this.list(policy, policy['mx-host'] === undefined ? 'mx-host-pattern' : 'mx-host'),
      successful: this.sessions(summary, 'total-successful-session-count') ?? 0,
      failed: failed ?? failures.reduce((sum, { sessions }) => sum + sessions, 0),
      failures,
    };
  }

  domain(policy: Fields, type: string): string {
    const found = policy['policy-domain'];
    const written = typeof found === 'string' ? found.trim() : '';
    if (written === '') {
      this.quirks.add(`policy-domain is missing${type === 'no-policy-found' ? ' with no-policy-found' : ''}`);
      return '';
    }
    const domain = written.length > 1024 ? null : canonicalDomain(written);
    if (domain === null) {
      this.quirks.add('a policy-domain is no domain');
      return '';
    }
    if (domain !== written) this.quirks.add('policy-domain is written in another way');
    return domain;
  }

  failures(value: unknown): ReportedFailure[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.quirks.add('failure-details is no list');
      const one = fieldsOf(value);
      return one === null ? [] : [this.failure(one)];
    }
    this.#failures += value.length;
    if (this.#failures > MAX_FAILURES)
      throw new ReportRefused('too-many-failures', `${this.#failures} or more`, `at most ${MAX_FAILURES}`);
    return value.map((one) => {
      const fields = fieldsOf(one);
      if (fields === null) throw new ReportRefused('not-a-report', 'a failure that is no object', 'objects');
      return this.failure(fields);
    });
  }

  failure(fields: Fields): ReportedFailure {
    const draft = fields['additional-information'] === undefined && 'additional-info-uri' in fields;
    if (draft) this.quirks.add('additional-info-uri is the name of a draft');
    return {
      result: this.text(fields, 'result-type').toLowerCase(),
      sessions: this.sessions(fields, 'failed-session-count') ?? 0,
      sendingAddress: this.text(fields, 'sending-mta-ip'),
      mxHost: this.text(fields, 'receiving-mx-hostname'),
      mxHelo: this.text(fields, 'receiving-mx-helo'),
      mxAddress: this.text(fields, 'receiving-ip'),
      information: this.text(fields, draft ? 'additional-info-uri' : 'additional-information'),
      reason: this.text(fields, 'failure-reason-code'),
    };
  }

  /** null: it is not said. */
  sessions(fields: Fields | null, name: string): number | null {
    const found = fields?.[name];
    if (found === undefined || found === null) {
      if (fields !== null) this.quirks.add(`${name} is missing`);
      return null;
    }
    const number = typeof found === 'string' && /^[0-9]{1,15}$/.test(found) ? Number(found) : found;
    if (number !== found) this.quirks.add(`${name} is a text`);
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    const shown =
      typeof found === 'string' || typeof found === 'number' ? escapeText(String(found), 40) : '?';
    throw new ReportRefused('bad-count', `${shown} for ${name}`, 'a whole number from 0');
  }

  text(fields: Fields, name: string): string {
    const found = fields[name];
    if (found === null) this.quirks.add(`${name} is null`);
    if (found === '') this.quirks.add(`${name} is empty`);
    return textOf(found);
  }

  list(fields: Fields, name: string): readonly string[] {
    const found = fields[name];
    if (found === undefined) return [];
    if (name === 'mx-host-pattern') this.quirks.add('mx-host-pattern is the name of a draft');
    if (found === null) this.quirks.add(`${name} is null`);
    if (typeof found === 'string') this.quirks.add(`${name} is no list`);
    const texts: readonly unknown[] = Array.isArray(found) ? found.slice(0, MAX_LIST) : [found];
    return texts.map(textOf).filter((text) => text !== '');
  }
}

/** A number is shown as it is; anything else that is no text is ''. */
function textOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? escapeText(value.slice(0, MAX_TEXT).trim(), MAX_TEXT) : '';
}
