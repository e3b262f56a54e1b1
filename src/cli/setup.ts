/**
 * `tlsward setup`: puts tlsward beside the MTA that is there. For Postfix a plan, which `--apply` carries
 * out, `--undo` takes back and `--remove` reverses; for Sendmail the lines for its .mc.
 */
import { quote } from '../config/ini/problem.ts';
import { type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runSetupPostfix } from './setupPostfix.ts';
import { runSetupSendmail } from './setupSendmail.ts';

/** `tlsward setup`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.setup);
  if (positionals[0] === 'postfix') return await runSetupPostfix(values, io);
  if (positionals[0] === 'sendmail') return runSetupSendmail(values, io);
  throw new UsageError(`found ${quote(positionals[0]!)}, expected postfix or sendmail`);
}
