/**
 * A map that forgets entries older than `maxAgeMs`, and the older half when there are `maxEntries` or when
 * they take `maxBytes` together. It consists of two maps that take turns. Deleting the oldest entries of a
 * single map one by one would leave holes, which each search for the next oldest would have to skip.
 */
import type { MemoryUse } from '../core/memorySize.ts';

export interface Remembered {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Size of the entry; only `grow` changes it. */
  bytes: number;
}

interface ExpiringMapLimits {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

export class ExpiringMap<Value extends Remembered> {
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();
  #youngBytes = 0;
  #oldBytes = 0;
  #turned = 0;
  #last = 0;
  readonly #name: string;
  readonly #limits: ExpiringMapLimits;

  /** `name`: its name in `status`. */
  constructor(name: string, limits: ExpiringMapLimits) {
    this.#name = name;
    this.#limits = limits;
  }

  get(key: string, now: number): Value | undefined {
    const value = this.#young.get(key) ?? this.#ofOld(key);
    return value !== undefined && now - value.since <= this.#limits.maxAgeMs ? value : undefined;
  }

  /** An entry of more than half of `maxBytes` is not kept. */
  set(key: string, value: Value): void {
    this.delete(key);
    const { maxEntries, maxBytes } = this.#limits;
    if (value.bytes * 2 > maxBytes) return;
    if (this.#young.size * 2 >= maxEntries || (this.#youngBytes + value.bytes) * 2 > maxBytes)
      this.#turn(value.since);
    this.#young.set(key, value);
    this.#youngBytes += value.bytes;
    this.#last = value.since;
  }

  /** Is nothing kept? */
  get empty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0;
  }

  /** Adds `bytes` to the size of the entry, if it still exists. */
  grow(key: string, value: Value, bytes: number): void {
    const young = this.#young.get(key) === value;
    if (young && (this.#youngBytes + bytes) * 2 <= this.#limits.maxBytes) {
      value.bytes += bytes;
      this.#youngBytes += bytes;
      return;
    }
    if (!young && this.#old.get(key) !== value) return;
    this.delete(key);
    value.bytes += bytes;
    this.set(key, value);
  }

  delete(key: string): void {
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.#youngBytes -= young.bytes;
      this.#young.delete(key);
    }
    const old = this.#ofOld(key);
    if (old === undefined) return;
    this.#oldBytes -= old.bytes;
    this.#old.delete(key);
  }

  /** Removes entries that are too old; some of them only when the two maps next swap. */
  sweep(now: number): void {
    if (now - this.#last > this.#limits.maxAgeMs) {
      this.#young.clear();
      this.#youngBytes = 0;
    }
    if (now - this.#turned > this.#limits.maxAgeMs) this.#turn(now);
  }

  /** The older half is mostly empty, and a search of nothing takes its time, too. */
  #ofOld(key: string): Value | undefined {
    return this.#old.size === 0 ? undefined : this.#old.get(key);
  }

  #turn(now: number): void {
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = new Map();
    this.#youngBytes = 0;
    this.#turned = now;
  }

  get memory(): MemoryUse {
    return { name: this.#name, used: this.#youngBytes + this.#oldBytes, limit: this.#limits.maxBytes };
  }
}
