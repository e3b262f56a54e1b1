/**
 * A report as the object that RFC 8460 section 4.4 has. Pure. It holds no local parts: texts of records have none, and lose
 * them here once more, because files can be edited. Everything but printable ASCII stays as records write it, `\u{hex}`.
 */
import { createHash } from 'node:crypto';
import { escapeLine } from '../../core/escape.ts';
import { withoutLocalParts } from '../../evidence/lineText.ts';
import type { ReportedFailure } from '../report.ts';
import type { Counted } from './dayAccount.ts';

/** Who reports. */
export interface Reporter {
  readonly organization: string;
  /** An address: where questions go, and whom the message is from. */
  readonly contact: string;
  /** Of this host, so that two hosts of one organization write different reports. */
  readonly host: string;
}

type Json = string | number | readonly Json[] | { readonly [name: string]: Json | undefined };

/** The domain that reports, which signs the message (RFC 8460 section 5.3, TLS-Report-Submitter). */
export function submitterOf({ contact }: Pick<Reporter, 'contact'>): string {
  return contact.slice(contact.lastIndexOf('@') + 1).toLowerCase();
}

/** The same whenever it is made: who gets it twice can tell. */
export function reportIdOf(reporter: Reporter, day: string, domain: string): string {
  const hash = createHash('sha256').update(`${reporter.host}\n${day}\n${domain}`).digest('hex').slice(0, 16);
  return `${day}.${hash}@${submitterOf(reporter)}`;
}

const MAX_TEXT = 512;

function shown(text: string): string {
  return escapeLine(withoutLocalParts(text), MAX_TEXT);
}

/** undefined: it is left out. */
function known(text: string): string | undefined {
  return text === '' ? undefined : shown(text);
}

function listed(texts: readonly string[]): readonly string[] | undefined {
  return texts.length === 0 ? undefined : texts.map(shown);
}

/** `day`: `2026-11-30`, UTC. */
export function reportJson(
  reporter: Reporter,
  day: string,
  domain: string,
  policies: readonly Counted[],
): Json {
  return {
    'organization-name': reporter.organization,
    'date-range': { 'start-datetime': `${day}T00:00:00Z`, 'end-datetime': `${day}T23:59:59Z` },
    'contact-info': reporter.contact,
    'report-id': reportIdOf(reporter, day, domain),
    policies: policies.map(policyJson),
  };
}

function policyJson({ policy, successful, failed, failures }: Counted): Json {
  return {
    policy: {
      'policy-type': policy.type,
      'policy-string': listed(policy.strings),
      'policy-domain': policy.domain,
      'mx-host': listed(policy.mxHosts),
    },
    summary: { 'total-successful-session-count': successful, 'total-failure-session-count': failed },
    'failure-details': failures.length === 0 ? undefined : failures.map(failureJson),
  };
}

function failureJson(one: ReportedFailure): Json {
  return {
    'result-type': one.result,
    'sending-mta-ip': known(one.sendingAddress),
    'receiving-mx-hostname': known(one.mxHost),
    'receiving-mx-helo': known(one.mxHelo),
    'receiving-ip': known(one.mxAddress),
    'failed-session-count': one.sessions,
    'additional-information': known(one.information),
    'failure-reason-code': known(one.reason),
  };
}
