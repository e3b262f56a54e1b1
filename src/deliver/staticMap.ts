/**
 * The fallback table for when tlsward is down: domains that must never be sent in plaintext, as entries of a
 * static table that Postfix consults before it asks the daemon. While the daemon does not answer, mail for
 * them still leaves under TLS; all other mail waits.
 *
 * These entries answer before the daemon, so they must equal the daemon's answer at any time:
 * - A row that leaves the level to Postfix cannot be an entry. Below an exported `.suffix` Postfix would find
 *   the suffix after the daemon's "not found", so a suffix with such a row below it is left out.
 * - A row with a level without mandatory TLS becomes an entry only below an exported suffix, which would
 *   otherwise apply instead of it.
 * - The level of a row with `auto` depends on what the domain publishes, and its floor alone could be weaker.
 *   Such a row becomes an entry only if the caller asks for the floor.
 * - Addresses, `<>` and `*` are not keys of `smtp_tls_policy_maps`.
 *
 * Source: Postfix `src/smtp/smtp_tls_policy.c`, policy_client: the whole name in all tables, then `.parent`
 * in all tables; a table that fails ends the lookup.
 */

import type { PolicyTable } from '../core/table.ts';
import { type DeliverPolicy, decideRowItself } from './deliver.ts';
import { mandatory } from './level.ts';

interface StaticEntry {
  /** The key by which Postfix asks. */
  readonly key: string;
  readonly policy: DeliverPolicy;
}

export interface StaticMap {
  /** Sorted by key. */
  readonly entries: readonly StaticEntry[];
  /** Number of rows with mandatory TLS that cannot be keys of such a table. */
  readonly addresses: number;
  readonly anyone: boolean;
  /** Number of rows in observe mode that would require TLS if enforced. */
  readonly observed: number;
  readonly auto: number;
  /** Suffixes left out, each with a row below it that leaves the level to Postfix. */
  readonly hidden: readonly { readonly suffix: string; readonly because: string }[];
}

/** `autoFloor`: write rows with `auto` as their `deliver-floor`. */
export function staticMap(table: PolicyTable, autoFloor: boolean): StaticMap {
  const entries: StaticEntry[] = [];
  const stated: StaticEntry[] = [];
  const blocked = new Map<string, string>();
  let addresses = 0;
  let anyone = false;
  let observed = 0;
  let auto = 0;
  for (let number = 0; number < table.rows; number++) {
    const row = table.row(number);
    const { pattern, settings } = row;
    const open = settings.deliver === 'auto' && settings.mode === 'enforce';
    const decision = decideRowItself(row);
    const policy = decision.kind === 'policy' && (!open || autoFloor) ? decision.policy : null;
    const must = policy !== null && mandatory(policy.level);
    if (open && !must) auto++;
    if (settings.mode === 'observe') {
      const enforced = decideRowItself({ ...row, settings: { ...settings, mode: 'enforce' } });
      if (enforced.kind === 'policy' && mandatory(enforced.policy.level)) observed++;
    }
    if (pattern === '<>') continue;
    if (pattern === '*') anyone = must;
    else if (pattern.includes('@')) addresses += must ? 1 : 0;
    else if (must) entries.push({ key: pattern, policy });
    else if (policy !== null) stated.push({ key: pattern, policy });
    else for (const suffix of parents(pattern)) if (table.find(suffix) >= 0) blocked.set(suffix, pattern);
  }
  const kept = entries.filter(({ key }) => !blocked.has(key));
  const suffixes = new Set(kept.filter(({ key }) => key.startsWith('.')).map(({ key }) => key));
  const below = stated.filter(({ key }) => parents(key).some((suffix) => suffixes.has(suffix)));
  const hidden = entries.flatMap(({ key }) => {
    const because = blocked.get(key);
    return because === undefined ? [] : [{ suffix: key, because }];
  });
  const all = [...kept, ...below].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { entries: all, addresses, anyone, observed, auto, hidden };
}

/**
 * `.b.c` and `.c` for `a.b.c` and `.a.b.c`; nothing for a next hop with brackets or a port, which has no
 * parents.
 */
function parents(pattern: string): readonly string[] {
  if (/[[:]/.test(pattern)) return [];
  const found: string[] = [];
  for (let dot = pattern.indexOf('.', 1); dot >= 0; dot = pattern.indexOf('.', dot + 1))
    found.push(pattern.slice(dot));
  return found;
}
