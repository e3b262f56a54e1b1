/**
 * The folder in which reports are kept, within a limit.
 *
 *   STATE/tlsrpt/reports/2026-11-29-HASH.json    a report that was read, by its first day
 *   STATE/tlsrpt/refused/HASH.message            what was refused, as it came, and
 *   STATE/tlsrpt/refused/HASH.json               when and why
 *
 * HASH is that of organization, report-id and range: a report that comes twice finds its own file, whatever process
 * wrote it, and is dropped. When a folder is full, the oldest go: reports by their day, what was refused by when it
 * came. A report that went and comes again is taken for a new one.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../files/atomicWriter.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import { KEPT_VERSION, type KeptReport } from './keptReport.ts';
import type { ReportRefused } from './refusal.ts';

/** Of all files of a folder together. */
interface Limits {
  readonly files: number;
  readonly bytes: number;
}

const REPORTS: Limits = { files: 10_000, bytes: 64 * 1_048_576 };
const REFUSED: Limits = { files: 400, bytes: 32 * 1_048_576 };
/** One kept report has at most some 300 KiB. */
const MAX_FILE_BYTES = 4 * 1_048_576;
const DRAFT = '.draft-';

interface StoredFile {
  readonly name: string;
  readonly bytes: number;
  readonly time: number;
}

export class ReportStore {
  readonly #reports: string;
  readonly #refused: string;
  readonly #limits: { readonly reports: Limits; readonly refused: Limits };

  /** `state`: the folder of the program, `/var/lib/tlsward`. `limits`: of each of the two folders. */
  constructor(state: string, limits?: Limits) {
    this.#limits = { reports: limits ?? REPORTS, refused: limits ?? REFUSED };
    this.#reports = join(state, 'tlsrpt', 'reports');
    this.#refused = join(state, 'tlsrpt', 'refused');
  }

  /** Where it is now; null when it was there before. Rejects with the error of the system. */
  async add(report: KeptReport): Promise<string | null> {
    mkdirSync(this.#reports, { recursive: true, mode: 0o700 });
    const file = join(this.#reports, `${report.start.slice(0, 10)}-${identityOf(report)}.json`);
    try {
      await writeAtomically(file, `${JSON.stringify(report)}\n`, {
        how: 'create',
        draft: DRAFT,
        syncFolder: true,
      });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return null;
      throw error;
    }
    prune(this.#reports, (a, b) => (a.name < b.name ? -1 : 1), this.#limits.reports);
    return file;
  }

  /** Is it there? */
  has(report: KeptReport): boolean {
    const file = `${report.start.slice(0, 10)}-${identityOf(report)}.json`;
    return existsSync(join(this.#reports, file));
  }

  /** Keeps what was refused, and why; returns the file. Throws the error of the system. */
  refuse(bytes: Uint8Array, label: string, refused: ReportRefused, now: Date): string {
    mkdirSync(this.#refused, { recursive: true, mode: 0o700 });
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    const file = join(this.#refused, `${hash}.message`);
    replaceFile(file, bytes);
    const why = { time: now.toISOString(), label, refused: refused.refusal, reason: refused.message };
    replaceFile(join(this.#refused, `${hash}.json`), `${JSON.stringify(why)}\n`);
    prune(this.#refused, (a, b) => a.time - b.time, this.#limits.refused);
    return file;
  }

  /** Was anything ever read or refused here? */
  get exists(): boolean {
    return existsSync(this.#reports) || existsSync(this.#refused);
  }

  /**
   * Reports whose first day is `since` or later, and `until` or earlier, oldest first; none when there is no folder.
   * Throws the error of the system.
   */
  *since(since: string, until = '9999-12-31'): Generator<KeptReport> {
    for (const name of this.names(since, until)) {
      const report = this.read(name);
      if (report !== null) yield report;
    }
  }

  /** The files of those reports, sorted. Throws the error of the system. */
  names(since: string, until = '9999-12-31'): string[] {
    let names: string[] = [];
    try {
      names = readdirSync(this.#reports);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    return names
      .filter((name) => FILE.test(name) && name.slice(0, 10) >= since && name.slice(0, 10) <= until)
      .sort();
  }

  /** null: it is none, or was taken away since. Throws the error of the system. */
  read(name: string): KeptReport | null {
    return keptIn(this.path(name));
  }

  path(name: string): string {
    return join(this.#reports, name);
  }

  get folder(): string {
    return this.#reports;
  }
}

const FILE = /^\d{4}-\d\d-\d\d-[0-9a-f]{32}\.json$/;

/** Whatever stands there, even a link, goes and is not followed: root may run this in a folder of another user. */
function replaceFile(file: string, content: string | Uint8Array): void {
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode: 0o600, flag: 'wx' });
}

/** The same report has the same, whoever reads it. */
function identityOf({ organization, id, start, end }: KeptReport): string {
  const identity = JSON.stringify([organization.toLowerCase(), id, start, end]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** null: it is none, or was taken away since. */
function keptIn(file: string): KeptReport | null {
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_FILE_BYTES, followLinks: false, refuse: () => null });
    if (found.kind !== 'read') return null;
    const value = JSON.parse(found.bytes.toString('utf8')) as unknown;
    return isKept(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** What reading goes by is there: a file that was written by hand, or half of one, is no report. */
function isKept(value: unknown): value is KeptReport {
  if (typeof value !== 'object' || value === null) return false;
  const { v, start, end, organization, successful, failed, policies } = value as Partial<KeptReport>;
  return (
    v === KEPT_VERSION &&
    [start, end, organization].every((text) => typeof text === 'string') &&
    [successful, failed].every((number) => typeof number === 'number') &&
    Array.isArray(policies) &&
    policies.every((one) => Array.isArray(one?.failures) && Array.isArray(one?.strings))
  );
}

/** Removes the first in the order until the rest is within the limits. */
function prune(folder: string, order: (a: StoredFile, b: StoredFile) => number, limits: Limits): void {
  const files = readdirSync(folder)
    .flatMap((name): StoredFile[] => {
      const status = statSync(join(folder, name), { throwIfNoEntry: false });
      return status === undefined ? [] : [{ name, bytes: status.size, time: status.mtimeMs }];
    })
    .sort(order);
  let bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  let left = files.length;
  for (const file of files) {
    if (left <= limits.files && bytes <= limits.bytes) return;
    rmSync(join(folder, file.name), { force: true });
    bytes -= file.bytes;
    left--;
  }
}
