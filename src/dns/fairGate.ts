/**
 * A limit on concurrent work, shared fairly: no group may use it up, and work that hangs makes room.
 *
 * Each applicant belongs to groups (the owner of a domain, the address of a host), each of which may use a
 * share of the places. An applicant that finds no place waits for `patienceMs`. The groups of waiting
 * applicants take turns, so that a group with many does not hold back one with few. Once a blocking holder
 * has had its place for `oldMs`, the one that has had it longest is evicted: its signal is aborted and the
 * place is passed on. Quick work is therefore always admitted, however much hangs; unbound does the same with
 * its queries (jostle-timeout).
 *
 * Limits: `most` places, `mostWaiting` in the queue; beyond that the answer is null at once.
 */
import type { Site } from '../core/site.ts';

export interface GateLimits {
  /** Places in all. */
  readonly most: number;
  readonly mostWaiting: number;
  readonly patienceMs: number;
  /** Infinity: no holder is evicted. */
  readonly oldMs: number;
}

/** A group, and how many places it may have. */
interface Share {
  readonly group: string;
  readonly most: number;
}

export interface Place {
  /** Aborted when the place has been passed on or the gate is closed; the holder must stop at once. */
  readonly signal: AbortSignal;
  /** Gives the place back; more than once does nothing. */
  leave(): void;
}

interface Holder {
  readonly shares: readonly Share[];
  readonly stop: AbortController;
  readonly since: number;
}

interface Waiting {
  readonly shares: readonly Share[];
  readonly settle: (place: Place | null) => void;
  readonly until: number;
}

const TICK_MS = 25;

export class FairGate {
  readonly #limits: GateLimits;
  /** The holders, oldest place first. */
  readonly #holders = new Set<Holder>();
  readonly #counts = new Map<string, number>();
  /** Waiting applicants by their first group, the next in turn first; no list is empty. */
  readonly #queues = new Map<string, Set<Waiting>>();
  #waiting = 0;
  #closed = false;
  /** Runs while any place is taken. */
  #timer: NodeJS.Timeout | undefined;
  /** Time in which this process could run: delays of a busy machine do not age a holder. */
  #time = 0;
  #tickedAt = 0;
  /** Places passed on since the start. */
  putOut = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Places that are taken. */
  get size(): number {
    return this.#holders.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** `shares`: at least one. Null when no place became free in time. Never rejects. */
  enter(shares: readonly Share[]): Promise<Place | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#makeRoom(shares)) return Promise.resolve(this.#take(shares));
    if (this.#waiting >= this.#limits.mostWaiting) return Promise.resolve(null);
    return new Promise((settle) => {
      const { group } = shares[0]!;
      const queue = this.#queues.get(group) ?? new Set();
      this.#queues.set(group, queue.add({ shares, settle, until: this.#time + this.#limits.patienceMs }));
      this.#waiting++;
      this.#timer?.ref();
    });
  }

  /**
   * All waiting and later applicants get null, and all holders are told to stop; places stay taken until they
   * are given back.
   */
  close(): void {
    this.#closed = true;
    for (const queue of [...this.#queues.values()]) for (const one of [...queue]) this.#settle(one, null);
    for (const { stop } of [...this.#holders]) stop.abort();
  }

  /** The group that is full, '' for the whole gate; null when there is a place. */
  #blocking(shares: readonly Share[]): string | null {
    if (this.#holders.size >= this.#limits.most) return '';
    return shares.find(({ group, most }) => (this.#counts.get(group) ?? 0) >= most)?.group ?? null;
  }

  /** The oldest of the blocking holders. */
  #oldest(blocking: string): Holder | null {
    for (const holder of this.#holders)
      if (blocking === '' || holder.shares.some(({ group }) => group === blocking)) return holder;
    return null;
  }

  /** Would there be a place if the blocking holders that are old enough were evicted? */
  #makeRoom(shares: readonly Share[]): boolean {
    for (let blocking = this.#blocking(shares); blocking !== null; blocking = this.#blocking(shares)) {
      const oldest = this.#oldest(blocking);
      if (oldest === null || this.#time - oldest.since < this.#limits.oldMs) return false;
      this.putOut++;
      this.#remove(oldest);
      oldest.stop.abort();
    }
    return true;
  }

  #take(shares: readonly Share[]): Place {
    if (this.#timer === undefined) {
      this.#tickedAt = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#timer.unref();
    }
    const holder: Holder = { shares, stop: new AbortController(), since: this.#time };
    this.#holders.add(holder);
    for (const { group } of shares) this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
    return {
      signal: holder.stop.signal,
      leave: () => {
        if (!this.#remove(holder)) return;
        this.#admit();
        if (this.#holders.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  #remove(holder: Holder): boolean {
    if (!this.#holders.delete(holder)) return false;
    for (const { group } of holder.shares) {
      const count = this.#counts.get(group)! - 1;
      if (count === 0) this.#counts.delete(group);
      else this.#counts.set(group, count);
    }
    return true;
  }

  /** Gives the free place to the next applicant in turn whose groups have room. */
  #admit(): void {
    for (const [group, queue] of this.#queues) {
      const [first] = queue;
      if (first === undefined || this.#blocking(first.shares) !== null) continue;
      this.#settle(first, this.#take(first.shares));
      if (this.#queues.delete(group)) this.#queues.set(group, queue);
      return;
    }
  }

  #tick(): void {
    const now = performance.now();
    this.#time += Math.min(now - this.#tickedAt, 2 * TICK_MS);
    this.#tickedAt = now;
    for (const queue of [...this.#queues.values()]) {
      const [first] = queue;
      if (first !== undefined && this.#makeRoom(first.shares)) this.#settle(first, this.#take(first.shares));
      for (const waiting of queue) {
        if (this.#time < waiting.until) break;
        this.#settle(waiting, null);
      }
    }
  }

  #settle(waiting: Waiting, place: Place | null): void {
    const { group } = waiting.shares[0]!;
    const queue = this.#queues.get(group)!;
    queue.delete(waiting);
    if (queue.size === 0) this.#queues.delete(group);
    if (--this.#waiting === 0) this.#timer?.unref();
    waiting.settle(place);
  }
}

/**
 * The shares of a name's owner, and of a possible registry above it, out of `most` places: a quarter and a
 * half.
 */
export function sharesOf({ owner, registry }: Site, most: number): Share[] {
  const own = { group: `owner ${owner}`, most: Math.max(1, Math.floor(most / 4)) };
  if (registry === null) return [own];
  return [own, { group: `registry ${registry}`, most: Math.max(1, Math.floor(most / 2)) }];
}
