/**
 * What the shells need to know of the table of commands: which words, or files, can stand behind what was
 * typed.
 */
import type { Command } from './commandEntry.ts';
import { COMMANDS } from './commands.ts';
import { COMMON, type Option } from './options.ts';

/** What follows an option or stands as an operand: fixed words, a file, or something only the user knows. */
export type Following =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' | 'free' };

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** Those of the command and those that every command has. */
  readonly options: readonly Option[];
  /** Of the first operand; null: there is none. */
  readonly first: Following | null;
  /** May a file stand as an operand, first or later? */
  readonly files: boolean;
}

/** A word that is typed as it stands, not a placeholder in capitals. */
const LITERAL = /^(?:[a-z][a-z0-9_-]*|REQUIRETLS)$/;
const FILES: readonly string[] = ['FILE', 'SOCKET', 'FOLDER'];

/** By the name of an argument in the table: `a|b`, `FILE`, `ADDRESS`. */
export function followingOf(argument: string): Following {
  const parts = argument.split('|');
  const words = parts.filter((part) => LITERAL.test(part));
  if (words.length > 0) return { kind: 'words', words };
  return { kind: parts.some((part) => FILES.includes(part)) ? 'file' : 'free' };
}

/** Every command, in the order of the help. */
export function completedCommands(): CompletedCommand[] {
  return Object.entries(COMMANDS).map(([name, command]) => {
    const { summary, options, operands }: Command = command;
    const kinds = operands.map((operand) => followingOf(operand.name));
    return {
      name,
      summary,
      options: [...options, ...COMMON, HELP],
      first: kinds[0] ?? null,
      files: kinds.some(({ kind }) => kind === 'file'),
    };
  });
}

/** Words that can stand in place of a command. */
export const INSTEAD = [
  { flag: '--version', meaning: 'print the version' },
  { flag: '--help', meaning: 'list the commands' },
] as const satisfies readonly Option[];

const HELP: Option = { flag: '--help', meaning: 'show what the command takes' };
