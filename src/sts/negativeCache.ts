/**
 * The negative cache of domains that have no policy: absence, failure, unknown; each for a limited time.
 *
 * For a failed fetch the id is remembered longer than the answer, so that DNS may be asked again in between
 * but not the policy host (RFC 8461 section 3.3: no second attempt within five minutes for the same id).
 *
 * Limits: a number of domains and of bytes; the oldest entries are evicted first.
 */
import { ENTRY_BYTES, type MemoryUse, textBytes } from '../core/memorySize.ts';
import type { StsFact } from '../core/publishedFacts.ts';

interface Remembered {
  readonly fact: StsFact;
  /** In milliseconds since the epoch: until then `fact` is the answer. */
  readonly until: number;
  /** The id that a fetch failed for, when it may be tried again, and the answer until then. */
  readonly failed: { readonly id: string; readonly retryAt: number; readonly fact: StsFact } | null;
}

/** Upper limit for postponing and remembering. */
export const MAX_AHEAD_MS = 3_600_000;

/**
 * Is this time still in the future? A time further ahead than any that is ever set comes from before the
 * clock was set back; what depends on it must not be postponed for as long as the clock was wrong.
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

  /** The answer, if it is still valid. */
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

  /** Removes expired entries. */
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
