/**
 * What a reload changes, row by row: the lines that `tlsward reload` prints and the log keeps.
 *
 *   + new.example: encrypt
 *   - old.example: may
 *   bank.example: may → encrypt
 *   gov.example: own section (receive encrypt → verify)      ; the section or policy of that name was changed
 *
 * A row is unchanged if its policy has the same name and the same settings; its position does not matter. All
 * differences are counted, and the first MAX_LINES are kept as text. The comparison works on packed bytes and
 * makes a string only for a line that is kept.
 */

import type { Rule } from '../../core/rule.ts';
import type { Settings } from '../../core/settings.ts';
import { firstSlot, hashBytes, type PackedTable } from '../../core/table.ts';
import { changedKeys } from '../keys/rowKeys.ts';
import { diffRules } from './ruleDiff.ts';

export interface Difference {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Number of lines about rules that were added, removed, changed or moved; they come first. */
  readonly rules: number;
  /**
   * Rules (ruleDiff.ts); then changed rows, then added, then removed ones, each in the order of its table; at
   * most MAX_LINES.
   */
  readonly lines: readonly string[];
}

export const MAX_LINES = 100;

export const NO_DIFFERENCE: Difference = { added: 0, removed: 0, changed: 0, rules: 0, lines: [] };

/** Compares two tables and their rules, without changing them. */
export function diffTables(
  old: PackedTable,
  next: PackedTable,
  oldRules: readonly Rule[] = [],
  nextRules: readonly Rule[] = [],
): Difference {
  const ruleLines = diffRules(oldRules, nextRules);
  const changedLines: string[] = [];
  const addedLines: string[] = [];
  const removedLines: string[] = [];
  const words = new ChangeWords(old.settings, next.settings);
  let added = 0;
  let changed = 0;
  for (let row = 0; row < next.rows; row++) {
    const before = findIn(old, next, row);
    const settings = next.settingsOf[row]!;
    if (before < 0) {
      if (++added <= MAX_LINES)
        addedLines.push(`+ ${patternOf(next, row)}: ${nameOf(next.settings[settings]!)}`);
      continue;
    }
    const change = words.between(old.settingsOf[before]!, settings);
    if (change !== '' && ++changed <= MAX_LINES) changedLines.push(`${patternOf(next, row)}: ${change}`);
  }
  const removed = old.rows - (next.rows - added);
  for (let row = 0; row < old.rows && removedLines.length < Math.min(removed, MAX_LINES); row++) {
    if (findIn(next, old, row) >= 0) continue;
    removedLines.push(`- ${patternOf(old, row)}: ${nameOf(old.settings[old.settingsOf[row]!]!)}`);
  }
  return {
    added,
    removed,
    changed,
    rules: ruleLines.length,
    lines: [...ruleLines, ...changedLines, ...addedLines, ...removedLines].slice(0, MAX_LINES),
  };
}

/** Number of the row in `table` with the pattern of row `row` of `from`, or -1. */
function findIn(table: PackedTable, from: PackedTable, row: number): number {
  const start = from.starts[row]!;
  const end = from.starts[row + 1]!;
  const { slots, starts, names } = table;
  const mask = slots.length - 1;
  for (let slot = firstSlot(hashBytes(from.names, start, end), mask); ; slot = (slot + 1) & mask) {
    const found = slots[slot]! - 1;
    if (found < 0) return -1;
    let at = starts[found]!;
    if (starts[found + 1]! - at !== end - start) continue;
    let i = start;
    while (i < end && names[at] === from.names[i]) {
      i++;
      at++;
    }
    if (i === end) return found;
  }
}

function patternOf({ names, starts }: PackedTable, row: number): string {
  let pattern = '';
  for (let i = starts[row]!; i < starts[row + 1]!; i++) pattern += String.fromCharCode(names[i]!);
  return pattern;
}

/** The policy that a row names; `own section` or `exception` for a row with its own section. */
function nameOf(settings: Settings): string {
  const from = settings.lineage[0] ?? '';
  if (from.startsWith('domain ')) return 'own section';
  return from.startsWith('exception ') ? 'exception' : from.replace(/^(?:policy|built-in) /, '');
}

/** Describes the difference between two settings; each pair is compared once. */
class ChangeWords {
  readonly #old: readonly Settings[];
  readonly #next: readonly Settings[];
  readonly #known = new Map<number, string>();

  constructor(old: readonly Settings[], next: readonly Settings[]) {
    this.#old = old;
    this.#next = next;
  }

  /** '' when they are the same. */
  between(old: number, next: number): string {
    const pair = old * this.#next.length + next;
    let words = this.#known.get(pair);
    if (words === undefined) {
      words = describe(this.#old[old]!, this.#next[next]!);
      this.#known.set(pair, words);
    }
    return words;
  }
}

function describe(old: Settings, next: Settings): string {
  const from = nameOf(old);
  const to = nameOf(next);
  const own = [from, to].some((name) => name === 'own section' || name === 'exception');
  const keys = changedKeys(old, next);
  if (from === to) return keys.length === 0 ? '' : `${from} (${keys.join(', ')})`;
  return own && keys.length > 0 ? `${from} → ${to} (${keys.join(', ')})` : `${from} → ${to}`;
}
