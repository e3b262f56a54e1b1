/**
 * `tlsward suggest`: what the table could demand more, from what the records show to hold, as rows to paste. Reads the
 * configuration and the records; writes nothing.
 *
 * Exit status: 0 said, or nothing to say; 64 usage, 75 the records cannot be read, 78 the configuration has mistakes.
 */

import { escapeLine } from '../core/escape.ts';
import { fileError } from '../files/systemError.ts';
import { pasteLine } from '../report/columns.ts';
import {
  LEAST_DAYS,
  LEAST_MESSAGES,
  raiseWords,
  type Suggestion,
  suggestionLines,
  suggestionsOf,
} from '../report/suggestions.ts';
import { counted, number, rangeWords } from '../report/words.ts';
import type { Tallies } from '../tally/tallies.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';
import { loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { countDays, daysOf } from './reportGround.ts';
import { mtaLevelOf, standingTable } from './standingTable.ts';

/** `tlsward suggest`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.suggest);
  const json = values.json ?? false;
  const today = new Date().toISOString().slice(0, 10);
  const range = daysOf(values, today);
  const file = configFile(values, io.env);
  mustExist(file);
  const places = openPlaces(evidenceDirectories(values, io.env));
  if (typeof places === 'string') {
    reportError(io, json, places);
    return EXIT.cannotTell;
  }
  const loaded = loadOrReport(file, json, io);
  if (loaded === null) return EXIT.config;
  try {
    const table = standingTable(loaded, await mtaLevelOf(loaded.service.postconf));
    const tallies = countDays(places, range, { today, partner: null, io });
    const all = suggestionsOf(tallies, table);
    if (json) io.out(`${asciiJson(jsonOf(all, tallies))}\n`);
    else print(io, all, tallies);
    return EXIT.yes;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `the evidence cannot be read (${fileError(error)})`);
    return EXIT.cannotTell;
  }
}

function print(io: Io, all: readonly Suggestion[], tallies: Tallies): void {
  const { from, to, recordedDays } = tallies;
  const ground = `; ${rangeWords(from, to)}, records of ${counted(recordedDays.in, 'day')} in and ${counted(recordedDays.out, 'day')} out`;
  if (all.length === 0) {
    io.out(`${paint(io, 'green', 'nothing to suggest')}\n${ground}\n`);
    io.out(
      `; a domain needs ${LEAST_MESSAGES} messages on ${LEAST_DAYS} days with records, all under TLS 1.2 or later, none refused or failed\n`,
    );
    return;
  }
  io.out(`${ground}\n`);
  for (const one of all) io.out(`; ${escapeLine(why(one), 400)}\n`);
  io.out('; into a file of the table; then: tlsward check && tlsward reload\n');
  for (const line of suggestionLines(all)) io.out(`${pasteLine(line)}\n`);
}

function why({ kind, pattern, in: came, out, raise }: Suggestion): string {
  if (kind === 'enforce') return `${pattern}: ${number(came)} messages in met the row that only observes`;
  return `${pattern}: ${number(came)} in, ${number(out)} out, all under TLS 1.2 or later: ${raiseWords(raise)}`;
}

function jsonOf(all: readonly Suggestion[], { from, to, recordedDays }: Tallies): object {
  return {
    ok: true,
    from,
    to,
    recordedDays,
    suggestions: all.map((one) => {
      const { kind, pattern, in: came, out, weakest, raise, instead } = one;
      return { kind, pattern, in: came, out, weakest, raise, instead };
    }),
    lines: suggestionLines(all),
  };
}
