/**
 * A map with a limit in bytes: what was put in or renewed longest ago goes first. Its texts must be copies
 * (`ownText`), because a slice keeps the line alive that it was taken from.
 */
import type { MemoryUse } from '../core/memorySize.ts';

/** What stays, as a part of the limit, when the limit is reached. */
const KEPT = 7 / 8;

export class BoundedMap<V> {
  readonly #map = new Map<string, V>();
  readonly #name: string;
  readonly #limit: number;
  readonly #sizeOf: (key: string, value: V) => number;
  readonly #evicted: (value: V) => void;
  #bytes = 0;
  #evictions = 0;

  /** `limit` in bytes; `evicted` is told of each value that had to go. */
  constructor(
    name: string,
    limit: number,
    sizeOf: (key: string, value: V) => number,
    evicted: (value: V) => void = () => {},
  ) {
    this.#name = name;
    this.#limit = limit;
    this.#sizeOf = sizeOf;
    this.#evicted = evicted;
  }

  get memory(): MemoryUse {
    return { name: this.#name, used: this.#bytes, limit: this.#limit };
  }

  /** Entries that had to go. */
  get evictions(): number {
    return this.#evictions;
  }

  get(key: string): V | undefined {
    return this.#map.get(key);
  }

  /** Puts it last in the row of those that go. `value` must not be one that is in the map and was changed. */
  set(key: string, value: V): void {
    this.delete(key);
    this.#map.set(key, value);
    this.#bytes += this.#sizeOf(key, value);
    if (this.#bytes <= this.#limit) return;
    // many at once: a walk from the beginning steps over all that was deleted there
    for (const [oldest, old] of this.#map) {
      if (this.#bytes <= this.#limit * KEPT) break;
      this.delete(oldest);
      this.#evictions++;
      this.#evicted(old);
    }
  }

  delete(key: string): void {
    const value = this.#map.get(key);
    if (value === undefined) return;
    this.#map.delete(key);
    this.#bytes -= this.#sizeOf(key, value);
  }

  clear(): void {
    this.#map.clear();
    this.#bytes = 0;
  }

  entries(): IterableIterator<[string, V]> {
    return this.#map.entries();
  }
}
