/**
 * Lines that tell of something that cannot be said: a delivery that cannot be read, lines that a logger lost. The
 * first of a kind is a record at once; those of the same kind in the minute after it become one more. Counted by
 * the time of the log, so that reading the same lines again gives the same records.
 */
import { ownText } from '../core/memorySize.ts';
import type { Produced } from './produced.ts';

const TOGETHER_MS = 60_000;
const MAX_KINDS = 16;

interface Pending {
  readonly begun: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export class Gaps {
  readonly #pending = new Map<string, Pending>();
  #total = 0;

  /** Things that could not be said, as far as they can be counted. */
  get total(): number {
    return this.#total;
  }

  /** More of a kind, of between two times; `kind` is also the reason that the record gives. */
  add(kind: string, begun: number, time: number, count: number): Produced | null {
    this.#total += count;
    const pending = this.#pending.get(kind);
    if (pending === undefined) {
      if (this.#pending.size < MAX_KINDS)
        this.#pending.set(ownText(kind), { begun: time, from: time, to: time, count: 0 });
      return gap(kind, begun, time, count);
    }
    const from = pending.count === 0 ? begun : Math.min(pending.from, begun);
    this.#pending.set(kind, { ...pending, from, to: time, count: pending.count + count });
    return null;
  }

  /** What is due at this time of the log. */
  due(time: number): Produced[] {
    if (this.#pending.size === 0) return [];
    const due: Produced[] = [];
    for (const [kind, { begun, from, to, count }] of this.#pending) {
      if (time - begun < TOGETHER_MS && time >= begun - TOGETHER_MS) continue;
      this.#pending.delete(kind);
      if (count > 0) due.push(gap(kind, from, to, count));
    }
    return due;
  }

  save(): readonly (readonly [string, Pending])[] {
    return [...this.#pending];
  }

  restore(saved: ReturnType<Gaps['save']>): void {
    for (const [kind, pending] of saved) this.#pending.set(kind, pending);
  }
}

/** `count`: null when it is not known. */
export function gap(why: string, from: number, to: number, count: number | null): Produced {
  const fields = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), count, why };
  return { time: to, type: 'gap', host: '', fields };
}
