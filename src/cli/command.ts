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
import type { Settings } from '../core/settings.ts';

export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** Is standard output a terminal that may be coloured? */
  readonly colour: boolean;
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

const COMMON = {
  config: { type: 'string' },
  sample: { type: 'boolean' },
  json: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

/** Parses arguments with the common options added; throws UsageError. */
export function parseCommand<O extends NonNullable<ParseArgsConfig['options']>>(
  argv: string[],
  options: O,
): ReturnType<typeof parseArgs<{ options: typeof COMMON & O; allowPositionals: true; strict: true }>> {
  try {
    return parseArgs({
      args: argv,
      options: { ...COMMON, ...options },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. To specify')[0]! : String(error));
  }
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
