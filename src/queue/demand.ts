/**
 * What holds mail to a domain to a level: a rule, whose suffix the address has, or a row of the table. Pure.
 *
 * Postfix asks for the next hop, which is the recipient's domain unless a relayhost or a transport table says
 * otherwise; the queue does not tell it.
 */
import { canonicalDomain } from '../core/domain.ts';
import { formatPosition } from '../core/position.ts';
import type { PolicyTable } from '../core/table.ts';
import { decideNextHop } from '../deliver/deliver.ts';
import { readRoute } from '../rules/recipientSuffix.ts';

export interface Demand {
  /** As Postfix calls it, `auto` for what the domain publishes, '' when the table leaves it to the MTA. */
  readonly level: string;
  /** `[domain bank.example]` as it is written, and `FILE:LINE`; '' without a row. */
  readonly pattern: string;
  readonly at: string;
  /** A rule about single messages demands it, not the row. */
  readonly byRule: boolean;
  /** Is the row an exception? */
  readonly exception: boolean;
}

/** The next hop of an address, canonical where it is a domain, '' without a domain; and what its suffix demands. */
export function nextHopOfAddress(address: string): { readonly domain: string; readonly rule: string } {
  const written = address.slice(address.lastIndexOf('@') + 1).slice(0, 1024);
  if (!address.includes('@')) return { domain: '', rule: '' };
  const route = readRoute(written);
  const rule = route.kind === 'routed' && route.route.end !== 'row' ? route.route.end : '';
  const domain = route.kind === 'routed' ? route.domain : written;
  return { domain: canonicalDomain(domain) ?? domain.toLowerCase(), rule };
}

/** `table`: null: there is none that can be read. */
export function demandOf(domain: string, rule: string, table: PolicyTable | null): Demand {
  const none = { level: '', pattern: '', at: '', byRule: false, exception: false };
  if (rule !== '') return { ...none, level: rule, byRule: true };
  if (table === null || domain === '') return none;
  const decision = decideNextHop(table, domain, 'none');
  const { row } = decision;
  const said = {
    pattern: row?.pattern ?? '',
    at: row === null ? '' : formatPosition(row.at),
    byRule: false,
    exception: row?.settings.lineage[0]?.startsWith('exception ') === true,
  };
  switch (decision.kind) {
    case 'policy':
      return { ...said, level: decision.policy.level };
    case 'needs':
      return { ...said, level: 'auto' };
    case 'silent':
    case 'trouble':
      return { ...said, level: '' };
  }
}
