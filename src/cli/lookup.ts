/**
 * `tlsward lookup CODE`: turns the code at the end of a reply back into the transaction it was given to.
 * Recent ones are in the daemon's memory; older ones are in its log, and in its evidence, under the same code.
 */
import { normaliseCode } from '../daemon/codes.ts';
import { EXIT, type Io, label, parseCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask } from './daemon.ts';

/** `tlsward lookup CODE`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.lookup);
  const code = normaliseCode(positionals[0]!);
  const reply = await ask(values, io, 'lookup', code);
  if (values.json) io.out(`${JSON.stringify(reply)}\n`);
  if (!reply.ok) {
    if (!values.json)
      io.err(
        `${code}: not among the recent verdicts; try: tlsward trace ${code} (with evidence), or journalctl -u tlsward | grep ${code}\n`,
      );
    return EXIT.cannotTell;
  }
  if (values.json) return EXIT.yes;
  const { action, time, reply: said, because, ...rest } = reply.verdict;
  io.out(`${code}: ${String(action)} at ${String(time)}${said === undefined ? '' : `: ${String(said)}`}\n\n`);
  for (const [name, value] of Object.entries(rest))
    io.out(`${label(name)}${Array.isArray(value) ? value.join(', ') : String(value)}\n`);
  if (Array.isArray(because)) {
    because.forEach((reason, i) => {
      io.out(`${label(i === 0 ? 'because' : '')}${String(reason)}\n`);
    });
  }
  return EXIT.yes;
}
