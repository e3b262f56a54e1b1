/**
 * Measures rows one after another and collects what came of them: figures, what was skipped, what failed, what was
 * disturbed.
 */
import type { Bed, Row } from './bed.ts';
import { belowDocumented } from './documented.ts';
import { Missing } from './programs.ts';
import type { Finding } from './report.ts';
import { DISTURBED_CORES } from './rounds.ts';

/** What a whole run came to; texts are lines for people. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
  readonly disturbed: readonly string[];
}

/** How often a row is measured when a ratio of it is below the documented one. */
const TRIES = 3;
/** Cores of others above which a ratio below the documented one says nothing about this program. */
const TOO_DISTURBED = 0.5;

/** Measures a row until no ratio is below the documented one, TRIES times at most. */
async function measureChecked(row: Row, bed: Bed): Promise<{ found: Finding[]; below: string[] }> {
  for (let n = 1; ; n++) {
    let cores = 0;
    const disturbed = (name: string, others: number): void => {
      cores = others;
      bed.disturbed(name, others);
    };
    const found = await row.run({ ...bed, disturbed });
    const below = belowDocumented(found);
    for (const line of below) bed.say(`BELOW ${line}`);
    if (below.length === 0) return { found, below };
    if (n === TRIES) {
      if (cores <= TOO_DISTURBED) return { found, below };
      bed.skipped(`${row.name}, judgement: others used ${cores.toFixed(2)} cores, so the ratio says nothing`);
      return { found, below: [] };
    }
    bed.say('measured again');
  }
}

/** Measures all; `check` compares with what is documented. Never throws for what a row does. */
export async function measureAll(
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
      else disturbances.delete(row);
    },
    skipped: (what) => {
      skips.add(what);
      say(`SKIPPED ${what}`);
    },
  };
  for (const row of rows) {
    say(`\n== ${row.name}: ${row.title}`);
    try {
      const { found, below } = check
        ? await measureChecked(row, bed)
        : { found: await row.run(bed), below: [] };
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
