/**
 * Says once a day which rows are past their `until`: an exception that is never ended must not be forgotten
 * because the daemon runs on.
 *
 * Asked every half minute what day it is, which is right after a suspended machine, a changed clock and a changed time
 * zone as well; a timer of 24 hours would not be. When a table is loaded its notices say the same (`config.notice`).
 */

import { type Dated, dayOf, daysBetween, overdueOf } from '../config/keys/day.ts';
import { formatPosition } from '../core/position.ts';
import type { Log } from '../log/log.ts';

/** Rows that are named on one day; those overdue for longest come first. */
const MAX_NAMED = 100;

export class DayWatch {
  readonly #clock: () => Date;
  readonly #log: Log;
  #day: string;

  constructor(clock: () => Date, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#day = dayOf(clock());
  }

  /** Logs `row.overdue` for each overdue section if a day has begun since the last call. */
  check(dated: readonly Dated[]): void {
    const today = dayOf(this.#clock());
    if (today === this.#day) return;
    this.#day = today;
    for (const { file, line, where, until, reason } of overdueOf(dated, today).slice(0, MAX_NAMED))
      this.#log.rowOverdue(where, formatPosition({ file, line }), until, daysBetween(until, today), reason);
  }
}
