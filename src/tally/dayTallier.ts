/**
 * Makes the tally of a day that has ended, in a thread that gives way to others, some minutes later: others are busy at
 * midnight, and the collector's tally needs the daemon's last lines. A tally that cannot be made costs time when a
 * report is asked for, and nothing else, so nobody waits for it and nothing depends on it.
 */
import { Worker } from 'node:worker_threads';
import type { MemoryUse } from '../core/memorySize.ts';
import type { StreamDay } from './countDay.ts';
import type { FromTally, TallyJob } from './tallyJob.ts';

/** Of the thread's heap; a day of a million records takes less than 130 MiB. */
const HEAP_MB = 160;
const YOUNG_MB = 24;
const DELAY_MS = { daemon: 180_000, collector: 600_000 } as const;

/** The worker's file in this folder; compiled code and source have different extensions. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./tallyWorker.${extension}`, import.meta.url);
}

export class DayTallier {
  readonly #directory: string;
  readonly #stream: keyof typeof DELAY_MS;
  readonly #done: (day: string, why: string) => void;
  readonly #delayMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #days: string[] = [];
  #worker: Worker | null = null;
  #closed = false;

  /** `done`: called with each day, and why it has no tally; '' if it has one. */
  constructor(
    directory: string,
    stream: keyof typeof DELAY_MS,
    done: (day: string, why: string) => void = () => {},
    delayMs: number = DELAY_MS[stream],
  ) {
    this.#directory = directory;
    this.#stream = stream;
    this.#done = done;
    this.#delayMs = delayMs;
  }

  /** The day is over, or was over when the program started. */
  ended(day: string): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#days.push(day);
      this.#next();
    }, this.#delayMs);
    timer.unref();
    this.#timers.add(timer);
  }

  /** One thread at a time. */
  #next(): void {
    const day = this.#closed || this.#worker !== null ? undefined : this.#days.shift();
    if (day === undefined) return;
    const one: StreamDay = { directory: this.#directory, stream: this.#stream, day };
    const job: TallyJob = { tlswardTally: true, one };
    let why = 'the thread ended';
    try {
      // without the options of this process, because test runners preload modules with them
      const worker = new Worker(workerUrl(), {
        workerData: job,
        name: 'tlsward-tally',
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
      });
      this.#worker = worker;
      worker.unref();
      worker.on('message', (message: FromTally) => {
        why = message.why;
      });
      worker.on('error', (error: unknown) => {
        why = error instanceof Error ? error.message : String(error);
      });
      worker.on('exit', () => {
        this.#worker = null;
        this.#done(day, why);
        this.#next();
      });
    } catch (error) {
      this.#done(day, error instanceof Error ? error.message : String(error));
    }
  }

  /** While a thread runs, all that it may take. */
  get memory(): MemoryUse {
    const limit = (HEAP_MB + YOUNG_MB) * 1024 * 1024;
    return { name: 'tally of a day', used: this.#worker === null ? 0 : limit, limit };
  }

  /** Ends a thread that runs: what it has not written is counted another time. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#worker?.terminate();
  }
}
