/**
 * `undo.sh`: takes one change of setup back without tlsward. If main.cf and master.cf have not changed since,
 * they become what they were, byte by byte; otherwise each parameter goes back that still says what setup
 * wrote, and the rest is named.
 */
import type { Change } from '../plan.ts';
import { inOrder, reversed, stepOf } from '../steps.ts';
import type { SetupRecord } from './setupRecord.ts';

/** The text of the script. */
export function undoScript({ time, directory, changes, after }: SetupRecord): string {
  const back = inOrder(reversed(changes));
  const sums = Object.entries(after ?? {}).map(([name, sum]) => `${sum}  ${name}`);
  return `#!/bin/sh
# Takes back what "tlsward setup postfix" wrote on ${time}, without tlsward: sh undo.sh
set -u
dir=${word(directory)}
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$here/main.cf" ] && [ -f "$here/master.cf" ] || { echo "the copies are not beside this script"; exit 1; }

back() { # what is there, what setup wrote, then the arguments of postconf
  there=$1 wrote=$2 name=$3; shift 3
  if [ "$there" = "$wrote" ]; then postconf -c "$dir" "$@" || exit 1
  else echo "left as it is, because it was changed since: $name"
  fi
}

if (cd "$dir" && sha256sum --status -c -) <<'END'
${sums.join('\n')}
END
then
  for file in main.cf master.cf; do
    cp -p "$here/$file" "$dir/$file.undo" && mv "$dir/$file.undo" "$dir/$file" || exit 1
  done
else
  # all of it first: postconf does not know a parameter that nothing uses any more
${back.map((change, i) => `  there${i}="$(${shown(change)})"`).join('\n')}
${back.map(lineOf).join('\n')}
fi
postfix -c "$dir" check || exit 1
if postfix -c "$dir" status 2>/dev/null; then postfix -c "$dir" reload; fi
`;
}

/** The command that prints what there is now, as setup wrote it. */
function shown({ target, service, name }: Change): string {
  if (target === 'main') return `postconf -c "$dir" -h ${word(name)} 2>/dev/null`;
  if (target === 'override') return `postconf -c "$dir" -Ph ${word(`${service}/${name}`)} 2>/dev/null`;
  return `postconf -c "$dir" -M ${word(service)} 2>/dev/null | tr -s ' \\n\\t' ' ' | sed 's/ $//'`;
}

/** What there was is compared with what setup wrote; here \`before\` is that. */
function lineOf(change: Change, number: number): string {
  const { target, name, before } = change;
  const [option, argument] = stepOf(change);
  return `  back "$there${number}" ${word(before ?? '')} ${word(target === 'main' ? name : argument)} ${option} ${word(argument)}`;
}

/** Quotes any text as one word for sh. */
function word(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
