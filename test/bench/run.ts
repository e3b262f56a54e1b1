/**
 * npm run bench: tlsward beside its peers, in alternating rounds.
 *
 *   npm run bench -- [--only ROW[,ROW]] [--rounds N] [--seconds S] [--short] [--json] [--check] [--keep]
 *
 * `--rounds` (5) and `--seconds` (2) say how often and how long each server is loaded in the rows that compare. `--short`:
 * 3 rounds of 1 second, no disturbed round again, fewer starts and reloads, and no row that runs for minutes. `--json`
 * prints one object on standard output, the rest on standard error. `--check`: a CPU ratio that is worse than 70 % of the
 * documented one (documented.ts) makes the row be measured again, up to twice; if it stays so, the benchmark fails.
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
import type { Bed, Row } from './bed.ts';
import { belowDocumented } from './documented.ts';
import { buildPrograms, Missing } from './programs.ts';
import type { Finding } from './report.ts';
import { jsonRows, summary } from './report.ts';
import { DISTURBED_CORES } from './rounds.ts';
import { LONG_ROWS, ROWS } from './rows.ts';
import { withoutPinning } from './servers.ts';

const EX_USAGE = 64;
/** How often a row is measured when a ratio of it is below the documented one. */
const TRIES = 3;

interface Options {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly seconds: number;
  readonly short: boolean;
  readonly json: boolean;
  readonly check: boolean;
  readonly keep: boolean;
}

/** What a whole run came to. */
interface Outcome {
  readonly findings: readonly Finding[];
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
  readonly disturbed: readonly string[];
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

/** Measures a row; with `check` again while a ratio is below the documented one. */
async function measureRow(
  row: Row,
  bed: Bed,
  check: boolean,
): Promise<{ found: Finding[]; below: string[] }> {
  for (let n = 1; ; n++) {
    const found = await row.run(bed);
    const below = check ? belowDocumented(found) : [];
    for (const line of below) bed.say(`BELOW ${line}`);
    if (below.length === 0 || n === TRIES) return { found, below };
    bed.say('measured again');
  }
}

async function measure(
  rows: readonly Row[],
  options: Omit<Bed, 'disturbed' | 'skipped'>,
  check: boolean,
): Promise<Outcome> {
  const { say } = options;
  const findings: Finding[] = [];
  const skips = new Set<string>();
  const failed: string[] = [];
  const disturbances = new Map<string, number>();
  const bed: Bed = {
    ...options,
    disturbed: (row, cores) => {
      if (cores > DISTURBED_CORES) disturbances.set(row, cores);
    },
    skipped: (what) => {
      skips.add(what);
      say(`SKIPPED ${what}`);
    },
  };
  for (const row of rows) {
    say(`\n== ${row.name}: ${row.title}`);
    try {
      const { found, below } = await measureRow(row, bed, check);
      findings.push(...found);
      failed.push(...below);
    } catch (error) {
      const text = `${row.name}: ${error instanceof Error ? error.message : String(error)}`;
      if (error instanceof Missing) bed.skipped(text);
      else {
        failed.push(text);
        say(`FAILED ${text}`);
      }
    }
  }
  const disturbed = [...disturbances].map(
    ([row, cores]) =>
      `${row}: other processes used up to ${cores.toFixed(2)} cores; measure again when it is quiet`,
  );
  return { findings, skipped: [...skips], failed, disturbed };
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
    const programs = buildPrograms(dir);
    if ('missing' in programs.taskset || cpus().length < 2) {
      say('NOT PINNED: server and load share the cores; ratios mean less');
      withoutPinning();
    }
    const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()})`;
    const load = loadavg()[0]!;
    say(`Node ${process.version}, ${machine}, load average ${load.toFixed(2)}`);
    const { rows, rounds, seconds, short, check } = chosen;
    const outcome = await measure(
      rows,
      { dir, programs, rounds, seconds, short, repeats: !short, say },
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
