/**
 * The recent verdicts, for `lookup`: everything that was not a plain accept, up to a limit, and some accepts:
 * the last few, and the first few of each second. In memory only; the others are in the log under the same code.
 */
import type { VerdictRecord } from '../log/verdictFields.ts';

/** Accepted mail is kept apart, so that a busy hour of it does not push out the refusals people ask about. */
const ACCEPTS_KEPT = 256;
/** Of each second. To keep all of a busy second alive for some milliseconds costs the collector more than deciding them. */
const ACCEPTS_A_SECOND = 8;
const LAST_ACCEPTS = 8;

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
  readonly #last = new Ring(LAST_ACCEPTS);
  #second = 0;
  #inSecond = 0;

  /** `limit`: how many verdicts other than plain accepts are kept. */
  constructor(limit: number) {
    this.#notable = new Ring(limit);
  }

  add(record: VerdictRecord): void {
    const { action, wouldBe, tagged } = record.verdict;
    if (action !== 'accept' || wouldBe !== null || tagged) {
      this.#notable.add(record);
      return;
    }
    this.#last.add(record);
    const second = Math.floor(record.timeMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    if (this.#inSecond++ < ACCEPTS_A_SECOND) this.#accepts.add(record);
  }

  find(code: string): VerdictRecord | undefined {
    return this.#notable.find(code) ?? this.#accepts.find(code) ?? this.#last.find(code);
  }

  get length(): number {
    return this.#notable.length + this.#accepts.length;
  }
}
