/**
 * `tlsward evidence merge DIRECTORY...`: what several hosts saw, in one answer: a row for each host, whose tables differ,
 * and the gaps of all. With `--format lines` the records themselves, in order of time.
 *
 * Exit status: 0 printed, 1 the tables of the hosts differ, 64 usage, 75 a directory cannot be read.
 */

import { addDays } from '../archive/day.ts';
import { escapeLine } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { fileError } from '../files/systemError.ts';
import { CLASSES, type Class } from '../trace/classes.ts';
import { type Gap, gapsIn } from '../trace/gaps.ts';
import { mergedLines } from '../trace/mergeLines.ts';
import { Overview } from '../trace/overview.ts';
import { gapText } from '../trace/passageText.ts';
import { Evidence, type Place, type Range } from '../trace/places.ts';
import { tableLines } from '../trace/textTable.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, reportError, UsageError } from './command.ts';
import { type ExportOptions, rangeOf } from './evidenceExport.ts';
import { openPlaces } from './evidencePlaces.ts';
import { OutputFile } from './outputFile.ts';
import { Progress } from './progress.ts';

/** Days that are read when none are named. */
const STANDARD_DAYS = 7;
const MAX_GAPS = 20;

/** `tlsward evidence merge`; see the file comment. */
export function runMerge(directories: readonly string[], values: ExportOptions, io: Io): number {
  const { format = 'text', json = false } = values;
  if (!['text', 'json', 'lines'].includes(format))
    throw new UsageError('--format: expected text, json or lines for merge');
  const today = new Date().toISOString().slice(0, 10);
  const from = values.from ?? addDays(values.to ?? today, 1 - STANDARD_DAYS);
  const range = rangeOf({ from, to: values.to ?? today }, today);
  const places = openPlaces(directories);
  if (typeof places === 'string') {
    reportError(io, json, places);
    return EXIT.cannotTell;
  }
  let output: OutputFile;
  try {
    output = new OutputFile(io, values.output);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `--output: cannot be written (${fileError(error)})`);
    return EXIT.cannotCreate;
  }
  try {
    const code =
      format === 'lines'
        ? writeLines(places, range, output)
        : writeOverview(places, range, { today, json: json || format === 'json' }, output, io);
    output.finish();
    return code;
  } catch (error) {
    output.abandon();
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `reading or writing failed (${fileError(error)})`);
    return EXIT.cannotTell;
  }
}

function writeLines(places: readonly Place[], range: Range, output: OutputFile): number {
  for (const { line } of mergedLines(places, range)) output.write(`${Buffer.from(line).toString()}\n`);
  return EXIT.yes;
}

function writeOverview(
  places: readonly Place[],
  range: Range,
  { today, json }: { readonly today: string; readonly json: boolean },
  output: OutputFile,
  io: Io,
): number {
  const overview = new Overview();
  const progress = new Progress(io, 'records');
  for (const { place, line } of mergedLines(places, range)) {
    overview.add(place, line);
    progress.step(place.directory);
  }
  progress.end();
  const gaps = gapsIn(new Evidence(places, today), range);
  const differ = othersOf(overview);
  if (json)
    output.write(`${asciiJson({ ok: differ.length === 0, ...range, ...jsonOf(overview), differ, gaps })}\n`);
  else output.write(textOf(overview, range, differ, gaps, io));
  return differ.length === 0 ? EXIT.yes : EXIT.no;
}

/** Hosts whose last table is another than that of most. */
function othersOf({ hosts }: Overview): string[] {
  const sizes = new Map<string, number>();
  for (const { table } of hosts) if (table !== null) sizes.set(table.hash, (sizes.get(table.hash) ?? 0) + 1);
  const [most] = [...sizes].sort((a, b) => b[1] - a[1])[0] ?? [];
  return hosts.filter(({ table }) => table !== null && table.hash !== most).map(({ host }) => host);
}

function jsonOf({ hosts, unreadable }: Overview): object {
  return {
    hosts: hosts.map(({ counts: { came, went }, ...rest }) => ({ ...rest, came, went })),
    unreadable,
  };
}

const CAME: Readonly<Record<Class, string>> = {
  verified: 'proven',
  tls: 'TLS',
  plain: 'plain',
  unknown: 'not known',
  inside: 'inside',
};

function textOf(
  { hosts, unreadable }: Overview,
  { from, to }: Range,
  differ: readonly string[],
  gaps: readonly Gap[],
  io: Io,
): string {
  const numbers = (values: Readonly<Record<Class, number>>): number[] => CLASSES.map((name) => values[name]);
  const total = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);
  const rowsOf = (leg: 'came' | 'went'): (readonly (string | number)[])[] =>
    hosts.map(({ host, counts: { came, went } }) => {
      const classes = numbers(leg === 'came' ? came.messages : went.sent);
      const rest =
        leg === 'came'
          ? [total(numbers(came.refused)), came.breaches]
          : [went.deferred, went.failed + went.filtered];
      return [host, total(classes), ...classes, ...rest];
    });
  const table = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] => {
    const sums = columns.slice(1).map((_, i) => total(rows.map((row) => Number(row[i + 1]))));
    return tableLines(
      columns,
      [...rows, ['all', ...sums]].map((row) => row.map(String)),
    );
  };
  const names = CLASSES.map((name) => CAME[name]);
  const lines = [
    `${count(hosts.length, 'host')}, ${from} to ${to} (UTC); a message counts on each host that saw it`,
    '',
    ...table(['messages came', 'all', ...names, 'refused', 'below their row'], rowsOf('came')),
    '',
    ...table(['recipients left', 'all', ...names, 'attempts that wait', 'failed'], rowsOf('went')),
    '',
    differ.length === 0
      ? 'the tables do not differ'
      : paint(io, 'red', `other tables than most: ${escapeLine(differ.join(', '), 2000)}`),
    ...(unreadable > 0
      ? [paint(io, 'yellow', `${count(unreadable, 'line')} could not be read and are not counted`)]
      : []),
    ...(gaps.length === 0
      ? ['no gap is known']
      : gaps.slice(0, MAX_GAPS).map((gap) => `gap: ${gapText(gap)}`)),
    ...(gaps.length > MAX_GAPS ? [`and ${gaps.length - MAX_GAPS} gaps more`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
