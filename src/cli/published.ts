/**
 * `tlsward published DOMAIN`: what the running daemon has found out about what a domain publishes, for rows
 * with `deliver = auto`: DANE and MTA-STS, since when and until when, or the other policy server's answer.
 *
 *   tlsward published bank.example              what is known; looked up if it is not
 *   tlsward published bank.example --refresh    looked up again, regardless of the cache
 *   tlsward published bank.example --forget     what is kept is dropped, on disk too
 *
 * A host as a next hop may be given too, `[mx.bank.example]:587`. Exit status: 0 known, 75 a lookup failed.
 */
import { EXIT, type Io, label, paint, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask } from './daemon.ts';
import { hasUnknown, publishedLines } from './publishedText.ts';

/** `tlsward published`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.published);
  const domain = positionals[0]!;
  if (values.refresh && values.forget) throw new UsageError('--refresh and --forget exclude each other');
  const command = values.refresh ? 'published-refresh' : values.forget ? 'published-forget' : 'published';
  const reply = await ask(values, io, command, domain);
  if (!reply.ok) throw new UsageError(reply.error ?? 'the daemon gave no reason');
  const { published } = reply;
  const status = published === undefined || !hasUnknown(published) ? EXIT.yes : EXIT.cannotTell;
  if (values.json) {
    io.out(`${JSON.stringify(reply)}\n`);
    return status;
  }
  if (published === undefined) {
    io.out(reply.forgotten ? `${domain}: forgotten\n` : `${domain}: nothing was kept\n`);
    return status;
  }
  io.out(`${paint(io, status === EXIT.yes ? 'green' : 'red', domain)}\n\n`);
  for (const [i, line] of publishedLines(published, reply.kept ?? null, Date.now()).entries())
    io.out(`${label(i === 0 ? 'published' : '')}${line}\n`);
  return status;
}
