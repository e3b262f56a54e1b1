/**
 * Which answers to table questions are new. What an MTA is told that a next hop needs is recorded once a day, and
 * whenever it changes, and anew with each table: a record for every question would be one more for every delivery, and
 * say nothing more. So an answer that is recorded holds until the next table, or until another one (src/tally/told.ts).
 *
 * At its limit the memory is emptied, and answers are recorded again: that costs a line each, and no truth.
 */
import { ENTRY_BYTES, type MemoryUse, textBytes } from '../core/memorySize.ts';

const LIMIT_BYTES = 8 * 1024 * 1024;
/** A domain, or a host with a port; what is longer is always new. */
const MAX_KEY = 512;
const DAY_MS = 86_400_000;

export class ToldAnswers {
  readonly #told = new Map<string, string>();
  #bytes = 0;
  #day = 0;

  /** `key`: an address counts as its domain, for which the answer was. `nowMs`: since the epoch. */
  isNew(map: string, key: string, reply: string, nowMs: number): boolean {
    const day = Math.floor(nowMs / DAY_MS);
    if (day !== this.#day) this.#forget(day);
    const asked = `${map} ${key.slice(key.lastIndexOf('@') + 1).toLowerCase()}`;
    if (asked.length + reply.length > MAX_KEY + map.length) return true;
    if (this.#told.get(asked) === reply) return false;
    const bytes = ENTRY_BYTES + textBytes(asked) + textBytes(reply);
    if (this.#bytes + bytes > LIMIT_BYTES) this.#forget(day);
    const kept = this.#told.get(asked);
    this.#bytes += kept === undefined ? bytes : textBytes(reply) - textBytes(kept);
    this.#told.set(asked, reply);
    return true;
  }

  /** Another table is in force: what it demands is recorded again. */
  clear(): void {
    this.#forget(this.#day);
  }

  #forget(day: number): void {
    this.#told.clear();
    this.#bytes = 0;
    this.#day = day;
  }

  get memory(): MemoryUse {
    return { name: 'answers in evidence', used: this.#bytes, limit: LIMIT_BYTES };
  }
}
