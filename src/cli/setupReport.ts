/**
 * What `tlsward setup postfix` prints: a plan, what was carried out, what went wrong; as text or as one
 * object of JSON.
 */
import { escapeText } from '../core/escape.ts';
import type { PostfixConfig } from '../mta/postfixConfig.ts';
import type { Applied } from '../setup/apply/applyPlan.ts';
import type { CanaryStep } from '../setup/apply/canary.ts';
import type { PostfixControl } from '../setup/apply/postfixControl.ts';
import type { Undone } from '../setup/apply/undo.ts';
import { type Plan, WISHES, type Wish } from '../setup/plan.ts';
import { planSummary, planText } from '../setup/planText.ts';
import type { Wanted } from '../setup/wanted.ts';
import { type CommandValues, EXIT, type Io, paint, reportError } from './command.ts';
import type { COMMANDS } from './commands.ts';
import type { FirstTable } from './setupTable.ts';

export type SetupValues = CommandValues<(typeof COMMANDS)['setup']>;

/** One run of the command. */
export interface Site {
  readonly values: SetupValues;
  readonly io: Io;
  readonly config: PostfixConfig;
  readonly control: PostfixControl;
}

/** What was carried out, or why it was not begun; as `--json` prints it. */
type Done = Applied | { readonly ok: false; readonly why: string; readonly canary: readonly CanaryStep[] };

/** Says why nothing could be done; returns `code`. */
export function failed(values: SetupValues, io: Io, message: string, code: number): number {
  reportError(io, values.json, values.json ? message : `tlsward setup: ${message}`);
  return code;
}

/** What the options wish for; both directions where they name nothing. */
export function wishesOf(values: SetupValues): { readonly wishes: Set<Wish>; readonly named: boolean } {
  const asked = WISHES.filter((wish) => values[wish] === true);
  const named = asked.length > 0;
  return { wishes: new Set<Wish>(named ? asked : ['inbound', 'outbound']), named };
}

/** What became of a plan; returns the exit status. */
export function finish(
  site: Site,
  wanted: Wanted,
  made: Plan,
  table: FirstTable | null,
  done: Applied,
): number {
  const { values, io } = site;
  if (values.json) printJson(site, wanted, made, table, done);
  else {
    if (table === null) io.out(`${textOf(io, made)}\n`);
    for (const { name, ok, said } of done.canary)
      io.out(
        `${paint(io, ok === false ? 'red' : 'green', ok === null ? 'untried' : ok ? 'works' : 'fails').padEnd(9)}${name}: ${said}\n`,
      );
    if (done.ok) {
      const read = done.reloaded
        ? 'Postfix has read it.'
        : 'Postfix does not run; it reads it when it starts.';
      io.out(`\n${paint(io, 'green', 'done')}: ${planSummary(made)}. ${read}\n`);
      io.out(`To take it back: tlsward setup postfix --undo, or sh ${done.folder}/undo.sh\n`);
    } else {
      io.err(`\ntlsward setup: ${done.why}\n`);
      io.err(`${undoneWords(done.undone)}\n`);
    }
  }
  if (done.ok) return EXIT.yes;
  return done.canary.some(({ ok }) => ok === false) ? EXIT.unavailable : EXIT.system;
}

/** What became of taking a change back. */
export function undoneWords({ exact, left, fault }: Undone): string {
  if (exact) {
    const same = 'main.cf and master.cf are again what they were.';
    return fault === null ? same : `${same} But: ${fault}`;
  }
  if (fault !== null) return `Not everything was taken back: ${fault}`;
  if (left.length > 0) return `These were changed since and stay: ${left.join(', ')}.`;
  return 'Every change was taken back; other lines have changed since and stay.';
}

/** A plan that was not carried out, with the reason. */
export function report(
  site: Site,
  wanted: Wanted,
  made: Plan,
  table: FirstTable | null,
  done: Done | null,
  words: string,
): void {
  const { values, io } = site;
  if (values.json) printJson(site, wanted, made, table, done);
  else {
    const text = textOf(io, made);
    io.out(text === '' ? '' : `${text}\n`);
    (done === null ? io.out : io.err)(`${words}\n`);
  }
}

/** The plan as text. */
export function textOf(io: Io, made: Plan): string {
  return planText(made, (colour, text) => paint(io, colour, text));
}

/** A first table that is not written yet. */
export function printTable(io: Io, file: string, { text, notes, imported, domains }: FirstTable): void {
  io.out(`${paint(io, 'bold', `table: ${escapeText(file, 400)} is not there; a first one would be`)}\n`);
  io.out(`${text.trimEnd().replace(/^/gm, '    ')}\n`);
  for (const note of notes) io.out(`  note     ${note}\n`);
  if (imported === 0 && domains.length === 0)
    io.out('  note     No local domains and no TLS table were found to take over.\n');
  io.out('\n');
}

/** Everything as one object. */
export function printJson(
  site: Site,
  wanted: Wanted,
  made: Plan,
  table: FirstTable | null,
  done: Done | null,
): void {
  const { config, io } = site;
  const { changes, remarks, obstacles } = made;
  const ok = done === null ? obstacles.length === 0 : done.ok;
  io.out(
    `${JSON.stringify({
      ok,
      postfix: { directory: config.directory, version: config.release },
      wishes: [...wanted.wishes],
      table: table === null ? null : { file: wanted.configFile, ...table },
      changes,
      remarks,
      obstacles,
      done,
    })}\n`,
  );
}
