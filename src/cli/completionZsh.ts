/**
 * Completion for zsh, by its own _arguments.
 * Source: zshcompsys(1).
 */
import {
  type CompletedCommand,
  completedCommands,
  type Following,
  followingOf,
  INSTEAD,
} from './completionWords.ts';
import type { Option } from './options.ts';

/** The whole script; a file of it is called _tlsward and lies in a folder of $fpath. */
export function zshCompletion(): string {
  const commands = completedCommands();
  const described = [...commands, { name: 'help', summary: 'show what a command takes' }].map(
    ({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`,
  );
  return [
    '#compdef tlsward\n# completion of tlsward for zsh, printed by: tlsward completion zsh\n_tlsward() {\n',
    '  local curcontext=$curcontext state line\n  local -a commands\n',
    `  commands=(\n${described.join('')}  )\n`,
    `  _arguments -C ${INSTEAD.map(option).join(' ')} '1: :->command' '*:: :->words'\n`,
    "  case $state in\n    command) _describe -t commands 'command' commands ;;\n    words)\n      case $words[1] in\n",
    "        help) _describe -t commands 'command' commands ;;\n",
    ...commands.map(branch),
    '      esac ;;\n  esac\n}\nif [[ $funcstack[1] == _tlsward ]]; then _tlsward "$@"; else compdef _tlsward tlsward; fi\n',
  ].join('');
}

function branch({ name, options, first, files }: CompletedCommand): string {
  const specs = options.map(option);
  if (first?.kind === 'words') specs.push(quoted(`1: :${action(first)}`));
  if (files) specs.push(quoted('*:file:_files'));
  else if (first !== null && first.kind !== 'words') specs.push(quoted('*: : '));
  return `        ${name}) _arguments ${specs.join(' ')} ;;\n`;
}

function option({ flag, argument, several, meaning }: Option): string {
  const follows = argument === undefined ? '' : `:${escaped(argument)}:${action(followingOf(argument))}`;
  return quoted(`${several === true ? '*' : ''}${flag}[${escaped(meaning)}]${follows}`);
}

function action(following: Following): string {
  if (following.kind === 'words') return `(${following.words.join(' ')})`;
  return following.kind === 'file' ? '_files' : ' ';
}

/** Inside of brackets and messages: what has a meaning to _arguments. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
