/**
 * Makes what takes long to read from the records, the report behind `/report` and the waiting mail, by the commands
 * of tlsward in a process of its own with the lowest priority, so that the main thread and its memory have nothing to do
 * with it. At most one process runs at a time, and one a minute for the report; who asks in between gets the last one.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import { escapeText } from '../core/escape.ts';

/** How long a report is given out before another is made. */
const FRESH_MS = 60_000;
const LIMIT_MS = 300_000;
export const REPORT_LIMIT_BYTES = 16 * 1024 * 1024;
const MAX_COMPLAINT = 2000;
const REPORT = { freshMs: FRESH_MS, maxBytes: REPORT_LIMIT_BYTES, statuses: [0] } as const;

interface MadeReport {
  readonly atMs: number;
  /** The page; null: it could not be made, and `why` says why. */
  readonly page: Buffer | null;
  readonly why: string;
}

/** How the process is started: the program and its arguments. */
export type ReportCommand = readonly [program: string, ...args: string[]];

interface ReportEvents {
  readonly made: (ms: number, bytes: number) => void;
  readonly failed: (ms: number, why: string) => void;
}

/** One process after another, of all makers that share it. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** `work` must not reject. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine;
    return mine;
  }
}

interface Making {
  /** How long what was made is given out before it is made again, in milliseconds. */
  readonly freshMs: number;
  readonly maxBytes: number;
  /** Exit statuses of a process that did its work. */
  readonly statuses: readonly number[];
  readonly turn: Turn;
}

export class ReportMaker {
  readonly #command: ReportCommand;
  readonly #events: ReportEvents;
  readonly #how: Making;
  #closed = false;
  #last: MadeReport | null = null;
  #making: Promise<MadeReport> | null = null;
  #child: ChildProcess | null = null;

  constructor(command: ReportCommand, events: ReportEvents, making: Partial<Making> = {}) {
    this.#command = command;
    this.#events = events;
    this.#how = { ...REPORT, turn: new Turn(), ...making };
  }

  /** What was made last, fresh or not; null: nothing yet. */
  get last(): MadeReport | null {
    return this.#last;
  }

  /** The report of the last minute, or the one that is being made. Never rejects. */
  get(): Promise<MadeReport> {
    if (this.#making !== null) return this.#making;
    const last = this.#last;
    if (last !== null && Math.abs(Date.now() - last.atMs) < this.#how.freshMs) return Promise.resolve(last);
    this.#making = this.#how.turn
      .take(() => this.#make())
      .then((made) => {
        this.#last = made;
        this.#making = null;
        return made;
      });
    return this.#making;
  }

  get usedBytes(): number {
    return this.#last?.page?.length ?? 0;
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
  }

  #make(): Promise<MadeReport> {
    if (this.#closed) return Promise.resolve({ atMs: Date.now(), page: null, why: 'the daemon stops' });
    const { maxBytes, statuses } = this.#how;
    const begun = performance.now();
    return new Promise((resolve) => {
      let ended = false;
      let limit: NodeJS.Timeout | undefined;
      const done = (page: Buffer | null, why: string): void => {
        // a program that cannot be started has an error and a close
        if (ended) return;
        ended = true;
        clearTimeout(limit);
        this.#child = null;
        const ms = Math.round(performance.now() - begun);
        // a process that close() ended has not failed
        if (page !== null) this.#events.made(ms, page.length);
        else if (!this.#closed) this.#events.failed(ms, why);
        resolve({ atMs: Date.now(), page, why });
      };
      const [program, ...args] = this.#command;
      let child: ChildProcessByStdio<null, Readable, Readable>;
      try {
        child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
      } catch (error) {
        // without memory for it, spawn throws
        done(null, escapeText(error instanceof Error ? error.message : String(error), 400));
        return;
      }
      this.#child = child;
      let stopped = '';
      const stop = (why: string): void => {
        stopped = why;
        child.kill('SIGKILL');
      };
      limit = setTimeout(() => stop(`it took longer than ${LIMIT_MS / 1000} s`), LIMIT_MS);
      limit.unref();
      const pieces: Buffer[] = [];
      let bytes = 0;
      let complaint = '';
      child.stdout.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > maxBytes) stop(`it is longer than ${maxBytes} bytes`);
        else pieces.push(piece);
      });
      child.stderr.on('data', (piece: Buffer) => {
        if (complaint.length < MAX_COMPLAINT) complaint += piece.toString('latin1');
      });
      child.once('error', (error) => done(null, escapeText(error.message, 400)));
      child.once('close', (code, signal) => {
        if (code !== null && statuses.includes(code) && stopped === '') done(Buffer.concat(pieces), '');
        else done(null, stopped || escapeText(complaint.trim() || `it ended with ${code ?? signal}`, 400));
      });
      lower(child.pid);
    });
  }
}

/** What the report depends on, and nothing of what the daemon was given. */
function environment(): NodeJS.ProcessEnv {
  const { TZ } = process.env;
  return { LANG: 'C.UTF-8', ...(TZ === undefined ? null : { TZ }) };
}

function lower(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, 19);
  } catch {
    // a unit may forbid it: then it runs as it is
  }
}
