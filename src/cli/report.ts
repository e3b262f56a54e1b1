/** `tlsward report`. */
import { EXIT, type Io, parseCommand, reportError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';

/** `tlsward report`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.report);
  const places = openPlaces(evidenceDirectories(values, io.env));
  reportError(io, values.json, typeof places === 'string' ? places : 'this version cannot count yet');
  return EXIT.cannotTell;
}
