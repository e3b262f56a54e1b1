/**
 * The files of the reports of a day.
 *
 *   STATE/tlsrpt/sent/2026-11-30.plan    what the reports are made of, written once: a line about the day, one each
 *   STATE/tlsrpt/sent/2026-11-30.log     what became of them, a line at a time
 *   STATE/tlsrpt/sent/lock               one process at a time
 *
 * The latest 40 days are kept, by their number and not by the clock: one that was wrong for a while must not lose what says
 * that a report was sent.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../../files/atomicWriter.ts';
import { readGuardedSync } from '../../../files/guardedReader.ts';
import { codeOf } from '../../../files/systemError.ts';
import { takeLock } from '../../../recorder/lock.ts';
import { SYSTEM } from '../../../recorder/system.ts';
import type { Entry } from '../plan.ts';
import { parseSentLine, type SentLine, SentLog } from '../sentLog.ts';
import type { HostSource } from './readDay.ts';

/** The first line of a plan. */
export interface PlanHead {
  readonly v: 1;
  readonly day: string;
  readonly sources: readonly HostSource[];
  readonly left: number;
  readonly unknown: number;
  readonly own: number;
}

export interface Plan {
  readonly head: PlanHead;
  readonly entries: Iterable<Entry>;
}

const MAX_PLAN = 512 * 1024 * 1024;
const MAX_LOG = 256 * 1024 * 1024;
const KEPT_DAYS = 40;
const LF = 10;
const NAME = /^(\d{4}-\d\d-\d\d)\.(?:plan|log)$/;

export class DayFiles {
  readonly #folder: string;

  /** `state`: the folder of the program, `/var/lib/tlsward`. */
  constructor(state: string) {
    this.#folder = join(state, 'tlsrpt', 'sent');
  }

  /** Returns what releases it. Throws with code ELOCKED, or the error of the system. */
  lock(): () => void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    return takeLock(SYSTEM, this.#folder, randomBytes(8).toString('hex'));
  }

  /** null: there is none. Throws the error of the system, and SyntaxError for a file that is none of ours. */
  plan(day: string): Plan | null {
    const bytes = this.#read(`${day}.plan`, MAX_PLAN);
    if (bytes === null) return null;
    const [first] = linesIn(bytes);
    const head = JSON.parse(first ?? '') as PlanHead;
    if (head.v !== 1 || head.day !== day) throw new SyntaxError(`${day}.plan is no plan of this release`);
    return { head, entries: entriesIn(bytes) };
  }

  async writePlan(head: PlanHead, entries: readonly Entry[]): Promise<void> {
    const text = [head, ...entries].map((one) => `${JSON.stringify(one)}\n`).join('');
    const file = join(this.#folder, `${head.day}.plan`);
    await writeAtomically(file, text, { how: 'create', draft: '.draft-', syncFolder: true });
    this.#prune();
  }

  /** What became of the reports; nothing yet without a file. Throws the error of the system. */
  sent(day: string): SentLog {
    const log = new SentLog();
    const bytes = this.#read(`${day}.log`, MAX_LOG);
    for (const text of bytes === null ? [] : linesIn(bytes)) {
      const line = parseSentLine(text);
      if (line !== null) log.add(line);
    }
    return log;
  }

  /** Opens the log of a day to write to. Throws the error of the system. */
  writer(day: string): SentWriter {
    return new SentWriter(join(this.#folder, `${day}.log`));
  }

  #read(name: string, maxBytes: number): Buffer | null {
    try {
      const file = join(this.#folder, name);
      const found = readGuardedSync(file, { maxBytes, followLinks: false, refuse: () => null });
      if (found.kind === 'read') return found.bytes;
      throw Object.assign(new Error(`${file}: is no file of ours`), { code: 'EINVAL', path: file });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  #prune(): void {
    const names = readdirSync(this.#folder).filter((name) => NAME.test(name));
    const days = [...new Set(names.map((name) => name.slice(0, 10)))].sort();
    const gone = new Set(days.slice(0, -KEPT_DAYS));
    for (const name of names)
      if (gone.has(name.slice(0, 10))) rmSync(join(this.#folder, name), { force: true });
  }
}

/** Appends lines; one that must be on the disk before anything else happens is synced. */
export class SentWriter {
  readonly #fd: number;

  constructor(file: string) {
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    this.#fd = openSync(file, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    const { size } = fstatSync(this.#fd);
    const last = Buffer.alloc(1);
    // a line that a crash cut off must not swallow the next one
    if (size > 0 && readSync(this.#fd, last, 0, 1, size - 1) === 1 && last[0] !== LF)
      writeSync(this.#fd, '\n');
  }

  write(line: SentLine, sync: boolean): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
    if (sync) fdatasyncSync(this.#fd);
  }

  close(): void {
    fdatasyncSync(this.#fd);
    closeSync(this.#fd);
  }
}

function* linesIn(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found;
    yield bytes.toString('utf8', at, end);
    at = end + 1;
  }
}

function* entriesIn(bytes: Buffer): Generator<Entry> {
  let first = true;
  for (const text of linesIn(bytes)) {
    if (!first) yield JSON.parse(text) as Entry;
    first = false;
  }
}
