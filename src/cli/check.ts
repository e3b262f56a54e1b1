/**
 * `tlsward check [FILE]`: reads the whole configuration as `serve` would, tries what `serve` would meet on
 * this host (checkHost.ts: key file, socket folders and groups, ports), and prints every mistake with file
 * and line, what was found and what was expected. Nothing is changed: a key file that is not there yet is not
 * made. `--files-only` leaves out the sockets: for a configuration that another host will use, and for the
 * unit, whose sockets systemd may hold. A key file that this user may not read is mentioned, and so is a
 * limit of open files that is too low for `max-connections`: it is that of this process, and the unit's when
 * it is run by it. postconf is asked whether the Postfix of this host keeps what the table promises; what it
 * does not is a warning, and so is an evidence directory that cannot be written. Exit status: 0 fine, 78 mistakes.
 */

import { formatNotice, shownProblem } from '../config/ini/problem.ts';
import { loadConfig } from '../config/load/load.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { askPostconf } from '../daemon/postconf.ts';
import { postfixWarnings } from '../daemon/postfixWarnings.ts';
import { factsOf, type Watched } from '../daemon/postfixWatch.ts';
import { connectionsFor } from '../net/connectionBudget.ts';
import { openFileLimit, tooFewFiles } from '../net/openFiles.ts';
import { evidenceWarnings } from './checkEvidence.ts';
import { NOTHING_TRIED, tryKeyFile, trySockets } from './checkHost.ts';
import { configFile, EXIT, type Io, paint, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';

/** `tlsward check`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.check);
  const file = fileOf(values, positionals[0], io);
  const loaded = loadConfig(file);
  const { notices } = loaded;
  const key = await tryKeyFile(loaded.ok ? loaded.service.markKey : null);
  const tried = loaded.ok && !values.sample && !values['files-only'];
  const sockets = tried ? await trySockets(file, loaded.service) : NOTHING_TRIED;
  const problems = loaded.ok ? [...key.problems, ...sockets.problems] : loaded.problems.map(shownProblem);
  const ok = problems.length === 0;
  const untried = [...key.notices, ...sockets.notices];
  const warnings =
    loaded.ok && !values.sample ? [...(await warningsOf(loaded)), ...evidenceWarnings(loaded.service)] : [];
  const files = loaded.ok ? filesFor(loaded.service.maxConnections) : null;
  if (values.json) {
    const read = loaded.ok
      ? { rows: loaded.packed.rows, hash: loaded.hash, files: loaded.files, openFiles: files }
      : {};
    const notes = [...notices, ...untried.map((text) => ({ text }))];
    io.out(`${JSON.stringify({ ok, problems, notices: notes, warnings, ...read })}\n`);
    return ok ? EXIT.yes : EXIT.config;
  }
  if (!loaded.ok || !ok) {
    io.err(`${paint(io, 'red', `${file}: ${count(problems.length, 'mistake')}`)}\n`);
    for (const { text } of problems) io.err(`${text}\n`);
  } else
    io.out(
      `${paint(io, 'green', `${file}: fine`)}; ${count(loaded.packed.rows, 'row')} from ${count(loaded.files.length, 'file')}\n`,
    );
  for (const notice of notices) io.err(`notice: ${formatNotice(notice)}\n`);
  for (const warning of warnings) io.err(`${paint(io, 'red', 'warning')}: ${warning}\n`);
  for (const notice of untried) io.err(`notice: ${notice}\n`);
  if (files?.notice !== undefined) io.err(`notice: ${files.notice}\n`);
  return ok ? EXIT.yes : EXIT.config;
}

/** The file to check: the argument, or the configuration as every command finds it. */
function fileOf(
  values: { readonly config?: string | undefined; readonly sample?: boolean | undefined },
  named: string | undefined,
  io: Io,
): string {
  if (named === undefined) return configFile(values, io.env);
  if (values.config !== undefined || values.sample)
    throw new UsageError(`give ${escapeText(named)} or ${values.sample ? '--sample' : '--config'}, not both`);
  return named;
}

/** Which settings of the Postfix on this host break a guarantee of the table. */
async function warningsOf(loaded: Watched): Promise<string[]> {
  const { postconf } = loaded.service;
  return postfixWarnings(factsOf(loaded, postconf === null ? null : await askPostconf(postconf)));
}

/** What the limit of open files permits; null: the system does not tell. */
function filesFor(
  maxConnections: number,
): { readonly limit: number; readonly connections: number; readonly notice?: string } | null {
  const limit = openFileLimit();
  if (limit === null) return null;
  const files = { limit, connections: Math.min(maxConnections, connectionsFor(limit)) };
  const few = tooFewFiles();
  if (few !== '') return { ...files, notice: few };
  if (limit >= maxConnections) return files;
  const notice = `max-connections is ${maxConnections}, but with the limit of open files in force here (${limit}) the daemon can hold only ${files.connections}`;
  return { ...files, notice };
}
