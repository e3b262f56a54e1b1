/**
 * npm run bench: tlsward beside its peers, in alternating rounds.
 *
 *   npm run bench -- [--only NAME[,NAME]] [--rounds N] [--seconds S] [--keep]
 *
 * Rows: selfcheck, milter-1, milter-100, milter-body, policy, million, sample, evidence, collect. `--rounds` (5) and `--seconds` (2) say how often and how
 * long each server is loaded in the rows that compare; `--keep` leaves the temporary directory with the logs.
 *
 * Prints each row's absolute figures, then one table of all goals with what was measured. Exit status: 0 when everything
 * was measured, whether or not the goals were met; 1 when a generator saw a protocol error or a wrong verdict, or a server
 * failed; 64 for wrong usage. What a machine lacks is named and skipped.
 *
 * Trust CPU ratios most, rate ratios next, absolute rates least.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bed, Row } from './bed.ts';
import { collectRow } from './collect-row.ts';
import { evidenceRow } from './evidence-row.ts';
import { millionRow } from './million-row.ts';
import { milterRows } from './milter-rows.ts';
import { policyRow } from './policy-row.ts';
import { buildPrograms, Missing } from './programs.ts';
import type { Finding } from './report.ts';
import { summary } from './report.ts';
import { DISTURBED_CORES } from './rounds.ts';
import { sampleRow } from './sample-row.ts';
import { selfcheckRow } from './selfcheck-row.ts';
import { withoutPinning } from './servers.ts';

const ROWS: readonly Row[] = [
  selfcheckRow,
  ...milterRows,
  policyRow,
  millionRow,
  sampleRow,
  evidenceRow,
  collectRow,
];
const EX_USAGE = 64;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function options(): { rows: readonly Row[]; rounds: number; seconds: number; keep: boolean } {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
    },
  });
  const wanted = values.only?.split(',');
  const unknown = wanted?.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Error(`no row "${unknown}"; rows: ${ROWS.map((row) => row.name).join(', ')}`);
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!(rounds >= 1 && seconds > 0)) throw new Error('--rounds and --seconds must be positive numbers');
  return {
    rows: ROWS.filter((row) => wanted?.includes(row.name) ?? true),
    rounds,
    seconds,
    keep: values.keep,
  };
}

async function measure(rows: readonly Row[], options: Omit<Bed, 'disturbed'>): Promise<boolean> {
  const findings: Finding[] = [];
  const skipped: string[] = [];
  const failed: string[] = [];
  const disturbances: string[] = [];
  const disturbed = (row: string, cores: number): void => {
    if (cores <= DISTURBED_CORES) return;
    disturbances.push(
      `${row}: other processes used up to ${cores.toFixed(2)} cores; measure again when it is quiet`,
    );
  };
  const bed: Bed = { ...options, disturbed };
  for (const row of rows) {
    say(`\n== ${row.name}: ${row.title}`);
    try {
      findings.push(...(await row.run(bed)));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      (error instanceof Missing ? skipped : failed).push(`${row.name}: ${text}`);
      say(`${error instanceof Missing ? 'SKIPPED' : 'FAILED'} ${text}`);
    }
  }
  say('');
  for (const line of summary(findings)) say(line);
  for (const line of disturbances) say(`DISTURBED ${line}`);
  for (const line of skipped) say(`SKIPPED ${line}`);
  for (const line of failed) say(`FAILED ${line}`);
  return failed.length === 0;
}

async function main(): Promise<number> {
  let chosen: ReturnType<typeof options>;
  try {
    chosen = options();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EX_USAGE;
  }
  const dir = mkdtempSync(join(tmpdir(), 'tb-'));
  try {
    const programs = buildPrograms(dir);
    const missing = Object.values(programs).flatMap((program) =>
      'missing' in program ? [program.missing] : [],
    );
    for (const line of new Set(missing)) say(`MISSING: ${line}`);
    if ('missing' in programs.taskset || cpus().length < 2) {
      say('NOT PINNED: server and load share the cores; ratios mean less');
      withoutPinning();
    }
    say(
      `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), load average ${loadavg()[0]?.toFixed(2)}`,
    );
    const { rows, rounds, seconds } = chosen;
    return (await measure(rows, { dir, programs, rounds, seconds, say })) ? 0 : 1;
  } finally {
    if (chosen.keep) say(`kept: ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
}

process.exitCode = await main();
