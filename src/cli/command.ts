/**
 * What every command shares: its input and output, the options `--config`, `--sample` and `--json`, exit
 * statuses.
 *
 * Exit statuses (sysexits(3) where it has one): 0 yes, 1 the policy says no, 64 usage, 65 the data cannot be
 * read, 69 the daemon does not answer, 73 a file cannot be written, 75 cannot tell, 78 configuration.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/ini/suggest.ts';
import { escapeText } from '../core/escape.ts';
import type { Settings } from '../core/settings.ts';
import { fileError } from '../files/systemError.ts';
import { asciiJson } from './asciiJson.ts';
import { COMMON, type Operand, type Option, type Values } from './options.ts';

export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** Is standard output a terminal that may be coloured? */
  readonly colour: boolean;
  /** Is standard error a terminal and standard output none? Then long work says there how far it has come. */
  readonly progress?: boolean;
  /** Is standard error a terminal, whatever standard output is? */
  readonly errorsShown?: boolean;
  /** The terminal behind standard output and input; absent when either is none. */
  readonly terminal?: Terminal;
}

/** A terminal for a picture that is drawn again and again. */
export interface Terminal {
  /** Now; 80 by 24 where it does not tell. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls `key` with what is typed, each key at once, and `resized`; returns what ends that. */
  listen(key: (text: string) => void, resized: () => void): () => void;
}

export type Run = (argv: string[], io: Io) => Promise<number>;

export const EXIT = {
  yes: 0,
  no: 1,
  usage: 64,
  data: 65,
  unavailable: 69,
  /** EX_OSERR of sysexits(3): the system does not give what is needed. */
  system: 71,
  cannotCreate: 73,
  cannotTell: 75,
  config: 78,
} as const;

/** Invalid arguments: the message names the mistake, `main` adds where to find help. */
export class UsageError extends Error {}

/** The configuration that is needed is not there, or cannot be read. */
export class ConfigError extends Error {}

/** Options by their names, as node:util takes them. */
function parserOptions(options: readonly Option[]): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    options.map(({ flag, argument, several = false, default: standard }) => {
      const type = argument === undefined ? 'boolean' : 'string';
      const value = standard === undefined ? {} : { default: standard };
      return [flag.slice(2), { type, multiple: several, ...value }] as const;
    }),
  );
}

/** What there is of a command's entry in the table. */
interface Parsed {
  readonly options: readonly Option[];
  readonly operands: readonly Operand[];
}

/** What `parseCommand` finds for the options of a command. */
export type CommandValues<C extends Pick<Parsed, 'options'>> = Values<C['options']> & Values<typeof COMMON>;

/**
 * Parses arguments by the command's entry in the table (commands.ts), with the options that every command
 * has; throws UsageError for what is not in it.
 */
export function parseCommand<const C extends Parsed>(
  argv: string[],
  command: C,
): {
  readonly values: CommandValues<C>;
  readonly positionals: readonly string[];
} {
  const options = parserOptions([...COMMON, ...command.options]);
  let parsed: { readonly values: object; readonly positionals: readonly string[] };
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(unknownOptions(argv, options) ?? saidByParser(error));
  }
  checkOperands(parsed.positionals, command.operands);
  // the table says which option has which type, here as in the types
  return parsed as ReturnType<typeof parseCommand<C>>;
}

/** Every option that is none, with the nearest that is one; null when all are known. */
function unknownOptions(argv: string[], options: NonNullable<ParseArgsConfig['options']>): string | null {
  const known = Object.keys(options);
  const { tokens } = parseArgs({ args: argv, options, strict: false, allowPositionals: true, tokens: true });
  const wrong = tokens.flatMap((token) =>
    token.kind === 'option' && !known.includes(token.name) ? [token] : [],
  );
  if (wrong.length === 0) return null;
  const said = wrong.map(({ name, rawName }) => {
    const near = nearest(name, known);
    return `${escapeText(rawName)}${near === null ? '' : ` (did you mean --${near}?)`}`;
  });
  return `unknown option ${[...new Set(said)].join(', ')}`;
}

function saidByParser(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return escapeText(text.replaceAll('\n', ' ').replace(/\.$/, ''), 400);
}

function checkOperands(given: readonly string[], operands: readonly Operand[]): void {
  const missing = operands.find(({ optional }, i) => optional !== true && given[i] === undefined);
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing: ${missing.meaning}`);
  const more = operands.some(({ several }) => several === true) ? undefined : given[operands.length];
  if (more === undefined) return;
  const taken = operands.map(({ name }) => name).join(' ');
  throw new UsageError(
    `found "${escapeText(more)}", expected ${taken === '' ? 'options only' : `${taken} and nothing more`}`,
  );
}

/** Says what failed: a line on standard error, or `{"ok":false,"error":"..."}` on standard output. */
export function reportError(io: Io, json: boolean | undefined, error: string): void {
  if (json) io.out(`${asciiJson({ ok: false, error })}\n`);
  else io.err(`${error}\n`);
}

/** Says why a file cannot be read; returns the exit status. Throws an error that is not of the system. */
export function unreadable(io: Io, json: boolean | undefined, file: string, error: unknown): number {
  if (!(error instanceof Error && 'code' in error)) throw error;
  reportError(io, json, `${escapeText(file, 300)}: cannot be read (${fileError(error)})`);
  return EXIT.data;
}

/** The sample table that comes with the program; a short path where it lies below the current folder. */
function sampleConfig(): string {
  const path = fileURLToPath(new URL('../../../contrib/tables/sample.ini', import.meta.url));
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

/** The configuration file of a command: `--config`, `--sample`, TLSWARD_CONFIG, or the system's own. */
export function configFile(
  values: { config?: string | undefined; sample?: boolean | undefined },
  env: NodeJS.ProcessEnv,
): string {
  if (values.config !== undefined && values.sample)
    throw new UsageError('--config and --sample exclude each other');
  if (values.config !== undefined) return values.config;
  if (values.sample) return sampleConfig();
  return env.TLSWARD_CONFIG ?? '/etc/tlsward/tlsward.ini';
}

/** Left column of a two-column text. */
export function label(text: string): string {
  return text.padEnd(11);
}

/** Colour by meaning, only where it is wanted. */
export function paint(io: Io, colour: 'red' | 'green' | 'yellow' | 'bold', text: string): string {
  const codes = { red: 31, green: 32, yellow: 33, bold: 1 };
  return io.colour ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

/** Until when and why, for a row that is an exception; null for any other. */
export function exceptionWords({ lineage, until, reason }: Settings): string | null {
  if (lineage[0]?.startsWith('exception ') !== true) return null;
  return `until ${until ?? ''}: ${reason ?? ''}`;
}
