/**
 * What is remembered of domains that have no policy: absence, failure, not knowing; each for a while.
 *
 * Of a failed fetch the id is remembered longer than the answer, so that DNS may be asked again in between and the policy
 * host is not (RFC 8461 section 3.3: no second attempt within five minutes for the same id).
 *
 * Limits: a number of domains and of bytes; those that were remembered first go first.
 */
import { ENTRY_BYTES, type MemoryUse, textBytes } from '../core/memorySize.ts';
import type { StsFact } from '../core/publishedFacts.ts';

export interface Remembered {
  readonly fact: StsFact;
  /** In milliseconds since the epoch: until then `fact` is the answer. */
  readonly until: number;
  /** The id a fetch failed for, when it may be tried again, and what is said until then. */
  readonly failed: { readonly id: string; readonly retryAt: number; readonly fact: StsFact } | null;
}

/** Nothing is put off longer, nor remembered. */
export const MAX_AHEAD_MS = 3_600_000;

/**
 * Is this moment still to come? One that is further ahead than any is ever set was set before the clock was put back: what
 * depends on it must not be put off for as long as the clock was wrong.
 */
export function isToCome(at: number, now: number): boolean {
  return now < at && at - now <= MAX_AHEAD_MS;
}

export class NegativeCache {
  readonly #most: number;
  readonly #mostBytes: number;
  #bytes = 0;
  readonly #domains = new Map<string, Remembered>();

  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  get size(): number {
    return this.#domains.size;
  }

  /** What still is the answer. */
  get(domain: string, now: number): Remembered | null {
    const remembered = this.#domains.get(domain);
    return remembered !== undefined && isToCome(remembered.until, now) ? remembered : null;
  }

  /** The id that failed and is not to be tried yet. */
  failed(domain: string, now: number): Remembered['failed'] {
    const failed = this.#domains.get(domain)?.failed ?? null;
    return failed !== null && isToCome(failed.retryAt, now) ? failed : null;
  }

  /** Returns the fact. */
  set(domain: string, remembered: Remembered): StsFact {
    this.delete(domain);
    this.#domains.set(domain, remembered);
    this.#bytes += bytesOf(domain, remembered);
    for (const oldest of this.#domains.keys()) {
      if (this.#domains.size <= this.#most && this.#bytes <= this.#mostBytes) break;
      this.delete(oldest);
    }
    return remembered.fact;
  }

  delete(domain: string): boolean {
    const remembered = this.#domains.get(domain);
    if (remembered !== undefined) this.#bytes -= bytesOf(domain, remembered);
    return this.#domains.delete(domain);
  }

  /** Lets go of what is over. */
  sweep(now: number): void {
    for (const [domain, { until, failed }] of this.#domains) {
      if (!isToCome(Math.max(until, failed?.retryAt ?? 0), now)) this.delete(domain);
    }
  }

  get memory(): MemoryUse {
    return { name: 'domains without MTA-STS', used: this.#bytes, limit: this.#mostBytes };
  }
}

function bytesOf(domain: string, { fact, failed }: Remembered): number {
  return (
    ENTRY_BYTES + textBytes(domain) + whyBytes(fact) + (failed === null ? 0 : 64 + whyBytes(failed.fact))
  );
}

function whyBytes(fact: StsFact): number {
  return 'why' in fact ? textBytes(fact.why) : 0;
}
