/**
 * `tlsward tlsrpt`: what others report about TLS sessions to us, and what we report to them (RFC 8460).
 *
 *   tlsward tlsrpt read FILE...    reads reports, shows them with what our own records say, and keeps them
 *   tlsward tlsrpt list            shows those that are kept
 *   tlsward tlsrpt send            sends reports about the sessions of a day
 */
import { quote } from '../config/ini/problem.ts';
import { type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runList } from './tlsrptList.ts';
import { runRead } from './tlsrptRead.ts';
import { runSend } from './tlsrptSend.ts';

/** `tlsward tlsrpt`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.tlsrpt);
  const [word = '', ...files] = positionals;
  if (word === 'read') {
    if (files.length === 0)
      throw new UsageError('read: FILE is missing: a saved message or a report, - for standard input');
    return runRead(files, values, io);
  }
  if (word !== 'list' && word !== 'send')
    throw new UsageError(`found ${quote(word)}, expected read, list or send`);
  if (files.length > 0) throw new UsageError(`found ${quote(files[0]!)}, expected options only`);
  return word === 'send' ? await runSend(values, io) : runList(values, io);
}
