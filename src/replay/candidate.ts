/** The configuration that recorded mail is judged by: its table, and what it says of single addresses. */
import type { PackedTable, PolicyTable } from '../core/table.ts';
import type { Facts } from '../receive/decide.ts';

/** A domain with more different settings for single addresses is not looked at in detail. */
const MAX_CHOICES = 32;
const NONE: readonly string[] = [];

export interface Candidate {
  readonly table: PolicyTable;
  readonly facts: Facts;
  /** Rules, which need the message itself and are not replayed. */
  readonly rules: number;
  /**
   * Mailboxes of the domain with rows of their own, one for each different settings: what an address whose local part
   * is not recorded may have been. null: too many.
   */
  readonly addressesIn: (domain: string) => readonly string[] | null;
}

/** Takes time with the number of rows. */
export function candidateOf(table: PolicyTable, facts: Facts, rules: number): Candidate {
  const byDomain = table.packed.hasAddresses ? addressRows(table.packed) : new Map<string, Choices>();
  const addressesIn = (domain: string): readonly string[] | null => {
    const found = byDomain.get(domain);
    if (found === undefined) return NONE;
    return found.size > MAX_CHOICES ? null : [...found.values()];
  };
  return { table, facts, rules, addressesIn };
}

/** By the number of the settings. */
type Choices = Map<number, string>;

function addressRows({ rows, names, starts, settingsOf }: PackedTable): Map<string, Choices> {
  const bytes = Buffer.from(names.buffer, names.byteOffset, names.length);
  const found = new Map<string, Choices>();
  for (let row = 0; row < rows; row++) {
    const pattern = bytes.toString('latin1', starts[row]!, starts[row + 1]!);
    const at = pattern.lastIndexOf('@');
    if (at < 0) continue;
    const domain = pattern.slice(at + 1);
    const choices = found.get(domain) ?? new Map<number, string>();
    if (choices.size <= MAX_CHOICES) choices.set(settingsOf[row]!, pattern);
    found.set(domain, choices);
  }
  return found;
}

/** The mailbox of a local part that no row has: a row has no U+0000. */
export function mailboxOfNoRow(domain: string): string {
  return `\0@${domain}`;
}
