/** An entry of the table of commands, and what several entries say of an exit status. */
import type { Operand, Option } from './options.ts';

export interface Command {
  /** One line, without a full stop. */
  readonly summary: string;
  /** Forms of the command line behind `tlsward NAME`, each without the options that every command has. */
  readonly usage: readonly string[];
  readonly operands: readonly Operand[];
  readonly options: readonly Option[];
  /** Whole command lines, each with what it is good for. */
  readonly examples: readonly { readonly line: string; readonly meaning: string }[];
  /** Exit statuses and what each means here; 64 (wrong arguments) is every command's. */
  readonly exit: Readonly<Record<number, string>>;
}

export const MISTAKES = { 78: 'the configuration is missing, cannot be read or has mistakes' } as const;
export const NO_DAEMON = { 69: 'the daemon does not answer' } as const;
export const NO_FILE = { 78: 'there is no configuration of that name' } as const;
export const UNREADABLE = { 65: 'a file cannot be read' } as const;
