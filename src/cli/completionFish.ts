/**
 * Completion for fish: one `complete` for each word.
 * Source: complete(1) of fish.
 */
import { completedCommands, type Following, followingOf, INSTEAD } from './completionWords.ts';

/** The whole script. */
export function fishCompletion(): string {
  const commands = completedCommands();
  const lines = [
    '# completion of tlsward for fish, printed by: tlsward completion fish',
    'complete -c tlsward -f',
    ...INSTEAD.map(({ flag, meaning }) => `${START} -l ${flag.slice(2)} -d ${quoted(meaning)}`),
    ...[...commands, { name: 'help', summary: 'show what a command takes' }].map(
      ({ name, summary }) => `${START} -a ${name} -d ${quoted(summary)}`,
    ),
    `${behind('help')} -a ${quoted(commands.map(({ name }) => name).join(' '))}`,
  ];
  for (const { name, options, first, files } of commands) {
    const here = behind(name);
    for (const { flag, argument, meaning } of options) {
      const follows = argument === undefined ? '' : ` ${action(followingOf(argument))}`;
      lines.push(`${here} -l ${flag.slice(2)}${follows} -d ${quoted(meaning)}`);
    }
    if (first?.kind === 'words') lines.push(`${here} -a ${quoted(first.words.join(' '))}`);
    if (files) lines.push(`${here} -F`);
  }
  return `${lines.join('\n')}\n`;
}

const START = 'complete -c tlsward -n __fish_use_subcommand';

function behind(command: string): string {
  return `complete -c tlsward -n '__fish_seen_subcommand_from ${command}'`;
}

/** -x: something must follow and no file; -r: a file may. */
function action(following: Following): string {
  if (following.kind === 'words') return `-x -a ${quoted(following.words.join(' '))}`;
  return following.kind === 'file' ? '-r -F' : '-x';
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
