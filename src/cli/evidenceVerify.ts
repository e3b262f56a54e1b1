/**
 * `tlsward evidence verify [DAY...]`: recomputes the tree of every day of every stream, and compares it with every signed
 * checkpoint and with what the next day says. What fails is named as closely as it is known.
 */
import { isDay } from '../archive/layout.ts';
import type { DayReport } from '../archive/verifyDay.ts';
import { verifyStream } from '../archive/verifyStream.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { fileError } from '../files/systemError.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, UsageError } from './command.ts';
import { type KeyedStream, keyedStreams, keyText, keyWords } from './evidenceKeys.ts';
import { Progress } from './progress.ts';

interface VerifiedStream extends KeyedStream {
  readonly days: readonly DayReport[];
}

const COLOURS = { holds: 'green', fails: 'red', 'cannot-tell': 'yellow', gone: 'yellow' } as const;
const WORDS = { holds: 'holds', fails: 'FAILS', 'cannot-tell': 'unknown', gone: 'deleted' } as const;
/** Width of a day and its result. */
const INDENT = ' '.repeat(21);

export function runVerify(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  days: readonly string[],
  json: boolean,
  io: Io,
): number {
  for (const day of days)
    if (!isDay(day)) throw new UsageError(`found "${escapeText(day)}", expected a day such as 2026-11-30`);
  const only = days.length === 0 ? null : days;
  const progress = new Progress(io, 'days');
  const streams = keyedStreams(directories, keys).map((stream) => verified(stream, only, progress));
  progress.end();
  const seen = new Set(streams.flatMap((stream) => stream.days.map(({ day }) => day)));
  const absent = days.filter((day) => !seen.has(day));
  const code = exitOf(streams, only !== null, absent);
  if (json) io.out(`${asciiJson({ ok: code === EXIT.yes, streams: streams.map(shownStream), absent })}\n`);
  else {
    for (const stream of streams) printStream(io, stream);
    for (const day of absent)
      io.out(`${day}  ${paint(io, 'yellow', 'unknown')}: there is nothing of this day\n`);
    printTotal(io, streams);
  }
  return code;
}

function verified(stream: KeyedStream, only: readonly string[] | null, progress: Progress): VerifiedStream {
  const { verifier, folder } = stream;
  if (typeof verifier === 'string') return { ...stream, days: [] };
  try {
    const days = verifyStream(folder, verifier, only, (day) => progress.step(`${stream.name} ${day}`));
    return { ...stream, days };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const words = `${escapeText(folder, 300)}: cannot be read (${fileError(error)})`;
    return { ...stream, verifier: words, days: [] };
  }
}

function exitOf(streams: readonly VerifiedStream[], chosen: boolean, absent: readonly string[]): number {
  const results = streams.flatMap(({ days }) => days.map(({ result }) => result));
  if (results.includes('fails')) return EXIT.no;
  const untold =
    absent.length > 0 ||
    streams.some(({ verifier }) => typeof verifier === 'string') ||
    results.includes('cannot-tell') ||
    (chosen && results.includes('gone')) ||
    !results.includes('holds');
  return untold ? EXIT.cannotTell : EXIT.yes;
}

function shownStream({ name, folder, verifier, keyFrom, days }: VerifiedStream): object {
  const key = typeof verifier === 'string' ? { error: verifier } : { key: keyText(verifier), keyFrom };
  return { stream: name, folder, ...key, days };
}

function printStream(io: Io, stream: VerifiedStream): void {
  const { name, folder, verifier, days } = stream;
  io.out(`${paint(io, 'bold', name)}  ${escapeText(folder, 300)}\n`);
  if (typeof verifier === 'string') {
    io.out(`  ${paint(io, 'yellow', 'unknown')}: ${verifier}\n`);
    return;
  }
  io.out(`  key ${escapeText(keyText(verifier), 600)}, ${keyWords(stream)}\n`);
  for (const report of days) printDay(io, report);
}

function printDay(io: Io, { day, result, lines, proven, head, findings, notes }: DayReport): void {
  const size =
    result === 'gone'
      ? `${count(head?.size ?? 0, 'line')}, of which the head is kept`
      : `${count(lines, 'line')}${proven === lines ? '' : `, the first ${proven} proven`}`;
  io.out(
    `  ${day}  ${paint(io, COLOURS[result], WORDS[result])}${' '.repeat(8 - WORDS[result].length)}${size}\n`,
  );
  for (const { words } of findings) io.out(`${INDENT} ${words}\n`);
  for (const note of notes) io.out(`${INDENT} ${note}\n`);
}

function printTotal(io: Io, streams: readonly VerifiedStream[]): void {
  const all = streams.flatMap(({ days }) => days);
  const total = (result: DayReport['result']): number => all.filter((one) => one.result === result).length;
  const parts = [
    `${total('holds')} hold`,
    `${total('fails')} fail`,
    ...(total('cannot-tell') > 0 ? [`${total('cannot-tell')} unknown`] : []),
    ...(total('gone') > 0 ? [`${total('gone')} deleted`] : []),
  ];
  io.out(`${count(all.length, 'day')}: ${parts.join(', ')}\n`);
  if (streams.some(({ keyFrom, verifier }) => keyFrom === 'stream' && typeof verifier !== 'string'))
    io.out(
      'Whoever could change the lines could change the key beside them: name a copy kept elsewhere with --key.\n',
    );
}
