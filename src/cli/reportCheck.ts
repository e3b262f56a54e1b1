/**
 * `tlsward report --check`: counts every record of the days again and compares with the counts that are kept beside them.
 *
 * Exit status: 0 every kept count is that of its records, 1 one is not. A day that nobody has counted yet is no difference.
 */
import { basename } from 'node:path';
import { escapeLine } from '../core/escape.ts';
import { counted } from '../report/words.ts';
import { type Recounted, recount } from '../tally/recount.ts';
import type { Place, Range } from '../trace/places.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint } from './command.ts';
import { Progress } from './progress.ts';

/** Throws the error of the system when lines cannot be read. */
export function checkCounts(places: readonly Place[], range: Range, json: boolean, io: Io): number {
  const progress = new Progress(io, 'blocks');
  const days: Recounted[] = [];
  try {
    for (const one of recount(places, range, (file) => progress.step(basename(file)))) days.push(one);
  } finally {
    progress.end();
  }
  const wrong = days.filter(({ result }) => result === 'differs');
  const records = days.reduce((total, one) => total + one.records, 0);
  if (json) {
    io.out(`${asciiJson({ ok: wrong.length === 0, ...range, records, days })}\n`);
    return wrong.length === 0 ? EXIT.yes : EXIT.no;
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
  return wrong.length === 0 ? EXIT.yes : EXIT.no;
}

function wrongWords(directory: string, stream: string, day: string, differs: readonly string[]): string {
  return `${directory}/${stream} ${day}: ${differs.join(', ')}; remove ${day}.tally, it is made again`;
}
