/**
 * Keeps recent verdicts for `lookup`: all that are not plain accepts, and the first few accepts of each
 * second. They are in memory only; the others are in the log under their codes.
 *
 * Of each verdict the log line is kept as JSON, whose size is limited (verdictFields.ts). The transaction
 * itself is not kept: a message may have 10,000 recipients, and its verdict would keep a replaced table in
 * memory. Limits: a number of verdicts and of bytes, beyond which the oldest are removed.
 */
import { type MemoryUse, textBytes } from '../core/memorySize.ts';
import { type VerdictFields, type VerdictRecord, verdictFields } from '../log/verdictFields.ts';

/**
 * Accepted mail is kept separately, so that much of it does not displace the refusals that people ask about.
 */
const ACCEPTS_KEPT = 256;
const ACCEPTS_BYTES = 1024 * 1024;
/**
 * Per second. Keeping all of them for even a few milliseconds would cost more in garbage collection than the
 * decisions.
 */
const ACCEPTS_A_SECOND = 8;
/** Memory per record besides its text: two strings, an object, a place in the ring. */
const RECORD_BYTES = 128;

/** Where the time stands in what is kept: `{"time":"2026-11-30T...`. */
const TIME_AT = '{"time":"'.length;
const TIME_LENGTH = 24;

interface Kept {
  readonly code: string;
  readonly json: string;
}

/** The latest records, up to a number and a total of bytes; adding takes constant time. */
class Ring {
  readonly #size: number;
  readonly #limitBytes: number;
  readonly #records: (Kept | undefined)[] = [];
  #oldest = 0;
  #count = 0;
  bytes = 0;

  constructor(size: number, limitBytes: number) {
    this.#size = size;
    this.#limitBytes = limitBytes;
  }

  add(record: Kept): void {
    const bytes = bytesOf(record);
    if (this.#size === 0 || bytes > this.#limitBytes) return;
    while (this.#count === this.#size || this.bytes + bytes > this.#limitBytes) this.#forget();
    this.#records[(this.#oldest + this.#count) % this.#size] = record;
    this.#count++;
    this.bytes += bytes;
  }

  #forget(): void {
    this.bytes -= bytesOf(this.#records[this.#oldest]!);
    this.#records[this.#oldest] = undefined;
    this.#oldest = (this.#oldest + 1) % this.#size;
    this.#count--;
  }

  find(code: string): Kept | undefined {
    return this.#records.find((record) => record?.code === code);
  }

  /** The newest first. */
  latest(most: number): Kept[] {
    const found: Kept[] = [];
    for (let i = this.#count - 1; i >= 0 && found.length < most; i--)
      found.push(this.#records[(this.#oldest + i) % this.#size]!);
    return found;
  }

  get length(): number {
    return this.#count;
  }
}

function bytesOf({ code, json }: Kept): number {
  return RECORD_BYTES + code.length + textBytes(json);
}

export class RecentVerdicts {
  readonly #notable: Ring;
  readonly #accepts = new Ring(ACCEPTS_KEPT, ACCEPTS_BYTES);
  readonly #limitBytes: number;
  #second = 0;
  #inSecond = 0;

  /** `limit` and `limitBytes` apply to verdicts other than plain accepts. */
  constructor(limit: number, limitBytes: number) {
    this.#notable = new Ring(limit, limitBytes);
    this.#limitBytes = limitBytes;
  }

  /** `fields`: those of the log line; null when they are not made yet. */
  add(record: VerdictRecord, fields: VerdictFields | null): void {
    const { action, wouldBe, tagged } = record.verdict;
    if (action !== 'accept' || wouldBe !== null || tagged) {
      this.#notable.add(kept(record, fields ?? verdictFields(record)));
      return;
    }
    const second = Math.floor(record.timeMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    if (this.#inSecond++ < ACCEPTS_A_SECOND) this.#accepts.add(kept(record, verdictFields(record)));
  }

  /** The fields of the verdict and its time; undefined when it is not kept. */
  find(code: string): VerdictFields | undefined {
    const found = this.#notable.find(code) ?? this.#accepts.find(code);
    return found === undefined ? undefined : (JSON.parse(found.json) as VerdictFields);
  }

  /** The latest of all kinds, the newest first. */
  latest(most: number): VerdictFields[] {
    const time = ({ json }: Kept): string => json.slice(TIME_AT, TIME_AT + TIME_LENGTH);
    return [...this.#notable.latest(most), ...this.#accepts.latest(most)]
      .sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0))
      .slice(0, most)
      .map(({ json }) => JSON.parse(json) as VerdictFields);
  }

  get length(): number {
    return this.#notable.length + this.#accepts.length;
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return {
      name: 'recent verdicts',
      used: this.#notable.bytes + this.#accepts.bytes,
      limit: this.#limitBytes + ACCEPTS_BYTES,
    };
  }
}

function kept(record: VerdictRecord, fields: VerdictFields): Kept {
  const time = new Date(record.timeMs).toISOString();
  return { code: record.code, json: JSON.stringify({ time, ...fields }) };
}
