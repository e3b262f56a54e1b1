/** What limits cut off, in sentences. Pure. */
import { count } from '../core/plural.ts';
import type { Cut } from './dayTally.ts';

const SENTENCES: Readonly<Record<Cut, string>> = {
  partners:
    'there was mail with more domains than are told apart: the totals hold, the figures of single domains may be too low',
  rows: 'more rows of the table applied than are told apart: the figures of single rows may be too low',
  causes: 'there were more causes than are told apart: the rest is counted without a cause',
  hosts: 'there were records of more hosts than are named',
  events: 'there were more gaps and exceptions than are listed',
  open: 'more messages went on at midnight than are followed: some may be counted twice',
  waiting:
    'more recipients waited than are followed: some that were delivered later may be counted as waiting',
  told: 'more domains were asked about than are remembered: what was demanded of some is not known',
};

/** `cut`: by limit, the days on which it was reached. */
export function notesOf(cut: ReadonlyMap<Cut, ReadonlySet<string>>): string[] {
  return [...cut].map(([name, days]) => `On ${count(days.size, 'day')} ${SENTENCES[name]}.`);
}
