/**
 * How long this process was held: one event loop serves all mail, so what holds it holds everybody.
 *
 * Two measurements, both next to free. Each piece of work on a connection is timed where it is done, so that the line in
 * the log can say whose it was. And a timer that is due four times a second says by how much it came too late, which
 * also sees what else there is: a table that is swapped in, the collector, a machine that stood still.
 */

/** A delay from which a line is logged. What is promised of one message is less: 50 ms on a quiet machine. */
export const LOOP_DELAY_WARN_MS = 100;
const TICK_MS = 250;
/** No more than one line in this time; the next one says how many were left out. */
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
  /** ISO 8601; '' when there was none of a millisecond. */
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
  /** Longest piece of work since the last tick: a late tick that it explains is not told again. */
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

  /** A piece of work on a connection ended that began at `begun` (performance.now). */
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
    // many short pieces of work in a row make a tick late, too: only what they do not explain is news
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
