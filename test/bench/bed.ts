/**
 * The test bed that every row uses: directory, programs, options.
 *
 * One core serves, the other loads: SERVER_CORE and LOAD_CORE.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Programs } from './programs.ts';
import type { Finding, Say } from './report.ts';
import type { Sockets } from './tables.ts';
import { writeDomains } from './tables.ts';

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Rows of the tables that are compared. */
export const ROWS = 100_000;

export interface Bed {
  readonly dir: string;
  readonly programs: Programs;
  readonly rounds: number;
  readonly seconds: number;
  /** Less of everything that takes long (`--short`). */
  readonly short: boolean;
  /** Measure disturbed rounds again. */
  readonly repeats: boolean;
  /** Compare with the peers in C alone (`--check`). */
  readonly onlyC: boolean;
  readonly say: Say;
  /** Tells that others used so many cores while a row was measured; said again at the end when it was too much. */
  readonly disturbed: (row: string, cores: number) => void;
  /** Tells what is left out for want of a program; said again at the end. */
  readonly skipped: (what: string) => void;
}

/** One row of the benchmark: measures, says the details, returns what it found. */
export interface Row {
  readonly name: string;
  readonly title: string;
  run(bed: Bed): Promise<Finding[]>;
}

let directories = 0;
/** A fresh directory inside the bed; short, since socket paths are limited to 107 bytes. */
export function freshDirectory(bed: Bed): string {
  const path = join(bed.dir, String(directories++));
  mkdirSync(path);
  return path;
}

export function socketsIn(dir: string): Sockets {
  return {
    milter: join(dir, 'm'),
    policy: join(dir, 'p'),
    control: join(dir, 'c'),
    socketmap: join(dir, 's'),
  };
}

const listed = new Map<number, string>();
/** The list of the first `rows` domains, made once. */
export function domainList(bed: Bed, rows: number): string {
  let path = listed.get(rows);
  if (path === undefined) {
    path = join(bed.dir, `domains-${rows}`);
    writeDomains(path, rows);
    listed.set(rows, path);
  }
  return path;
}

/** A fresh key for marks, in a file that tlsward and its peers read. */
export function keyFile(dir: string): string {
  const path = join(dir, 'key');
  writeFileSync(path, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return path;
}
