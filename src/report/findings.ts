/**
 * What to do, by harm: mail that was lost on its way out, mail that was refused on its way in, exceptions that should have
 * ended, mail in plaintext, weak encryption, records that are missing; then what could be stricter. Pure. At most
 * MAX_FINDINGS, so that each is read; the parts below have the rest.
 */

import { exposedFindings } from './findingsExposed.ts';
import { lostFindings } from './findingsLost.ts';
import { stricterFindings } from './findingsStricter.ts';
import type { Finding, Report } from './report.ts';
import type { StandingTable } from './standing.ts';
import type { Suggestion } from './suggestions.ts';

const MAX_FINDINGS = 7;

/** A report without the words about it. */
export type Parts = Omit<Report, 'answer' | 'lead' | 'findings'>;

export interface Ground {
  readonly table: StandingTable | null;
  readonly suggestions: readonly Suggestion[];
}

export function findingsOf(parts: Parts, ground: Ground): Finding[] {
  const all = [...lostFindings(parts), ...exposedFindings(parts, ground), ...stricterFindings(parts, ground)];
  // mail that was only put off, and records that are missing, have harmed nobody yet
  return all.sort((a, b) => Number(b.harm) - Number(a.harm)).slice(0, MAX_FINDINGS);
}
