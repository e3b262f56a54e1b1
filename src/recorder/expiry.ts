/**
 * What `retention` takes away: whole days of lines, their index, their tally and their fragments, and the keys of months that have
 * no day left. Heads stay: they hold no personal data, and prove what there was.
 */
import { join } from 'node:path';
import { addDays } from '../archive/day.ts';
import { daysOf } from '../archive/layout.ts';
import { forgetMonths } from './keys.ts';
import { type System, syncFolder, unlinkIfThere } from './system.ts';

/** `today`: the day that is being written. The lines go last: until then a killed deletion goes on next time. */
export function dropExpired(
  system: System,
  directory: string,
  folder: string,
  today: string,
  retentionDays: number,
): void {
  const first = addDays(today, -retentionDays);
  const names = system.list(folder);
  const expired = daysOf(folder).filter((day) => day < first && day < today);
  for (const day of expired) {
    for (const name of names)
      if (name.startsWith(`${day}.`) && /\.(?:index|tally|torn-[0-9]{1,9}(?:\.new)?)$/.test(name))
        unlinkIfThere(system, join(folder, name));
    unlinkIfThere(system, join(folder, `${day}.jsonl`));
  }
  if (expired.length > 0) syncFolder(system, folder);
  forgetMonths(system, join(directory, 'pseudonyms'), first.slice(0, 7));
}
