/**
 * Asks DNS for the STS record of a domain, and returns how long the answer may be cached.
 *
 * Sources: RFC 8461 section 3.1; the grammar is in record.ts.
 */
import type { Resolver } from '../dns/resolver.ts';
import { readStsRecords } from './record.ts';

/** `keepMs`: its TTL, but neither less than a minute nor more than an hour. */
type StsTxt =
  | { readonly kind: 'present'; readonly id: string; readonly keepMs: number }
  | { readonly kind: 'absent'; readonly keepMs: number }
  | { readonly kind: 'unknown'; readonly why: string };

export const MIN_KEEP_MS = 60_000;
const MAX_KEEP_MS = 3_600_000;

/** `domain`: canonical, at most MAX_POLICY_DOMAIN characters. */
export async function lookUpStsTxt(resolver: Resolver, domain: string): Promise<StsTxt> {
  const answer = await resolver.txt(`_mta-sts.${domain}`);
  if (answer.kind === 'unknown') return answer;
  const keepMs = Math.min(Math.max(answer.ttlSeconds * 1000, MIN_KEEP_MS), MAX_KEEP_MS);
  const record = readStsRecords(answer.kind === 'found' ? answer.records : []);
  return record.kind === 'present' ? { kind: 'present', id: record.id, keepMs } : { kind: 'absent', keepMs };
}
