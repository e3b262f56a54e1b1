/**
 * From the arguments of the process to an exit status: finds the command in the table, runs it, and says what
 * was wrong with the arguments or that the daemon does not answer; with `--json` as
 * `{"ok":false,"error":"..."}` on standard output.
 */
import { packageVersion } from '../daemon/version.ts';
import { EXIT, type Io, reportError } from './command.ts';
import { COMMAND_FILES } from './commandFiles.ts';
import { COMMANDS, isCommand } from './commands.ts';
import { commandHelp, overview } from './help.ts';
import { COMMON } from './options.ts';

const HELP = ['help', '--help', '-h'];

/** Runs the command that `argv` names; resolves to the exit status. */
export async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const { name, rest } = splitCommand(argv);
  const asked = [name, ...rest];
  if (name === '--version' || name === 'version') {
    io.out(`tlsward ${packageVersion()}, Node.js ${process.versions.node}\n`);
    return EXIT.yes;
  }
  const help = HELP.includes(name);
  const wanted = help ? (rest.find((word) => !word.startsWith('-')) ?? '') : name;
  if (wanted === '') {
    if (help) io.out(overview());
    else io.err(overview());
    return help ? EXIT.yes : EXIT.usage;
  }
  if (!isCommand(wanted)) return fail(io, asked, await unknownCommand(wanted), EXIT.usage);
  if (help || rest.includes('--help') || rest.includes('-h')) {
    io.out(commandHelp(wanted));
    return EXIT.yes;
  }
  try {
    const { run } = await COMMAND_FILES[wanted]();
    return await run(rest, io);
  } catch (error) {
    // by name: the modules that define these errors are loaded only by commands that need them
    const known = error instanceof Error ? error.constructor.name : '';
    const { message } = error as Error;
    if (known === 'UsageError') return fail(io, asked, `tlsward ${wanted}: ${message}`, EXIT.usage, wanted);
    if (known === 'ConfigError') return fail(io, asked, `tlsward ${wanted}: ${message}`, EXIT.config);
    if (known === 'ControlError') return fail(io, asked, `tlsward ${wanted}: ${message}`, EXIT.unavailable);
    throw error;
  }
}

/** The command's name; options that every command has may stand before it, and are put behind it. */
function splitCommand(argv: readonly string[]): { readonly name: string; readonly rest: string[] } {
  let at = 0;
  for (;;) {
    const word = argv[at] ?? '';
    const option = COMMON.find(({ flag }) => word === flag || word.startsWith(`${flag}=`));
    if (option === undefined) break;
    at += 'argument' in option && word === option.flag ? 2 : 1;
  }
  return { name: argv[at] ?? '', rest: [...argv.slice(at + 1), ...argv.slice(0, at)] };
}

function fail(io: Io, argv: readonly string[], error: string, code: number, command = ''): number {
  const json = argv.includes('--json');
  const hint = json || command === '' ? '' : `; tlsward help ${command} shows the options`;
  reportError(io, json, `${error}${hint}`);
  return code;
}

async function unknownCommand(word: string): Promise<string> {
  const { escapeText } = await import('../core/escape.ts');
  const { nearest } = await import('../config/ini/suggest.ts');
  const what = word.startsWith('-') ? 'option' : 'command';
  const known =
    what === 'command' ? Object.keys(COMMANDS) : [...COMMON.map(({ flag }) => flag), '--version', '--help'];
  const near = nearest(word, known);
  const hint = near === null ? '' : ` (did you mean ${near}?)`;
  return `tlsward: no ${what} "${escapeText(word)}"${hint}; tlsward help lists them`;
}
