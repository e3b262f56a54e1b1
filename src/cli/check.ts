/**
 * `tlsward check`: reads the whole configuration as `serve` would, and prints every mistake with file and line, what was
 * found and what was expected. Nothing is opened or changed. Exit status: 0 fine, 78 mistakes.
 */
import { loadConfig } from '../config/load.ts';
import { formatNotice, formatProblem } from '../config/problem.ts';
import { configFile, EXIT, type Io, paint, parseCommand } from './command.ts';

/** `tlsward check`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, {});
  const file = configFile(values, io.env);
  const loaded = loadConfig(file);
  const { notices } = loaded;
  if (values.json) {
    const detail = loaded.ok
      ? { rows: loaded.packed.rows, hash: loaded.hash, files: loaded.files }
      : { problems: loaded.problems };
    io.out(`${JSON.stringify({ ok: loaded.ok, notices, ...detail })}\n`);
    return loaded.ok ? EXIT.yes : EXIT.config;
  }
  if (!loaded.ok) {
    const count = loaded.problems.length;
    io.err(`${paint(io, 'red', `${file}: ${count} mistake${count === 1 ? '' : 's'}`)}\n`);
    for (const problem of loaded.problems) io.err(`${formatProblem(problem)}\n`);
  } else
    io.out(
      `${paint(io, 'green', `${file}: fine`)}; ${loaded.packed.rows} rows from ${loaded.files.length} file${loaded.files.length === 1 ? '' : 's'}\n`,
    );
  for (const notice of notices) io.err(`notice: ${formatNotice(notice)}\n`);
  return loaded.ok ? EXIT.yes : EXIT.config;
}
