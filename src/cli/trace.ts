/**
 * `tlsward trace CODE | QUEUE-ID | MESSAGE-ID | ADDRESS`: how a message came, what its row demanded, how it went to
 * whom, and what is not known, from the records of one host or several.
 *
 * Exit status: 0 found, 1 not found, 64 usage, 75 it cannot be told.
 */

import { quote } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { normaliseCode } from '../daemon/codes.ts';
import { fileError } from '../files/systemError.ts';
import { type Asked, parseAsked } from '../trace/asked.ts';
import { type Demands, demandsOf } from '../trace/demands.ts';
import { type Answer, follow, type Passage } from '../trace/follow.ts';
import { type Gap, gapsIn } from '../trace/gaps.ts';
import { notKnown, recordsOf } from '../trace/passageFacts.ts';
import { gapText, type Line, passageLines } from '../trace/passageText.ts';
import { Evidence, type Found, type Range } from '../trace/places.ts';
import { whyUntold } from '../trace/untold.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, label, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';
import { Progress } from './progress.ts';
import { firstDay } from './sinceDay.ts';

/** Gaps that are printed. */
const MAX_GAPS = 10;

interface Told extends Answer {
  readonly asked: Asked;
  readonly range: Range;
  readonly gaps: readonly Gap[];
  readonly demands: Demands;
  /** Why it may not be told. */
  readonly untold: readonly string[];
}

/** `tlsward trace`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.trace);
  const json = values.json ?? false;
  const code = normaliseCode(positionals[0]!);
  const asked = parseAsked(positionals[0]!, /^[0-9A-Z]{8,12}$/.test(code) ? code : '');
  if (asked === null)
    throw new UsageError(
      `found ${quote(positionals[0]!)}, expected a code, a queue id, a Message-ID or an address`,
    );
  const today = new Date().toISOString().slice(0, 10);
  const range = { from: firstDay(values.since, today), to: today };
  const places = openPlaces(evidenceDirectories(values, io.env));
  if (typeof places === 'string') {
    reportError(io, json, places);
    return EXIT.cannotTell;
  }
  try {
    const progress = new Progress(io, 'days indexed', true);
    const told = tell(new Evidence(places, today, (day) => progress.step(day)), asked, range);
    progress.end();
    if (json) io.out(`${asciiJson(jsonOf(told))}\n`);
    else print(io, told);
    if (told.passages.length > 0) return EXIT.yes;
    return told.untold.length > 0 ? EXIT.cannotTell : EXIT.no;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `the evidence cannot be read (${fileError(error)})`);
    return EXIT.cannotTell;
  }
}

function tell(evidence: Evidence, asked: Asked, range: Range): Told {
  const answer = follow(evidence, asked, range);
  const gaps = gapsIn(evidence, answer.passages.length === 0 ? range : timeOf(answer.passages));
  const demands = demandsOf(evidence, answer.passages);
  return { ...answer, asked, range, gaps, demands, untold: whyUntold(evidence, asked, range) };
}

/** From the first record to the last. */
function timeOf(passages: readonly Passage[]): Range {
  const times = passages.flatMap(({ lives }) => lives.flatMap(({ begin, end }) => [begin, end]));
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { from: iso(Math.min(...times)), to: iso(Math.max(...times)) };
}

function print(io: Io, told: Told): void {
  const { passages, more, asked, range, gaps, untold } = told;
  const names = namesOf(told);
  const line = ([name, text]: Line): void => {
    const words = name === 'message' || name === 'then' ? paint(io, 'bold', text) : text;
    io.out(`${label(name)}${words}\n`);
  };
  if (passages.length === 0)
    io.out(`${escapeText(asked.text, 400)}: not found from ${range.from} to ${range.to}\n`);
  for (const [i, passage] of passages.entries()) {
    if (i > 0) io.out('\n');
    passageLines(passage, names, told.demands).forEach(line);
  }
  if (more > 0) io.out(`\n${count(more, 'older record')} of other messages not shown: ask for one of them\n`);
  if (told.cut) io.out('\nMore records belong to these messages than are read here.\n');
  for (const [i, gap] of gaps.slice(0, MAX_GAPS).entries()) line([i === 0 ? 'gaps' : '', gapText(gap)]);
  if (gaps.length > MAX_GAPS) line(['', `and ${gaps.length - MAX_GAPS} more`]);
  for (const [i, text] of untold.entries()) line([i === 0 ? 'untold' : '', text]);
}

/** What the pseudonyms of the address that was asked for stand for. */
function namesOf({ asked, passages }: Told): ReadonlyMap<string, string> {
  const places = new Set(
    passages.flatMap(({ lives }) => lives.flatMap(({ found }) => found.map((one) => one.place))),
  );
  const keys = [...places].flatMap((place) => asked.keysIn(place));
  return new Map(asked.hidden ? keys.map(({ text }) => [text, asked.text]) : []);
}

function jsonOf({ asked, range, passages, more, cut, gaps, demands, untold }: Told): object {
  return {
    ok: passages.length > 0,
    asked: asked.text,
    ...range,
    passages: passages.map(({ lives, joins }) => ({
      messages: lives.map((life) => {
        const join = joins.find(({ to }) => to === life);
        const after = joins.some(({ from }) => from === life);
        return {
          host: life.host,
          queueId: life.queueId,
          joined: join === undefined ? null : { to: join.from.queueId, host: join.from.host, by: join.by },
          records: life.found.map(whereOf),
          demands: [...new Set(recordsOf(life, 'delivery').flatMap((one) => demands.get(one) ?? []))],
          notKnown: notKnown(life, join !== undefined, after, demands),
        };
      }),
    })),
    more,
    cut,
    gaps,
    untold,
  };
}

function whereOf({ place, stream, day, record }: Found): object {
  return { directory: place.directory, stream, day, record };
}
