/**
 * `tlsward notices`: how many authors were told that their mail waits, as the last look of `tlsward notices run` left it;
 * `run`: the process that looks and tells.
 *
 *   tlsward notices [--json]
 *   tlsward notices run
 *
 * No address is printed. Exit status of the list: 0 said, 65 the state cannot be used, 75 nothing has looked lately. Of
 * `run`: 0 stopped as asked, 65 the state cannot be used, 75 another process tells, 78 nobody is to be told.
 */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { fileError } from '../files/systemError.ts';
import { loadNotices, NoticesStateError, noticesFile, type SavedNotices } from '../notices/run/stateFile.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';
import { tellAuthors } from './noticesRun.ts';
import { smtpPlaceOf } from './smtpPlace.ts';

/** Longer without a look, and nobody looks any more. */
const LATE_MS = 600_000;

/** `tlsward notices`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.notices);
  const [what = 'list'] = positionals;
  if (!['list', 'run'].includes(what))
    throw new UsageError(`found "${escapeText(what)}", expected run, or nothing`);
  const file = configFile(values, io.env);
  const loaded = what === 'run' ? loadOrReport(file, values.json, io) : null;
  if (what === 'run' && loaded === null) return EXIT.config;
  const state = noticesFile(values.state);
  let saved: SavedNotices | null;
  try {
    saved = loadNotices(state);
  } catch (error) {
    if (!(error instanceof NoticesStateError) && !(error instanceof Error && 'code' in error)) throw error;
    const why = error instanceof NoticesStateError ? error.message : `cannot be read (${fileError(error)})`;
    const who = 'who was told is not known, so nobody is; move it away to begin anew';
    reportError(io, values.json, `tlsward notices: ${escapeText(state, 300)}: ${why}: ${who}`);
    return EXIT.data;
  }
  if (loaded === null) return list(saved, values.json, io);
  const { smtp, postqueue, mailq, 'postfix-config': folder } = values;
  return await tellAuthors(
    file,
    loaded,
    { state, saved, server: smtpPlaceOf(smtp), programs: { postqueue, mailq, folder } },
    io,
  );
}

function list(saved: SavedNotices | null, json: boolean | undefined, io: Io): number {
  if (saved === null || saved.lookedAt === 0) {
    const hint = 'systemctl enable --now tlsward-notices';
    reportError(io, json, `tlsward notices: nothing has looked yet: ${hint}`);
    return EXIT.cannotTell;
  }
  const { ledger, begunAt } = saved;
  const waiting = ledger.entries.flatMap(({ told }) => told.filter(({ goneAt }) => goneAt === null));
  const authors = ledger.entries.filter(({ told }) => told.some(({ goneAt }) => goneAt === null)).length;
  const { waiting: notices, left } = ledger.sent;
  const late = Math.abs(Date.now() - saved.lookedAt) > LATE_MS;
  const [lookedAt, since] = [saved.lookedAt, begunAt].map((ms) => new Date(ms).toISOString()) as [
    string,
    string,
  ];
  if (json)
    io.out(
      `${asciiJson({ ok: !late, lookedAt, late, since, sent: { waiting: notices, left }, messages: waiting.length, authors })}\n`,
    );
  else {
    if (late) io.out(`nobody has looked since ${lookedAt}: systemctl status tlsward-notices\n`);
    io.out(
      `${count(waiting.length, 'message')} of ${count(authors, 'author')} who ${authors === 1 ? 'was' : 'were'} told; last look ${lookedAt}\n`,
    );
    io.out(`since ${since}: ${count(notices, 'notice')} that mail waits, ${left} that it has left\n`);
  }
  return late ? EXIT.cannotTell : EXIT.yes;
}
