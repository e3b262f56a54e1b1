/**
 * Writes log lines in batches: when 64 KiB have been collected, and every 100 ms.
 *
 * pino's own destination measures its whole buffer at each line, which under load costs more than making the
 * lines. Here lines are added to a block of bytes (lineBlock.ts). Only one write is in progress at a time, so
 * the order is kept.
 *
 * If the reader is slow (a full pipe), lines wait. When more than 16 MiB wait, new lines are dropped and
 * counted, because a log without a reader must not stop the mail; once the log is read again, a line
 * `log.dropped` gives the number. Lines that cannot be written (the reader has ended, the disk is full) are
 * dropped and counted, too, and the error is kept for `status`.
 */
import { write, writeSync } from 'node:fs';
import type { MemoryUse } from '../core/memorySize.ts';
import { LineBlock } from './lineBlock.ts';

const BATCH_BYTES = 65_536;
const MAX_BYTES = 16 * 1024 * 1024;
const INTERVAL_MS = 100;
const RETRY_MS = 10;
const LF = 0x0a;

export class LineWriter {
  /** Lines dropped because the log was not read, or could not be written. */
  dropped = 0;
  /** The form in which a line is written. */
  shape: (line: string) => string = (line) => line;
  /** The last error of write(2) (`EPIPE`, `ENOSPC`); '' while writing works. */
  failure = '';
  /** The number of dropped lines already reported by `log.dropped`. */
  #told = 0;
  readonly #fd: number;
  readonly #waiting = new LineBlock();
  /** The batch being written; null when there is none. */
  #writing: Buffer | null = null;
  /** The batch being written: its number of lines, and the value of `#told` before it. */
  #batch = { lines: 0, told: 0 };
  /** The last byte written: it shows whether a line was cut. */
  #lastByte = LF;
  #torn = false;
  readonly #timer: NodeJS.Timeout;

  /** `fd`: an open descriptor, 1 for standard output. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#timer = setInterval(() => this.#start(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Adds one line with its line end. */
  write(json: string): void {
    const line = this.shape(json);
    if (this.#waiting.bytes + (this.#writing?.length ?? 0) + line.length > MAX_BYTES) {
      this.dropped++;
      return;
    }
    this.#waiting.add(line);
    if (this.#waiting.bytes >= BATCH_BYTES) this.#start();
  }

  #start(): void {
    if (this.#writing !== null || this.#waiting.bytes === 0) return;
    this.#writing = this.#take();
    this.#go();
  }

  #take(): Buffer {
    this.#batch = { lines: this.#waiting.lines, told: this.#told };
    if (this.dropped > this.#told) {
      const lines = this.dropped - this.#told;
      this.#told = this.dropped;
      const time = new Date().toISOString();
      const msg = 'lines were dropped because the log was not read';
      const fields = { level: 40, time, event: 'log.dropped', lines, msg };
      this.#waiting.add(this.shape(`${JSON.stringify(fields)}\n`));
    }
    const lines = this.#waiting.take();
    const taken = this.#torn ? Buffer.concat([Buffer.of(LF), lines]) : lines;
    this.#torn = false;
    return taken;
  }

  #go(): void {
    const bytes = this.#writing;
    if (bytes === null) return;
    write(this.#fd, bytes, (error, written) => {
      // flushSync has written it in the meantime
      if (this.#writing !== bytes) return;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#go(), RETRY_MS);
        return;
      }
      // any other error: the reader has ended, or the disk is full; the next batch may succeed
      this.failure = error?.code ?? '';
      if (error === null && written > 0) this.#lastByte = bytes[written - 1]!;
      this.#torn = error !== null && this.#lastByte !== LF;
      if (error !== null) this.#lost();
      this.#writing = error === null && written < bytes.length ? bytes.subarray(written) : null;
      if (this.#writing !== null) {
        this.#go();
        return;
      }
      this.#waiting.reuse(bytes);
      if (this.#waiting.bytes >= BATCH_BYTES) this.#start();
    });
  }

  /** Counts the batch as dropped, including a report of lines dropped earlier. */
  #lost(): void {
    this.dropped += this.#batch.lines;
    this.#told = this.#batch.told;
    this.#batch = { lines: 0, told: this.#told };
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return {
      name: 'log lines',
      used: this.#waiting.bytes + (this.#writing?.length ?? 0),
      limit: MAX_BYTES,
    };
  }

  /** Writes all waiting lines before the process ends. Throws the error of write(2), except EAGAIN. */
  flushSync(): void {
    // a write in progress may or may not have happened: a repeated line is better than a lost one
    let rest = Buffer.concat([this.#writing ?? Buffer.alloc(0), this.#take()]);
    this.#writing = null;
    const end = performance.now() + 1000;
    while (rest.length > 0 && performance.now() < end) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') continue;
        this.failure = code;
        this.#lost();
        throw error;
      }
    }
  }
}
