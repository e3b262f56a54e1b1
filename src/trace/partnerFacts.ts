/** What is said about one domain beside the counts: the exceptions that concern it, and what stands for an address. */
import { addDays } from '../archive/day.ts';
import { pseudonymOf, splitAddress } from '../evidence/pseudonym.ts';
import type { Evidence, Range } from './places.ts';
import { domainOf } from './recordKeys.ts';
import type { ExceptionFact, Statement } from './statement.ts';

/** Exceptions are recorded when they are set, and at each start while they are in force. */
const EARLIER_DAYS = 31;

/** Exceptions in force or removed within the range whose row may decide about the domain, each once. */
export function exceptionsOf(evidence: Evidence, domain: string, { from, to }: Range): ExceptionFact[] {
  const found = new Map<string, ExceptionFact>();
  const asked = { from: addDays(from, -EARLIER_DAYS), to };
  for (const { record } of evidence.find(() => [{ kind: 'type', text: 'exception' }], asked)) {
    if (record.type !== 'exception' || !concerns(record.pattern, domain)) continue;
    if (record.change === 'removed' ? record.time.slice(0, 10) < from : record.until < from) continue;
    const key = [record.host, record.change, record.pattern, record.until, record.reason].join('\n');
    if (!found.has(key)) found.set(key, record);
  }
  return [...found.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
}

function concerns(pattern: string, domain: string): boolean {
  if (pattern === '*' || pattern === domain) return true;
  return pattern.startsWith('.') ? domain.endsWith(pattern) : domainOf(pattern) === domain;
}

/** For each address its pseudonyms under the keys that are kept. Null: it is no address. */
export function namedAddress(evidence: Evidence, address: string): Statement['addresses'][number] | null {
  const parts = splitAddress(address);
  if (parts === null || parts.local === '' || parts.domain === '') return null;
  const pseudonyms = evidence.places.flatMap(({ keys }) => keys.map((key) => pseudonymOf(address, key)));
  return { address: `${parts.local}@${parts.domain}`, pseudonyms: [...new Set(pseudonyms)] };
}
