/**
 * `tlsward report --check`: counts every record of the days again and compares with the counts that are kept beside them,
 * and the records with what was signed: a record that was changed is counted as it stands now.
 *
 * Exit status: 0 every kept count is that of its records, and no record was changed, 1 one is or was. A day that nobody has
 * counted yet is no difference.
 */
import { basename } from 'node:path';
import type { DayReport } from '../archive/verifyDay.ts';
import { verifyStream } from '../archive/verifyStream.ts';
import { escapeLine } from '../core/escape.ts';
import { counted } from '../report/words.ts';
import { type Recounted, recount } from '../tally/recount.ts';
import type { Place, Range } from '../trace/places.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint } from './command.ts';
import { keyedStreams } from './evidenceKeys.ts';
import { Progress } from './progress.ts';

/** A day counted again; `signed`: what its lines are against its signed heads, as `evidence verify` says. */
type Checked = Recounted & { readonly signed: DayReport['result'] };

/** Throws the error of the system when lines cannot be read. */
export function checkCounts(places: readonly Place[], range: Range, json: boolean, io: Io): number {
  const progress = new Progress(io, 'blocks', true);
  const days: Checked[] = [];
  try {
    const signed = signedDays(places, range, (day) => progress.step(day));
    for (const one of recount(places, range, (file) => progress.step(basename(file))))
      days.push({ ...one, signed: signed.get(keyOf(one)) ?? 'cannot-tell' });
  } finally {
    progress.end();
  }
  const wrong = days.filter(({ result }) => result === 'differs');
  const changed = days.filter(({ signed }) => signed === 'fails');
  const ok = wrong.length + changed.length === 0;
  const records = days.reduce((total, one) => total + one.records, 0);
  if (json) {
    io.out(`${asciiJson({ ok, ...range, records, days })}\n`);
    return ok ? EXIT.yes : EXIT.no;
  }
  const none = days.filter(({ result }) => result === 'none').length;
  const same = days.length - none - wrong.length;
  const what = `${counted(records, 'record')} counted again, ${range.from} to ${range.to}`;
  if (wrong.length > 0)
    io.out(`${paint(io, 'red', `${counted(wrong.length, 'day')} counted wrongly`)}: ${what}\n`);
  else if (same === 0) io.out(`nothing to compare, no counts are kept of these days: ${what}\n`);
  else io.out(`${paint(io, 'green', 'the counts are those of the records')}: ${what}\n`);
  io.out(`${counted(same, 'day')} of streams the same${none === 0 ? '' : `, ${none} without kept counts`}\n`);
  for (const { directory, stream, day, differs } of wrong)
    io.out(`${escapeLine(wrongWords(directory, stream, day, differs), 600)}\n`);
  for (const { directory, stream, day } of changed)
    io.out(
      `${paint(io, 'red', 'not the records that were signed')}: ${escapeLine(`${directory}/${stream} ${day}; tlsward evidence verify ${day} says what`, 600)}\n`,
    );
  return ok ? EXIT.yes : EXIT.no;
}

function keyOf({ directory, stream, day }: Pick<Recounted, 'directory' | 'stream' | 'day'>): string {
  return `${directory}\n${stream}\n${day}`;
}

function signedDays(
  places: readonly Place[],
  { from, to }: Range,
  onDay: (day: string) => void,
): Map<string, DayReport['result']> {
  const found = new Map<string, DayReport['result']>();
  for (const { directory, streams } of places)
    for (const { name, folder, verifier } of keyedStreams([directory], null)) {
      const days = streams.find((one) => one.name === name)?.days.filter((day) => day >= from && day <= to);
      if (typeof verifier === 'string' || days === undefined) continue;
      for (const { day, result } of verifyStream(folder, verifier, days, onDay))
        found.set(keyOf({ directory, stream: name, day }), result);
    }
  return found;
}

function wrongWords(directory: string, stream: string, day: string, differs: readonly string[]): string {
  return `${directory}/${stream} ${day}: ${differs.join(', ')}; remove ${day}.tally, it is made again`;
}
