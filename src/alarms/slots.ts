/**
 * Counts over the last while, in six slots: a window is the six that end with the one of now. So it has no less than
 * five sixths of its length, and moves on by a sixth.
 */
export const SLOTS = 6;

/** The number of the slot of a time. */
export function slotOf(timeMs: number, windowMs: number): number {
  return Math.floor((timeMs * SLOTS) / windowMs);
}

/** How long a slot is: two windows that end one after the other are so far apart. */
export function slotMs(windowMs: number): number {
  return windowMs / SLOTS;
}

export class SlotCounts {
  readonly #counts = new Array<number>(SLOTS).fill(0);
  /** The slot that each count is of. */
  readonly #slots = new Array<number>(SLOTS).fill(Number.NEGATIVE_INFINITY);

  /** What is older than what stands in its place is too old to count. */
  add(slot: number, count: number): void {
    const at = slot % SLOTS;
    if (slot < this.#slots[at]!) return;
    if (slot > this.#slots[at]!) this.#counts[at] = 0;
    this.#slots[at] = slot;
    this.#counts[at]! += count;
  }

  /** Of the window that ends with this slot, or of its last `slots`. */
  sum(now: number, slots = SLOTS): number {
    let sum = 0;
    for (let i = 0; i < SLOTS; i++)
      if (this.#slots[i]! > now - slots && this.#slots[i]! <= now) sum += this.#counts[i]!;
    return sum;
  }
}

/** A map that forgets what was used least recently beyond `limit` entries. */
export class RecentMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** The entry, which is now the one used last. */
  use(key: string, make: () => V): V {
    const value = this.#entries.get(key) ?? make();
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value!);
    return value;
  }

  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  *[Symbol.iterator](): Generator<[string, V]> {
    yield* this.#entries;
  }
}
