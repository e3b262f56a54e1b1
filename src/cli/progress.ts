/**
 * How far long work has come: one line on a terminal that is written over, and gone when the work is done.
 * Only where standard error is a terminal and standard output is not: else the output itself shows it, unless it comes at
 * the end.
 */
import { escapeText } from '../core/escape.ts';
import type { Io } from './command.ts';

/** Between two writes. */
const INTERVAL_MS = 200;
const MAX_NAME = 50;

export class Progress {
  readonly #io: Io;
  readonly #noun: string;
  readonly #shows: boolean;
  #count = 0;
  #last = performance.now();
  #shown = false;

  /** `noun`: what is counted, in the plural. `before`: nothing is printed before the work is done. */
  constructor(io: Io, noun: string, before = false) {
    this.#io = io;
    this.#shows = io.progress === true || (before && io.errorsShown === true);
    this.#noun = noun;
  }

  /** One more is done; `name` is what it is called, foreign text. */
  step(name: string): void {
    this.#count++;
    if (!this.#shows) return;
    const now = performance.now();
    if (now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#shown = true;
    this.#io.err(`\r${this.#count} ${this.#noun}, ${escapeText(name, MAX_NAME)}\u001b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#io.err('\r\u001b[K');
    this.#shown = false;
  }
}
