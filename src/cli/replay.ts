/**
 * `tlsward replay`: what a table would have said to the mail that was recorded, and which of it nobody can tell.
 *
 * Exit status: 0 nothing more would have been refused or kept waiting, 1 some would have been, 64 usage, 65 a line of the
 * records is none, 75 it cannot be told, 78 the configuration has mistakes.
 */

import { quote } from '../config/ini/problem.ts';
import { canonicalDomain } from '../core/domain.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { judgedIn, replayLoaded } from './replayLoaded.ts';
import { replayJson, replayLines } from './replayText.ts';
import { firstDay } from './sinceDay.ts';

/** `tlsward replay`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.replay);
  const json = values.json ?? false;
  const file = values.table ?? configFile(values, io.env);
  const today = new Date().toISOString().slice(0, 10);
  const range = { from: firstDay(values.since, today), to: today };
  const partner = values.partner === undefined ? null : canonicalDomain(values.partner);
  if (values.partner !== undefined && partner === null)
    throw new UsageError(`--partner: found ${quote(values.partner)}, expected a domain`);
  mustExist(file);
  const loaded = loadOrReport(file, json, io);
  if (loaded === null) return EXIT.config;
  const replayed = replayLoaded(loaded, file, range, partner, values, io);
  if (typeof replayed === 'number') return replayed;
  const { result } = replayed;
  if (json) io.out(`${asciiJson(replayJson(replayed))}\n`);
  else for (const line of replayLines(replayed, io)) io.out(`${line}\n`);
  if (result.stopped > 0) return EXIT.no;
  if (result.unreadable > 0) return EXIT.data;
  return judgedIn(replayed) > 0 ? EXIT.yes : EXIT.cannotTell;
}
