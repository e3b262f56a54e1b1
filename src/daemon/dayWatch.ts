/**
 * Logs once a day which rows are past their `until`, so that an exception is not forgotten while the daemon
 * keeps running.
 *
 * It is called every half minute with the current day. Unlike a timer of 24 hours, this is also right after
 * the machine was suspended, or after a change of clock or time zone. When a table is loaded, its notices
 * report the same (`config.notice`).
 */

import { type Dated, dayOf, daysBetween, overdueOf } from '../config/keys/day.ts';
import { formatPosition } from '../core/position.ts';
import type { Log } from '../log/log.ts';

/** The most rows that are logged on one day; those overdue for longest come first. */
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
