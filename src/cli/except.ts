/**
 * `tlsward except`: lets a domain be less protected (or more) for some days, and puts that in force at once.
 *
 *   tlsward except DOMAIN --until +14d | +2w | YYYY-MM-DD --reason TEXT [--receive LEVEL] [--deliver LEVEL] [--contact TEXT]
 *   tlsward except DOMAIN --remove                        either with --dry-run: checked and shown, not written
 *
 * Writes one `[exception DOMAIN]` section into the file that `exceptions` of the configuration names, or
 * changes the one that is there. With --receive or --deliver only that direction changes. Without them, each
 * direction in which the row that applies otherwise requires something becomes `may`: one that it leaves to
 * the MTA's own default must not become weaker than that. If that row requires nothing, the arguments are
 * wrong. The whole configuration is checked before and after; with any mistake the file stays as it was. Then
 * the daemon reads it, and what changed is printed as `reload` does.
 * Exit status: 0 in force, 1 no such exception to remove, 69 written, but no daemon answers; 73 the file
 * cannot be written, 75 another process is writing it, 78 mistakes.
 */

import { Invalid, type Problem, quote } from '../config/ini/problem.ts';
import { addDays, dayOf, daysBetween } from '../config/keys/day.ts';
import { type Pattern, parsePattern } from '../config/keys/pattern.ts';
import { parseDay } from '../config/keys/values.ts';
import { coveredBy, type ExceptionRow } from '../config/load/exceptionSections.ts';
import { withException, withoutException } from '../config/load/exceptionsFile.ts';
import { loadConfig } from '../config/load/load.ts';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import { DELIVER_LEVELS, RECEIVE_LEVELS } from '../core/settings.ts';
import { PolicyTable } from '../core/table.ts';
import { LockedError, openDraft, WriteError } from '../files/lockedDraft.ts';
import { ControlError } from '../net/controlClient.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask } from './daemon.ts';
import { type LoadedTable, reportProblems } from './loadOrReport.ts';
import { printReload } from './reload.ts';

type Entries = readonly (readonly [key: string, value: string])[];

/** What was done to the file. */
type Outcome =
  | { readonly done: true; readonly words: string; readonly exception: ExceptionRow | null }
  | { readonly done: false; readonly code: number };

/** `tlsward except`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.except);
  if (values.sample) throw new UsageError('except changes the configuration: copy the sample table first');
  const pattern = parsePattern(positionals[0]!);
  if (pattern instanceof Invalid) throw new UsageError(saying(pattern));
  const today = dayOf(new Date());
  const entries = values.remove ? null : entriesOf(values, today);
  if (
    values.remove &&
    (['until', 'reason', 'receive', 'deliver', 'contact'] as const).some((key) => key in values)
  )
    throw new UsageError('--remove takes no other options');

  const config = configFile(values, io.env);
  const dryRun = values['dry-run'] ?? false;
  const loaded = loadConfig(config, today);
  if (!loaded.ok) return refuse(io, values.json ?? false, loaded.problems);
  let outcome: Outcome;
  try {
    outcome = await edit({ config, today, loaded, pattern, entries, json: values.json ?? false, dryRun }, io);
  } catch (error) {
    if (!(error instanceof WriteError || error instanceof LockedError)) throw error;
    reportError(io, values.json, `tlsward except: ${error.message}`);
    return error instanceof WriteError ? EXIT.cannotCreate : EXIT.cannotTell;
  }
  if (!outcome.done) return outcome.code;

  const { words, exception } = outcome;
  if (dryRun) {
    if (values.json) io.out(`${JSON.stringify({ ok: true, dryRun, exception })}\n`);
    else io.out(`dry run, nothing is written: ${words}\n`);
    return EXIT.yes;
  }
  if (!values.json) io.out(`${paint(io, 'green', words)}\n`);
  try {
    const reply = await ask(values, io, 'reload');
    if (values.json) io.out(`${JSON.stringify({ ok: reply.ok, exception, reload: reply })}\n`);
    return printReload(reply, values.json ? { ...io, out: () => {}, err: () => {} } : io);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    if (values.json) io.out(`${JSON.stringify({ ok: false, exception, error: error.message })}\n`);
    else io.err(`written, but not in force until the daemon reads it: ${error.message}\n`);
    return EXIT.unavailable;
  }
}

interface Edit {
  readonly config: string;
  readonly today: string;
  readonly loaded: LoadedTable;
  readonly pattern: Pattern;
  /** null: remove it. Without `receive` and `deliver`: `may` in each direction that requires something. */
  readonly entries: Entries | null;
  readonly json: boolean;
  /** Check everything and leave the file as it is. */
  readonly dryRun: boolean;
}

/** Changes the file under its lock, if the configuration is right with the change. */
async function edit(asked: Edit, io: Io): Promise<Outcome> {
  const { config, today, loaded, json } = asked;
  const pattern = asked.pattern.text;
  const { exceptions: file } = loaded.service;
  if (file === null) throw new UsageError(`exceptions is empty in ${config}: there is no file to write`);
  const draft = await openDraft(file, config);
  try {
    const before = draft.before?.toString('utf8') ?? '';
    let { entries } = asked;
    if (entries !== null && !entries.some(([key]) => key === 'receive' || key === 'deliver')) {
      draft.write(withoutException(before, pattern) ?? before);
      const otherwise = loadConfig(config, today, draft.path);
      if (!otherwise.ok) return { done: false, code: refuse(io, json, otherwise.problems) };
      entries = [...entries, ...relaxed(otherwise, asked.pattern)];
    }
    const after =
      entries === null ? withoutException(before, pattern) : withException(before, pattern, entries);
    if (after === null && entries !== null)
      throw new UsageError('the text cannot be written on one line of the table');
    if (after === null) {
      const elsewhere = loaded.exceptions.find((one) => one.pattern === pattern);
      const why =
        elsewhere === undefined
          ? `there is no exception for ${pattern}`
          : `the exception for ${pattern} is not in ${file}: remove it at ${formatPosition(elsewhere)}`;
      reportError(io, json, why);
      return { done: false, code: EXIT.no };
    }
    draft.write(after);
    const tried = loadConfig(config, today, draft.path);
    if (!tried.ok) return { done: false, code: refuse(io, json, tried.problems) };
    if (!asked.dryRun) draft.commit();
    const exception = tried.exceptions.find((one) => one.pattern === pattern) ?? null;
    return { done: true, words: wordsFor(pattern, exception, today), exception };
  } finally {
    draft.close();
  }
}

/**
 * `may` in each direction in which the row that applies requires something. Throws UsageError when it
 * requires nothing.
 */
function relaxed({ packed }: LoadedTable, pattern: Pattern): Entries {
  const table = new PolicyTable(packed, 0, '');
  const from = [pattern.text, ...coveredBy(pattern)].find((text) => table.find(text) >= 0);
  const row = from === undefined ? null : table.row(table.find(from), from);
  const receive = row?.settings.receive ?? 'may';
  const deliver = row?.settings.deliver ?? null;
  const relaxations: (readonly [key: string, value: string])[] = [];
  if (receive !== 'none' && receive !== 'may') relaxations.push(['receive', 'may']);
  if (deliver !== null && deliver !== 'none' && deliver !== 'may') relaxations.push(['deliver', 'may']);
  if (row !== null && relaxations.length > 0) return relaxations;
  const which =
    row === null
      ? `no row matches ${pattern.text}, so nothing is required`
      : `row ${row.pattern} (${formatPosition(row.at)}) applies to ${pattern.text} and requires nothing`;
  throw new UsageError(
    `${which} (receive ${receive}, deliver ${deliver ?? "is the MTA's own default"}): give --receive or --deliver`,
  );
}

function wordsFor(pattern: string, exception: ExceptionRow | null, today: string): string {
  if (exception === null) return `${pattern}: exception removed`;
  const { until, changes } = exception;
  const what = changes.length === 0 ? 'changes nothing' : changes.join(', ');
  return `${pattern}: until ${until} (${count(daysBetween(today, until), 'day')}): ${what} (${formatPosition(exception)})`;
}

function refuse(io: Io, json: boolean, problems: readonly Problem[]): number {
  const heading = `${paint(io, 'red', `${count(problems.length, 'mistake')}; nothing was written`)}\n`;
  reportProblems(problems, json, io, heading);
  return EXIT.config;
}

interface Given {
  readonly until?: string | undefined;
  readonly reason?: string | undefined;
  readonly receive?: string | undefined;
  readonly deliver?: string | undefined;
  readonly contact?: string | undefined;
}

function entriesOf({ until, reason, receive, deliver, contact }: Given, today: string): Entries {
  if (until === undefined) throw new UsageError('--until is missing: +14d, +2w or YYYY-MM-DD');
  if (reason === undefined || reason.trim() === '') throw new UsageError('--reason is missing');
  const entries = [
    ['until', parseUntil(until, today)],
    ['reason', reason.trim()],
    ['contact', contact?.trim()],
    ['receive', level('receive', receive, RECEIVE_LEVELS)],
    ['deliver', level('deliver', deliver, DELIVER_LEVELS)],
  ] as const;
  return entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
}

function level(option: string, value: string | undefined, levels: readonly string[]): string | undefined {
  if (value === undefined || levels.includes(value)) return value;
  throw new UsageError(`--${option}: found ${quote(value)}, expected one of ${levels.join(', ')}`);
}

/** `+14d`, `+2w` or a day, which must not have passed. */
export function parseUntil(text: string, today: string): string {
  const span = /^\+([0-9]{1,4})([dw])$/.exec(text);
  if (span !== null) return addDays(today, Number(span[1]) * (span[2] === 'w' ? 7 : 1));
  const day = parseDay(text);
  if (day === null || day instanceof Invalid)
    throw new UsageError(
      `--until: found ${quote(text)}, expected +14d, +2w or a day that exists, YYYY-MM-DD`,
    );
  if (day < today) throw new UsageError(`--until: ${day} has passed`);
  return day;
}

function saying({ found, expected, hint }: Invalid): string {
  return `found ${found}, expected ${expected}${hint === '' ? '' : ` (${hint})`}`;
}
