/**
 * Where log lines go: gathered, then written in one piece, when 64 KiB have come together and every 100 ms.
 *
 * pino's own destination measures all that it holds at each line, which under load costs more than making the lines. Here a
 * line is put on a list and the list is joined once. One write is under way at a time, so order is kept.
 *
 * A reader that is slow (a pipe that is full) is waited for; when more than 16 MiB have gathered, new lines are dropped and
 * counted, because a log that nobody reads must not stop the mail; a line `log.dropped` says how many once somebody reads again.
 * So are lines that cannot be written (the reader is gone, the disk is full); what was wrong is kept for `status`.
 */
import { write, writeSync } from 'node:fs';
import type { MemoryUse } from '../core/memorySize.ts';

const BATCH_CHARACTERS = 65_536;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const INTERVAL_MS = 100;
const RETRY_MS = 10;
const LF = 0x0a;

export class LineWriter {
  /** Lines that were thrown away because nobody read the log, or it could not be written. */
  dropped = 0;
  /** The form in which a line is written. */
  shape: (line: string) => string = (line) => line;
  /** What write(2) said last (`EPIPE`, `ENOSPC`); '' while it works. */
  failure = '';
  /** Of these, as many were said to be missing, in a line of their own. */
  #told = 0;
  readonly #fd: number;
  #lines: string[] = [];
  #characters = 0;
  /** What is being written; null when nothing is. */
  #writing: Buffer | null = null;
  /** Of what is being written: how many lines it began with, and how many had been told missing before. */
  #batch = { lines: 0, told: 0 };
  /** The last byte that was written, and whether a line was broken off behind it. */
  #lastByte = LF;
  #torn = false;
  readonly #timer: NodeJS.Timeout;

  /** `fd`: an open descriptor, 1 for standard output. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#timer = setInterval(() => this.#start(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Takes one line with its line end. */
  write(json: string): void {
    const line = this.shape(json);
    if (this.#characters + (this.#writing?.length ?? 0) + line.length > MAX_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters >= BATCH_CHARACTERS) this.#start();
  }

  #start(): void {
    if (this.#writing !== null || this.#characters === 0) return;
    this.#writing = this.#take();
    this.#go();
  }

  #take(): Buffer {
    this.#batch = { lines: this.#lines.length, told: this.#told };
    if (this.dropped > this.#told) {
      const lines = this.dropped - this.#told;
      this.#told = this.dropped;
      const time = new Date().toISOString();
      const msg = 'lines were dropped because the log was not read';
      const fields = { level: 40, time, event: 'log.dropped', lines, msg };
      this.#lines.push(this.shape(`${JSON.stringify(fields)}\n`));
    }
    const text = `${this.#torn ? '\n' : ''}${this.#lines.join('')}`;
    this.#torn = false;
    this.#lines = [];
    this.#characters = 0;
    return Buffer.from(text, 'utf8');
  }

  #go(): void {
    const bytes = this.#writing;
    if (bytes === null) return;
    write(this.#fd, bytes, (error, written) => {
      // flushSync came between and has written it
      if (this.#writing !== bytes) return;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#go(), RETRY_MS);
        return;
      }
      // any other error: the reader is gone, or the disk is full; the next batch may fare better
      this.failure = error?.code ?? '';
      if (error === null && written > 0) this.#lastByte = bytes[written - 1]!;
      this.#torn = error !== null && this.#lastByte !== LF;
      if (error !== null) this.#lost();
      this.#writing = error === null && written < bytes.length ? bytes.subarray(written) : null;
      if (this.#writing !== null) this.#go();
      else if (this.#characters >= BATCH_CHARACTERS) this.#start();
    });
  }

  /** What was to be written is gone, also what it said of lines that were missing before. */
  #lost(): void {
    this.dropped += this.#batch.lines;
    this.#told = this.#batch.told;
    this.#batch = { lines: 0, told: this.#told };
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return {
      name: 'log lines',
      used: this.#characters + (this.#writing?.length ?? 0),
      limit: MAX_CHARACTERS,
    };
  }

  /** Writes what is held, and waits for it; before the process ends. Throws what write(2) says, EAGAIN excepted. */
  flushSync(): void {
    // a write under way may or may not have happened: a line too often is better than one too few
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
