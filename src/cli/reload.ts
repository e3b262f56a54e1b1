/**
 * `tlsward reload [--dry-run]`: the daemon reads its configuration again beside the running table. Prints
 * what changed, or every mistake; with mistakes the old table stays and the exit status is 78. With --dry-run
 * it prints what would change, and nothing is put in force.
 *
 * With --refuse-if-newly-rejects the recorded mail is judged by the configuration on disk first. Its hash goes with the
 * request: the daemon refuses when it reads anything else.
 */
import { count } from '../core/plural.ts';
import type { ReloadReply } from '../daemon/controlReplies.ts';
import { restartWords } from '../daemon/statusFindings.ts';
import { EXIT, type Io, paint, parseCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask } from './daemon.ts';
import { limitOf, rehearse } from './rehearse.ts';
import { replayJson } from './replayText.ts';

/** `tlsward reload`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.reload);
  const limit = values['refuse-if-newly-rejects'];
  const tried = limit === undefined ? null : rehearse(limitOf(limit), values, io);
  if (typeof tried === 'number') return tried;
  const dry = values['dry-run'] === true;
  const reply = await ask(values, io, dry ? 'reload-dry-run' : 'reload', dry ? '' : (tried?.hash ?? ''));
  if (values.json) {
    const replay = tried === null ? null : { replay: replayJson(tried) };
    io.out(`${JSON.stringify({ ...reply, ...replay })}\n`);
  }
  if (reply.differs === true) {
    if (!values.json) io.err(`${reply.error}; run it again\n`);
    return EXIT.cannotTell;
  }
  if (values.json) return reply.ok ? EXIT.yes : EXIT.config;
  return printReload(reply, io);
}

/** Prints what the daemon answered to `reload`; returns the exit status. */
export function printReload(reply: ReloadReply, io: Io): number {
  if (!reply.ok) {
    const problems = reply.problems?.map(({ text }) => text) ?? [reply.error ?? 'unknown error'];
    const mistakes = reply.count ?? problems.length;
    io.err(`${paint(io, 'red', `${count(mistakes, 'mistake')}; the old table stays`)}\n`);
    for (const problem of problems) io.err(`${problem}\n`);
    if (mistakes > problems.length)
      io.err(`and ${mistakes - problems.length} more; tlsward check prints them all\n`);
    return EXIT.config;
  }
  const { added = 0, removed = 0, changed = 0, rules = 0, lines = [] } = reply.changes ?? {};
  const head = reply.dryRun ? 'dry run, nothing is changed' : `reloaded: generation ${reply.generation}`;
  io.out(
    `${head}${reply.dryRun ? ': ' : ', '}${count(Number(reply.rows), 'row')}; ${added} added, ${removed} removed, ${changed} changed${rules > 0 ? `, ${count(rules, 'rule')} changed` : ''}\n`,
  );
  for (const line of lines) io.out(`  ${line}\n`);
  for (const notice of reply.notices ?? []) io.out(`notice: ${notice}\n`);
  if (reply.restartNeeded?.length) io.out(`${restartWords(reply.restartNeeded)}\n`);
  return EXIT.yes;
}
