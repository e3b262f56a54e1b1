/**
 * What the tests of this folder share: temporary folders of configuration files, the loader's answer as lines, and a
 * seeded generator.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatNotice, formatProblem } from '../../src/config/ini/problem.ts';
import { type Loaded, loadConfig } from '../../src/config/load/load.ts';
import { PolicyTable } from '../../src/core/table.ts';

/** The day the tests are on. */
export const TODAY = '2026-11-22';

/** Enough of a service for a table to load; two lines. */
export const SERVICE = '[service]\npolicy-listen = unix:/run/p.sock\n';

export interface Bench {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  path(name: string): string;
  /** Writes a file, making its folders; `mode` is not subject to the umask of the process only if given. */
  write(name: string, content: string | Uint8Array): string;
  load(name?: string): Loaded;
}

/** A new folder under the system's temporary one, removed when the test ends. */
export function workbench(t: { teardown(fn: () => void): void }): Bench {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tlsward-config-')));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  return {
    folder,
    path,
    write(name, content) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
    load: (name = 'tls.ini') => loadConfig(path(name), TODAY),
  };
}

/** Problems as printed, with paths relative to the folder. */
export function problemsOf(loaded: Loaded, folder: string): string[] {
  return loaded.ok
    ? []
    : loaded.problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

/** Notices as printed, with paths relative to the folder. */
export function noticesOf(loaded: Loaded, folder: string): string[] {
  return loaded.notices.map((notice) => formatNotice(notice).replaceAll(`${folder}/`, ''));
}

/** Asserts that a service with this table loads with these notices and no others. */
export function assertNotices(t: Asserting, content: string, ...want: string[]): void {
  const bench = workbench(t);
  bench.write('tls.ini', SERVICE + content);
  const loaded = bench.load();
  t.strictSame(problemsOf(loaded, bench.folder), []);
  t.strictSame(noticesOf(loaded, bench.folder), want);
}

interface Asserting {
  teardown(fn: () => void): void;
  strictSame(found: unknown, wanted: unknown): boolean;
}

/** The table of a configuration that must load; throws with its problems otherwise. */
export function tableOf(loaded: Loaded): PolicyTable {
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return new PolicyTable(loaded.packed, 1, loaded.hash);
}

/** A small generator of random numbers (mulberry32), the same for the same seed. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** A text of up to `most` characters of the alphabet. */
  text(alphabet: string, most: number, least = 0): string {
    const letters = [...alphabet];
    return Array.from({ length: least + this.below(most - least + 1) }, () => this.pick(letters)).join('');
  }
}

/** A seed of today's clock, or the one in TLSWARD_SEED to repeat a run. */
export function newSeed(): number {
  const wanted = Number(process.env.TLSWARD_SEED);
  return Number.isInteger(wanted) && wanted > 0 ? wanted : Date.now() % 2_000_000_000;
}
