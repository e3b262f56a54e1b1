/**
 * `tlsward completion bash | zsh | fish`: prints a script by which the shell completes commands, options and
 * what follows them. It is made from the table of commands and asks the program nothing while one types.
 */
import { EXIT, type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { bashCompletion } from './completionBash.ts';
import { fishCompletion } from './completionFish.ts';
import { zshCompletion } from './completionZsh.ts';

const SHELLS: Readonly<Record<string, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `tlsward completion`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { positionals } = parseCommand(argv, COMMANDS.completion);
  const shell = positionals[0]!;
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined) throw new UsageError(`which shell? ${Object.keys(SHELLS).join(', ')}`);
  io.out(script());
  return EXIT.yes;
}
