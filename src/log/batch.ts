/**
 * Gathers log lines and hands them on in one piece: when 64 KiB have come together, and every 100 ms.
 *
 * pino's own destination can hold lines back too, but measures all it holds again for each line (sonic-boom asks for the
 * byte length of the growing string, which copies it): that cost more than making the line. Every write also wakes a
 * thread, so a busy second should need few of them. What a killed process can lose is the last 100 ms.
 */
import type { DestinationStream } from 'pino';

export interface FlushableStream extends DestinationStream {
  flushSync?(): void;
}

const BATCH_CHARACTERS = 65_536;
const FLUSH_EVERY_MS = 100;

export class Batch implements FlushableStream {
  readonly #out: FlushableStream;
  #held = '';

  constructor(out: FlushableStream) {
    this.#out = out;
    // does not keep the process alive: whoever ends it calls flushSync
    setInterval(() => this.#pass(), FLUSH_EVERY_MS).unref();
  }

  write(line: string): void {
    this.#held += line;
    if (this.#held.length >= BATCH_CHARACTERS) this.#pass();
  }

  /** Everything so far, written before it returns. */
  flushSync(): void {
    this.#pass();
    this.#out.flushSync?.();
  }

  #pass(): void {
    if (this.#held === '') return;
    const lines = this.#held;
    this.#held = '';
    this.#out.write(lines);
  }
}
