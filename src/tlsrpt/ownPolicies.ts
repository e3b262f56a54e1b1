/**
 * Which policies of a report are about us. Anyone can send a report about any domain, so what is not about a domain
 * of ours is left out, and a report of which nothing is left is refused.
 *
 * Ours is a domain that is named, and what is below it: DANE results may be about an MX host (RFC 8460 section 3). A
 * policy that names no domain is taken for the one that the message names, or for the only one that we have.
 */
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import type { ReadReport } from './readReport.ts';
import { ReportRefused } from './refusal.ts';
import type { ReportedPolicy } from './report.ts';

interface OwnPolicies {
  readonly policies: readonly ReportedPolicy[];
  /** Policies about other domains. */
  readonly others: number;
}

/** Is the canonical domain ours? */
export type IsOwn = (domain: string) => boolean;

/** By names; `only`, the single one there is. */
export function ownOf(domains: readonly string[]): { readonly isOwn: IsOwn; readonly only: string } {
  const known = new Set(domains);
  const isOwn = (domain: string): boolean => {
    for (let at = 0; ; at = domain.indexOf('.', at) + 1) {
      if (known.has(domain.slice(at))) return true;
      if (domain.indexOf('.', at) < 0) return false;
    }
  };
  return { isOwn, only: known.size === 1 ? domains[0]! : '' };
}

/** Throws ReportRefused when nothing is about us. */
export function ownPolicies(
  { report, namedDomain }: Pick<ReadReport, 'report' | 'namedDomain'>,
  isOwn: IsOwn,
  only: string,
): OwnPolicies {
  const named = canonicalDomain(namedDomain.slice(0, 1024)) ?? '';
  const assumed = isOwn(named) ? named : only;
  const policies = report.policies
    .map((policy) => (policy.domain === '' ? { ...policy, domain: assumed } : policy))
    .filter(({ domain }) => domain !== '' && isOwn(domain));
  if (policies.length > 0) return { policies, others: report.policies.length - policies.length };
  const about = report.policies[0]?.domain ?? '';
  const found = about === '' ? 'no domain' : escapeText(about);
  throw new ReportRefused('not-own', found, 'a domain of local-domains, of a row, or of --own-domains');
}
