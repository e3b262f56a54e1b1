/**
 * Remembers next hops whose servers recently failed to meet what a message required, as reported through the
 * delivery status maps. The next message to the same domain can then be refused while its author is still
 * online.
 *
 * A next hop is the key that Postfix asked the `deliver-...` map for: a domain, or a relayhost as configured,
 * in lower case.
 *
 * Limits: one hour, 10,000 next hops and 8 MiB; the oldest are removed first. Results are kept in memory
 * only, so after a restart the next delivery finds out again. Only failures are recorded: a next hop that is
 * not listed may or may not offer TLS.
 */
import { ENTRY_BYTES, type MemoryUse, ownText, textBytes } from '../core/memorySize.ts';
import type { RuleLevel } from '../core/rule.ts';
import type { TlsFailure } from '../maps/statusMap.ts';

interface FailedNextHop extends TlsFailure {
  readonly nextHop: string;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
}

export const FAILED_FOR_MS = 60 * 60_000;
export const MAX_FAILED = 10_000;
/** A clock that is set back by less than this is only being corrected. */
const CLOCK_STEP_MS = 60_000;
export const MAX_KNOWN_BYTES = 8 * 1024 * 1024;

export class FailedNextHops {
  /** By next hop, the least recently seen first. */
  readonly #results = new Map<string, FailedNextHop>();
  #bytes = 0;

  /** `now` in milliseconds since the epoch. */
  remember(nextHop: string, failure: TlsFailure, now: number): void {
    const key = ownText(nextHop.toLowerCase());
    const before = this.#results.get(key);
    this.#forget(key);
    // a server that fails encrypt also fails verify, so the lower level says more
    const lower = before !== undefined && holds(before, now) && before.level === 'encrypt';
    const { host, why, level } = lower ? before : failure;
    const kept = { host: host === null ? null : ownText(host), why: ownText(why), level };
    const result: FailedNextHop = { ...kept, nextHop: key, seenAt: now };
    // it holds only host names and messages of Postfix; an absurdly long one must not displace the others
    if (bytesOf(result) > MAX_KNOWN_BYTES / 256) return;
    this.#results.set(key, result);
    this.#bytes += bytesOf(result);
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= MAX_FAILED && this.#bytes <= MAX_KNOWN_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const result = this.#results.get(key);
    if (result === undefined) return;
    this.#bytes -= bytesOf(result);
    this.#results.delete(key);
  }

  /** Did a server of this next hop recently fail to meet `level`? */
  failed(nextHop: string, level: RuleLevel, now: number): FailedNextHop | null {
    const result = this.#results.get(nextHop.toLowerCase());
    if (result === undefined || !holds(result, now)) return null;
    return result.level === 'encrypt' || level === 'verify' ? result : null;
  }

  /** Removes results that are too old. */
  sweep(now: number): void {
    for (const [nextHop, { seenAt }] of this.#results) {
      if (holds({ seenAt }, now)) break;
      this.#forget(nextHop);
    }
  }

  get size(): number {
    return this.#results.size;
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return { name: 'failed next hops', used: this.#bytes, limit: MAX_KNOWN_BYTES };
  }
}

/** A result from the future was recorded before the clock was set back, and would be kept too long. */
function holds({ seenAt }: Pick<FailedNextHop, 'seenAt'>, now: number): boolean {
  return Math.abs(now - seenAt) <= (seenAt > now ? CLOCK_STEP_MS : FAILED_FOR_MS);
}

function bytesOf({ nextHop, host, why }: FailedNextHop): number {
  return 2 * ENTRY_BYTES + textBytes(nextHop) + textBytes(host ?? '') + textBytes(why);
}
