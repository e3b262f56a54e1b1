/** What `report` and `suggest` share: which days, where the records are, and the tallies of them. */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { splitNotes } from '../archive/checkpoints.ts';
import { addDays } from '../archive/day.ts';
import { checkpointFile, isDay } from '../archive/layout.ts';
import { quote } from '../config/ini/problem.ts';
import { canonicalDomain } from '../core/domain.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import type { Report } from '../report/report.ts';
import type { Tallies } from '../tally/tallies.ts';
import { talliesOf } from '../tally/talliesOf.ts';
import type { Place, Range } from '../trace/places.ts';
import { type Io, UsageError } from './command.ts';
import { Progress } from './progress.ts';

/** Ten years. */
const MAX_DAYS = 3660;
const MAX_HEADS_BYTES = 1 << 20;

/** The days of `--since` and `--until`; without the last one up to yesterday, which is whole. */
export function daysOf(
  { since, until: asked }: { readonly since: string; readonly until?: string | undefined },
  today: string,
): Range {
  const until = asked === 'today' ? today : asked;
  if (until !== undefined && !(isDay(until) && until <= today))
    throw new UsageError(
      `--until: found ${quote(until)}, expected a day up to ${today}, such as 2026-11-30, or today`,
    );
  const number = /^([1-9][0-9]{0,4})d$/.exec(since)?.[1];
  if (number === undefined && !(isDay(since) && since <= today))
    throw new UsageError(`--since: found ${quote(since)}, expected a day such as 2026-11-01, or 30d`);
  // whoever asks for today gets it
  const to = until ?? (since === today ? today : addDays(today, -1));
  const from = number === undefined ? since : addDays(to, 1 - Number(number));
  if (from > to || addDays(from, MAX_DAYS) < to)
    throw new UsageError(`from ${from} to ${to}: expected at most ${MAX_DAYS} days, the first one first`);
  return { from, to };
}

/** Did recording begin today? Then the days up to yesterday would say nothing to whoever has just begun. */
export function begunToday(places: readonly Place[], today: string): boolean {
  const days = places.flatMap(({ streams }) => streams.flatMap((stream) => stream.days));
  return days.includes(today) && days.every((day) => day >= today);
}

/** `--partner`: a domain, or an address literal as a pattern has it. Null: all. */
export function partnerOf(partner: string | undefined): string | null {
  if (partner === undefined) return null;
  const domain = canonicalDomain(partner);
  if (domain === null) throw new UsageError(`--partner: found ${quote(partner)}, expected a domain`);
  return domain;
}

/** Percent by which the heap grows before it is cleared: of what a month of tallies leaves behind most is garbage. */
const HEAP_GROWS = 50;

/** Throws the error of the system when lines cannot be read. */
export function countDays(
  places: readonly Place[],
  range: Range,
  { today, partner, io }: { readonly today: string; readonly partner: string | null; readonly io: Io },
): Tallies {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWS}`);
  const progress = new Progress(io, 'blocks', true);
  const counting = (stream: string, day: string, done: number, bytes: number): void =>
    progress.step(`${stream} ${day}, ${bytes === 0 ? 100 : Math.floor((done / bytes) * 100)} %`);
  try {
    return talliesOf(places, range, { today, domain: partner, counting });
  } finally {
    progress.end();
  }
}

/** The last whole signed head of each stream within the range, as it stands: `evidence verify` checks it. */
export function lastHeads(places: readonly Place[], { from, to }: Range): Report['heads'] {
  return places.flatMap(({ directory, streams }) =>
    streams.flatMap(({ name, folder, days }) => {
      for (const day of days.filter((one) => one >= from && one <= to).reverse()) {
        const note = lastNote(checkpointFile(folder, day));
        if (note !== '') return [{ stream: join(directory, name), day, note }];
      }
      return [];
    }),
  );
}

function lastNote(file: string): string {
  try {
    const found = readGuardedSync(file, {
      maxBytes: MAX_HEADS_BYTES,
      followLinks: false,
      refuse: () => null,
    });
    return found.kind === 'read' ? (splitNotes(found.bytes.toString()).notes.at(-1) ?? '') : '';
  } catch {
    return '';
  }
}
