/**
 * The text of `tlsward help` and `tlsward help COMMAND`, made from the table of commands.
 */
import type { Command } from './commandEntry.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import { COMMON, type Operand, type Option } from './options.ts';

/** Column at which explanations begin. */
const COLUMN = 24;

/** All commands, one line each. */
export function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}\n`);
  return [
    'tlsward: one table says how each mail domain must be protected by TLS\n\n',
    'usage: tlsward COMMAND [--config FILE | --sample] [--json] [OPTION ...]\n\n',
    ...commands,
    '\ntlsward help COMMAND shows its options; tlsward --version the version.\n',
    'The configuration is --config FILE, else $TLSWARD_CONFIG, else /etc/tlsward/tlsward.ini;\n',
    '--sample takes the table that comes with the program.\n',
    'Exit status: 0 yes, 1 the policy says no, 64 usage, 65 unreadable, 69 no daemon,\n',
    '71 too few open files, 73 cannot write, 75 cannot tell, 78 configuration.\n',
  ].join('');
}

/** One command: its forms, each option with its meaning and an example, exit statuses. */
export function commandHelp(name: CommandName): string {
  const { summary, usage, operands, options, examples, exit }: Command = COMMANDS[name];
  const forms = usage.map((form) => `tlsward ${name} ${form}`.trimEnd());
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`\n${title}:\n`, ...lines];
  return [
    `tlsward ${name}: ${summary}\n\n`,
    ...forms.map((form, i) => `${i === 0 ? 'usage: ' : '       '}${form}\n`),
    ...section('Arguments', operands.map(operandText)),
    ...section('Options', [...options, ...COMMON].map(optionText)),
    ...section(
      'Examples',
      examples.map(({ line, meaning }) => `  ${line}\n      ${meaning}\n`),
    ),
    ...section(
      'Exit status',
      Object.entries({ ...exit, 64: 'wrong arguments' }).map(([code, text]) => entry(code, text, 6)),
    ),
  ].join('');
}

function operandText({ name, meaning, several }: Operand): string {
  return entry(`${name}${several === true ? ' ...' : ''}`, meaning, COLUMN);
}

function optionText({ flag, argument, meaning, example, default: standard = '' }: Option): string {
  const head = argument === undefined ? flag : `${flag} ${argument}`;
  const text = standard === '' ? meaning : `${meaning} (without it: ${standard})`;
  const typed = example === undefined ? '' : `${' '.repeat(COLUMN)}example: ${example}\n`;
  return `${entry(head, text, COLUMN)}${typed}`;
}

/** Two columns; a head that is too wide has a line of its own. */
function entry(head: string, text: string, column: number): string {
  const left = `  ${head}`;
  if (left.length + 2 > column) return `${left}\n${' '.repeat(column)}${text}\n`;
  return `${left.padEnd(column)}${text}\n`;
}
