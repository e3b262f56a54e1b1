/**
 * Exceptions that were in force at some time of the report: as the daemon recorded that they were set, changed and removed,
 * and as they stand in the table that could be read. Pure.
 */
import type { Way } from '../tally/counts.ts';
import type { ExceptionTally, RowTally, Tallies } from '../tally/tallies.ts';
import type { DatedException } from './report.ts';
import type { StandingTable } from './standing.ts';
import { sum } from './words.ts';

interface Spell extends Pick<ExceptionTally, 'pattern' | 'until' | 'reason' | 'changes' | 'at'> {
  /** The day; '' while it stands. */
  removed: string;
}

/** Overdue ones first, then those in force. */
export function datedExceptions(
  tallies: Tallies,
  table: StandingTable | null,
  partner: string | null,
): DatedException[] {
  const spells = spellsOf(tallies.exceptions);
  for (const one of table?.exceptions ?? []) {
    const same = spells.some(
      ({ pattern, until, removed }) => pattern === one.pattern && until === one.until && removed === '',
    );
    if (!same) spells.push({ ...one, removed: '' });
  }
  const { from, to } = tallies;
  const all = spells
    .filter(({ removed }) => removed === '' || removed >= from)
    .filter(({ pattern }) => partner === null || concerns(pattern, partner))
    .map(({ removed, ...one }): DatedException => {
      const { pattern, until, changes, reason, at } = one;
      return {
        pattern,
        until,
        changes,
        reason,
        at,
        state: stateOf(one, removed, to),
        passed: passedBy(one, tallies.rows),
      };
    });
  const order = ['overdue', 'in force', 'ended', 'removed'];
  return all.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.until < b.until ? -1 : 1));
}

/** From events to times; a host that is started again says again what is in force. */
function spellsOf(events: readonly ExceptionTally[]): Spell[] {
  const spells: Spell[] = [];
  for (const { change, pattern, until, reason, changes, at, time } of events) {
    const open = spells.find((one) => one.pattern === pattern && one.removed === '');
    if (change === 'removed') {
      const removed = time.slice(0, 10);
      if (open === undefined) spells.push({ pattern, until, reason, changes, at, removed });
      else open.removed = removed;
    } else if (open === undefined) spells.push({ pattern, until, reason, changes, at, removed: '' });
    else Object.assign(open, { until, reason, at, changes: changes.length > 0 ? changes : open.changes });
  }
  return spells;
}

/** On the last day of the report. */
function stateOf(
  { until }: { readonly until: string },
  removed: string,
  to: string,
): DatedException['state'] {
  if (removed !== '' && removed <= to) return removed >= until ? 'ended' : 'removed';
  return until < to ? 'overdue' : 'in force';
}

/** `receive verify → encrypt`: the level that the row has without the exception; null: this way is not changed. */
function baseLevel(changes: readonly string[], way: Way): string | null {
  const key = way === 'in' ? 'receive ' : 'deliver ';
  const change = changes.find((one) => one.startsWith(key));
  return change === undefined ? null : (change.slice(key.length).split(' ', 1)[0] ?? null);
}

/** Messages that travelled under the row of the exception, and did not meet the level that it lowers. */
function passedBy(
  { at, pattern, changes }: Pick<Spell, 'at' | 'pattern' | 'changes'>,
  rows: readonly RowTally[],
): number {
  let passed = 0;
  for (const row of rows) {
    if (row.at !== at || row.pattern !== pattern) continue;
    const base = baseLevel(changes, row.way);
    if (base === null || ['none', 'may', 'dane', 'auto', 'nothing', ''].includes(base)) continue;
    const below = row.older + row.plain + row.unknown;
    passed += base === 'encrypt' ? below : sum(row) - row.verified;
  }
  return passed;
}

/** May the pattern's row decide about mail with the domain? */
function concerns(pattern: string, domain: string): boolean {
  if (pattern === '*' || pattern === domain) return true;
  return pattern.startsWith('.')
    ? domain.endsWith(pattern)
    : pattern.slice(pattern.lastIndexOf('@') + 1) === domain;
}
