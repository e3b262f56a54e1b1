/**
 * Writes what the collector counts into a file of its stream's folder every five seconds, whether there is mail or not, so
 * that a reader can tell a quiet log from a collector that is gone. It counts for a graph and proves nothing: it is no
 * record, and nothing is read from it at a start. A collector that ends takes it away.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../files/atomicWriter.ts';
import { COUNTERS_NAME, type CollectorCounters, countersText } from '../counters.ts';

const EVERY_MS = 5000;

export class CountersFile {
  readonly #path: string;
  readonly #counters: CollectorCounters;
  readonly #onTrouble: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> | null = null;
  #troubled = false;

  /** `stream`: folder of the stream. `onTrouble` is told once until it can be written again. */
  constructor(
    stream: string,
    counters: CollectorCounters,
    onTrouble: (error: unknown) => void,
    everyMs = EVERY_MS,
  ) {
    this.#path = join(stream, COUNTERS_NAME);
    this.#counters = counters;
    this.#onTrouble = onTrouble;
    this.#timer = setInterval(() => this.#tick(), everyMs);
    this.#timer.unref();
    this.#tick();
  }

  #tick(): void {
    // a slow disk is not asked twice
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    const text = countersText(this.#counters.figures(Date.now()));
    try {
      await writeAtomically(this.#path, text, {
        how: 'replace',
        draft: `.${COUNTERS_NAME}-`,
        syncFolder: false,
      });
      this.#troubled = false;
    } catch (error) {
      if (!this.#troubled) this.#onTrouble(error);
      this.#troubled = true;
    }
  }

  /** Takes the file away. Never rejects. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // then it is old soon
    }
  }
}
