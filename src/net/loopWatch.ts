/**
 * Measures how long the event loop was blocked: it serves all mail, so whatever blocks it delays every
 * client.
 *
 * There are two cheap measurements. Each piece of work on a connection is timed, so that the log can name the
 * connection. And a timer that is due four times a second shows by how much it was late, which covers
 * everything else: replacing the table, garbage collection, a suspended machine.
 */

/** Delays of at least this are logged. The limit for one message is lower: 50 ms on a quiet machine. */
export const LOOP_DELAY_WARN_MS = 100;
const TICK_MS = 250;
/** At most one line is logged in this time; the next line counts those left out. */
const LINE_EVERY_MS = 10_000;

/** What was being served; null: unknown. */
export interface Served {
  /** `policy`, `milter`, `socketmap`, `control`. */
  readonly protocol: string;
  readonly conn: number;
  readonly peer: string;
}

/** For `status`. */
export interface LoopDelay {
  /** Longest since the start, in whole milliseconds. */
  readonly longestMs: number;
  /** ISO 8601; '' when no delay reached a millisecond. */
  readonly at: string;
  /** `milter`, `policy`, ...; '' where it is not known. */
  readonly serving: string;
  /** How many were of LOOP_DELAY_WARN_MS or more. */
  readonly overThreshold: number;
  readonly thresholdMs: number;
}

type TellDelay = (ms: number, served: Served | null, leftOut: number) => void;

export class LoopWatch {
  readonly #tell: TellDelay;
  readonly #timer: NodeJS.Timeout;
  #due: number;
  /** Longest piece of work since the last tick: a late tick that it explains is not reported again. */
  #sinceTick = 0;
  #longest = 0;
  #at = '';
  #serving = '';
  #over = 0;
  #leftOut = 0;
  #lastLine = Number.NEGATIVE_INFINITY;

  constructor(tell: TellDelay) {
    this.#tell = tell;
    this.#due = performance.now() + TICK_MS;
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  /** A piece of work on a connection has ended; `begun` is when it began (performance.now). */
  worked(begun: number, served: Served): void {
    const ms = performance.now() - begun;
    if (ms > this.#sinceTick) this.#sinceTick = ms;
    if (ms > this.#longest || ms >= LOOP_DELAY_WARN_MS) this.#seen(ms, served);
  }

  report(): LoopDelay {
    return {
      longestMs: Math.round(this.#longest),
      at: this.#at,
      serving: this.#serving,
      overThreshold: this.#over,
      thresholdMs: LOOP_DELAY_WARN_MS,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(now: number): void {
    const late = now - this.#due;
    this.#due = now + TICK_MS;
    // many short pieces of work in a row also make a tick late: only what they do not explain is reported
    if (late > this.#longest || late >= LOOP_DELAY_WARN_MS) {
      if (late > this.#sinceTick * 1.1) this.#seen(late, null);
    }
    this.#sinceTick = 0;
  }

  #seen(ms: number, served: Served | null): void {
    if (ms > this.#longest) {
      this.#longest = ms;
      this.#at = new Date().toISOString();
      this.#serving = served?.protocol ?? '';
    }
    if (ms < LOOP_DELAY_WARN_MS) return;
    this.#over++;
    const now = performance.now();
    if (now - this.#lastLine < LINE_EVERY_MS) {
      this.#leftOut++;
      return;
    }
    this.#lastLine = now;
    this.#tell(ms, served, this.#leftOut);
    this.#leftOut = 0;
  }
}
