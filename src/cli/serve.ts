/**
 * `tlsward serve`: runs the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads.
 *
 * Prints one line per listener on standard error once it accepts connections; the log goes to standard
 * output. With `--sample` it also says what to try next. Exit status: 0 stopped as asked, 78 mistakes in the
 * configuration or its key file, 69 a socket cannot be opened, 71 too few files may be open.
 */
import { resolve } from 'node:path';
import { loadAtStart } from '../config/load/loadAtStart.ts';
import { tooFewFiles } from '../net/openFiles.ts';
import { configFile, EXIT, type Io, parseCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runDaemon } from './runDaemon.ts';

/** `tlsward serve`; resolves when the daemon has stopped. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.serve);
  // before the worker: node ends with a raw stack when it cannot open what a thread needs
  const few = tooFewFiles();
  if (few !== '') {
    io.err(`tlsward: ${few}; not started\n`);
    return EXIT.system;
  }
  // the log names files by their full paths: its readers are in another folder
  const config = values.sample ? configFile(values, io.env) : resolve(configFile(values, io.env));
  return await runDaemon(config, handedOver(loadAtStart(config)), values.sample ?? false, io);
}

/**
 * Gives `value` at the first call, and then lets go of it: this function and others wait until the daemon ends, and what
 * they name stays in memory, as the first table would, long after it was replaced.
 */
function handedOver<T>(value: T): () => T {
  let held: T[] = [value];
  return () => {
    const [first] = held;
    held = [];
    return first as T;
  };
}
