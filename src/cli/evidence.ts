/**
 * `tlsward evidence`: what the records of a directory prove, to whoever has a public key.
 *
 *   tlsward evidence verify [DAY...]      does every day hold? What was changed is named
 *
 * `--evidence DIRECTORY` names the directory. `--key FILE` is a copy of evidence.pub that was kept elsewhere.
 * Exit status: 0 all that was asked for holds, 1 it does not, 75 it cannot be told.
 */
import { quote } from '../config/ini/problem.ts';
import { type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { keysOf } from './evidenceKeys.ts';
import { runVerify } from './evidenceVerify.ts';

/** `tlsward evidence`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.evidence);
  const [word = '', ...rest] = positionals;
  const json = values.json ?? false;
  const keys = keysOf(values.key);
  switch (word) {
    case 'verify':
      return runVerify(directoriesOf(values), keys, rest, json, io);
    default:
      throw new UsageError(`found ${quote(word)}, expected verify`);
  }
}

function directoriesOf(values: { readonly evidence?: readonly string[] | undefined }): readonly string[] {
  if (values.evidence === undefined)
    throw new UsageError('--evidence is missing: the directory of the evidence');
  return values.evidence;
}
