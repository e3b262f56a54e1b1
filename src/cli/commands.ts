/**
 * The commands of `tlsward`: the one table that the help, the parser of options, the manual pages and the
 * completion of the shells are made from, in eight parts. Which file runs a command is in commandFiles.ts: the files of the
 * commands read this table.
 *
 * The options that every command has (`COMMON` in options.ts) are not repeated here.
 */
import type { Command } from './commandEntry.ts';
import { EVIDENCE_COMMANDS } from './evidenceCommands.ts';
import { MAIL_COMMANDS } from './mailCommands.ts';
import { PARTNER_COMMANDS } from './partnerCommands.ts';
import { QUEUE_COMMANDS } from './queueCommands.ts';
import { REPORT_COMMANDS } from './reportCommands.ts';
import { SERVICE_COMMANDS } from './serviceCommands.ts';
import { TABLE_COMMANDS } from './tableCommands.ts';
import { TLSRPT_COMMANDS } from './tlsrptCommands.ts';

/** Every command by name, in the order of the help. */
export const COMMANDS = {
  ...SERVICE_COMMANDS,
  ...TABLE_COMMANDS,
  ...MAIL_COMMANDS,
  ...EVIDENCE_COMMANDS,
  ...REPORT_COMMANDS,
  ...PARTNER_COMMANDS,
  ...QUEUE_COMMANDS,
  ...TLSRPT_COMMANDS,
  completion: {
    summary: 'print a script by which a shell completes the words of tlsward',
    usage: ['bash | zsh | fish'],
    operands: [{ name: 'bash|zsh|fish', meaning: 'the shell' }],
    options: [],
    examples: [
      {
        line: 'tlsward completion bash',
        meaning: 'goes to /etc/bash_completion.d/tlsward; the Debian package has it',
      },
    ],
    exit: { 0: 'printed' },
  },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

/** Is this the name of a command? */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
