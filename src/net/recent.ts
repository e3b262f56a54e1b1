/**
 * The recent verdicts, for `lookup`: everything that was not a plain accept, up to a limit, and the last few accepts.
 * In memory only; older ones are in the log under the same code.
 */
import type { VerdictRecord } from '../log/log.ts';

/** Accepted mail is kept apart, so that a busy hour of it does not push out the refusals people ask about. */
const ACCEPTS_KEPT = 256;

class Ring {
  readonly #records: (VerdictRecord | undefined)[] = [];
  #next = 0;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  add(record: VerdictRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#size;
  }

  find(code: string): VerdictRecord | undefined {
    return this.#records.find((record) => record?.code === code);
  }

  get length(): number {
    return this.#records.length;
  }
}

export class RecentVerdicts {
  readonly #notable: Ring;
  readonly #accepts = new Ring(ACCEPTS_KEPT);

  /** `limit`: how many verdicts other than plain accepts are kept. */
  constructor(limit: number) {
    this.#notable = new Ring(limit);
  }

  add(record: VerdictRecord): void {
    const { action, wouldBe, tagged } = record.verdict;
    if (action === 'accept' && wouldBe === null && !tagged) this.#accepts.add(record);
    else this.#notable.add(record);
  }

  find(code: string): VerdictRecord | undefined {
    return this.#notable.find(code) ?? this.#accepts.find(code);
  }

  get length(): number {
    return this.#notable.length + this.#accepts.length;
  }
}
