/**
 * npm run bench: tlsward beside its peers, in alternating rounds.
 *
 *   npm run bench -- [--only ROW[,ROW]] [--rounds N] [--seconds S] [--short] [--json] [--check] [--keep]
 *
 * `--rounds` (5) and `--seconds` (2) say how often and how long each server is loaded in the rows that compare. `--short`:
 * 3 rounds of 1 second, no disturbed round again, fewer starts and reloads, and no row that runs for minutes. `--json`
 * prints one object on standard output, the rest on standard error. `--check`, for
 * continuous integration: beside the C peers only, and a CPU ratio that is worse than 70 % of the documented one
 * (documented.ts) makes the row be measured again, up to twice; if it stays so, the benchmark fails, unless others used so
 * much of the machine that the ratio says nothing.
 * `--keep` leaves the temporary directory with the logs.
 *
 * Prints each row's absolute figures, then one table of all goals (goals.ts) with what was measured. Exit status: 0 when
 * everything was measured, whether or not the goals were met; 1 when a generator saw a protocol error or a wrong verdict, a
 * server failed, or `--check` found a ratio worse; 64 for wrong usage. What a machine lacks is named and skipped.
 *
 * Trust CPU ratios most, rate ratios next, absolute rates least.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../bundle.ts';
import { BUNDLE } from '../root.ts';
import type { Row } from './bed.ts';
import { measureAll, type Outcome } from './measure.ts';
import { buildPrograms } from './programs.ts';
import { jsonRows, summary } from './report.ts';
import { LONG_ROWS, ROWS } from './rows.ts';
import { withoutPinning } from './servers.ts';

const EX_USAGE = 64;
interface Options {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly seconds: number;
  readonly short: boolean;
  readonly json: boolean;
  readonly check: boolean;
  readonly keep: boolean;
}

function options(): Options {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      short: flag,
      json: flag,
      check: flag,
      keep: flag,
    },
  });
  const { short, json, check, keep } = values;
  const wanted = values.only?.split(',');
  const unknown = wanted?.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Error(`no row "${unknown}"; rows: ${ROWS.map((row) => row.name).join(', ')}`);
  const rounds = Number(values.rounds ?? (short ? 3 : 5));
  const seconds = Number(values.seconds ?? (short ? 1 : 2));
  if (!(rounds >= 1 && seconds > 0)) throw new Error('--rounds and --seconds must be positive numbers');
  const rows = ROWS.filter(({ name }) => wanted?.includes(name) ?? !(short && LONG_ROWS.has(name)));
  return { rows, rounds, seconds, short, json, check, keep };
}

function print({ findings, skipped, failed, disturbed }: Outcome, say: (line: string) => void): void {
  say('');
  for (const line of summary(findings)) say(line);
  for (const line of disturbed) say(`DISTURBED ${line}`);
  for (const line of skipped) say(`SKIPPED ${line}`);
  for (const line of failed) say(`FAILED ${line}`);
}

async function main(): Promise<number> {
  let chosen: Options;
  try {
    chosen = options();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EX_USAGE;
  }
  const begun = performance.now();
  const out = chosen.json ? process.stderr : process.stdout;
  const say = (line: string): void => void out.write(`${line}\n`);
  const dir = mkdtempSync(join(tmpdir(), 'tb-'));
  try {
    await bundle(BUNDLE);
    const programs = buildPrograms(dir);
    const unpinned =
      cpus().length < 2 ? 'one core only' : 'missing' in programs.taskset ? programs.taskset.missing : '';
    if (unpinned !== '') {
      say(`NOT PINNED, ${unpinned}: server and load share the cores; ratios mean less`);
      withoutPinning();
    }
    const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()})`;
    const load = loadavg()[0]!;
    say(`Node ${process.version}, ${machine}, load average ${load.toFixed(2)}`);
    const { rows, rounds, seconds, short, check } = chosen;
    const outcome = await measureAll(
      rows,
      { dir, programs, rounds, seconds, short, repeats: !short, onlyC: check, say },
      check,
    );
    print(outcome, say);
    const tookS = Math.round((performance.now() - begun) / 1000);
    say(`took ${tookS} s`);
    if (chosen.json) {
      const { skipped, failed, disturbed, findings } = outcome;
      const about = { node: process.version, machine, loadAverage: load, short, seconds: tookS };
      process.stdout.write(
        `${JSON.stringify({ ...about, rows: jsonRows(findings), skipped, failed, disturbed })}\n`,
      );
    }
    return outcome.failed.length === 0 ? 0 : 1;
  } finally {
    if (chosen.keep) say(`kept: ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
}

process.exitCode = await main();
