/**
 * The text of `tlsward help`, made from the table of commands.
 */
import { COMMANDS } from './commands.ts';

/** The whole help, or that of one command. */
export function usage(only = ''): string {
  const commands = Object.entries(COMMANDS)
    .filter(([name]) => only === '' || name === only)
    .flatMap(([name, { summary, options = [] }]) => [
      `  ${name.padEnd(13)}${summary}\n`,
      ...options.map((line) => `${' '.repeat(17)}${line}\n`),
    ]);
  return [
    'tlsward: one table says how each mail domain must be protected by TLS\n\n',
    'usage: tlsward COMMAND [--config FILE | --sample] [--json] [OPTION ...]\n\n',
    ...commands,
    '\nThe configuration is --config FILE, else $TLSWARD_CONFIG, else /etc/tlsward/tlsward.ini;\n',
    '--sample takes the table that comes with the program.\n',
    'Exit status: 0 yes, 1 the policy says no, 64 usage, 65 unreadable, 69 no daemon,\n',
    '71 too few open files, 73 cannot write, 75 cannot tell, 78 configuration.\n',
  ].join('');
}
