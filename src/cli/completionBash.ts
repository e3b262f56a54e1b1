/**
 * Completion for bash: one function that looks for the command among the words and compares the word before
 * the cursor with its options.
 * Source: bash(1), "Programmable Completion".
 */
import {
  type CompletedCommand,
  completedCommands,
  type Following,
  followingOf,
  INSTEAD,
} from './completionWords.ts';
import { COMMON } from './options.ts';

const FUNCTION = `# completion of tlsward for bash, printed by: tlsward completion bash
_tlsward_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_tlsward_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
_tlsward() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= at=0 i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${valued(COMMON).join('|')}) ((++i)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]} at=$i; break ;;
    esac
  done
  case $command in
`;

/** The whole script. */
export function bashCompletion(): string {
  const commands = completedCommands();
  const names = commands.map(({ name }) => name);
  const start = [...names, 'help', ...[...INSTEAD, ...COMMON].map(({ flag }) => flag)].join(' ');
  return [
    FUNCTION,
    `    '')\n      case $prev in ${valued(COMMON).join('|')}) _tlsward_files; return ;; esac\n`,
    `      _tlsward_words '${start}' ;;\n`,
    `    help) _tlsward_words '${names.join(' ')}' ;;\n`,
    ...commands.map(branch),
    '  esac\n}\ncomplete -F _tlsward tlsward\n',
  ].join('');
}

function branch({ name, options, first, files }: CompletedCommand): string {
  const cases = options.flatMap(({ flag, argument }) =>
    argument === undefined ? [] : [`        ${flag}) ${offer(followingOf(argument))}return ;;\n`],
  );
  const flags = options.map(({ flag }) => flag).join(' ');
  return [
    `    ${name})\n      case $prev in\n${cases.join('')}      esac\n`,
    `      if [[ $cur == -* ]]; then _tlsward_words '${flags}'\n`,
    first?.kind === 'words' ? `      elif ((COMP_CWORD == at + 1)); then ${offer(first)}\n` : '',
    files ? '      else _tlsward_files\n' : '',
    '      fi ;;\n',
  ].join('');
}

function offer(following: Following): string {
  if (following.kind === 'words') return `_tlsward_words '${following.words.join(' ')}'; `;
  return following.kind === 'file' ? '_tlsward_files; ' : '';
}

function valued(options: readonly { readonly flag: string; readonly argument?: string }[]): string[] {
  return options.filter(({ argument }) => argument !== undefined).map(({ flag }) => flag);
}
