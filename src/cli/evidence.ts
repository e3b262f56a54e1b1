/**
 * `tlsward evidence`: what the records of a directory prove, to whoever has a public key.
 *
 *   tlsward evidence verify [DAY...]           does every day hold? What was changed is named
 *   tlsward evidence prove CODE|QUEUE-ID       one file that proves the records of a message
 *   tlsward evidence check FILE --key FILE     does such a file prove what it says?
 *   tlsward evidence consistency FILE          does a head that somebody kept lead to the one that is there now?
 *   tlsward evidence export --partner DOMAIN --from DAY --to DAY    what happened to the mail of a domain
 *   tlsward evidence merge DIRECTORY...        what several hosts saw, and whose tables differ
 *
 * `--evidence DIRECTORY` names the directory, else `evidence` of the configuration. `--key FILE` is a copy of evidence.pub that was kept elsewhere.
 * Exit status: 0 all that was asked for holds, 1 it does not, 75 it cannot be told.
 */
import { isDay } from '../archive/layout.ts';
import { quote } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runCheck } from './evidenceCheck.ts';
import { runConsistency } from './evidenceConsistency.ts';
import { runExport } from './evidenceExport.ts';
import { keysOf } from './evidenceKeys.ts';
import { runMerge } from './evidenceMerge.ts';
import { evidenceDirectories } from './evidencePlaces.ts';
import { runProve } from './evidenceProve.ts';
import { runVerify } from './evidenceVerify.ts';

const WORDS = ['verify', 'prove', 'check', 'consistency', 'export', 'merge'];

/** `tlsward evidence`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.evidence);
  const [word = '', ...rest] = positionals;
  const json = values.json ?? false;
  if (!WORDS.includes(word))
    throw new UsageError(`found ${quote(word)}, expected one of ${WORDS.join(', ')}`);
  const { day } = values;
  if (day !== undefined && !isDay(day))
    throw new UsageError(`--day: found "${escapeText(day)}", expected a day such as 2026-11-30`);
  const keys = keysOf(values.key);
  if (word === 'verify') return runVerify(evidenceDirectories(values, io.env), keys, rest, json, io);
  if (word === 'merge') {
    if (rest.length === 0) throw new UsageError('merge: DIRECTORY is missing: the records of each host');
    return runMerge([...rest, ...(values.evidence ?? [])], values, io);
  }
  if (word === 'export') {
    if (rest.length > 0) throw new UsageError(`found "${escapeText(rest[0]!)}", expected options only`);
    return runExport(evidenceDirectories(values, io.env), keys, values, io);
  }
  const [name, more] = rest;
  if (name === undefined)
    throw new UsageError(`${word}: ${word === 'prove' ? 'CODE|QUEUE-ID' : 'FILE'} is missing`);
  if (more !== undefined) throw new UsageError(`found "${escapeText(more)}", expected nothing more`);
  if (word === 'check') return runCheck(name, keys, json, io);
  const runWord = word === 'prove' ? runProve : runConsistency;
  return await runWord(
    evidenceDirectories(values, io.env),
    keys,
    name,
    { day, output: values.output, json },
    io,
  );
}
