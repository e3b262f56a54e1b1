/**
 * Next hops whose servers were lately seen not to do what a message required: what the delivery status maps were asked
 * about. With it the next message to the same domain is refused while its author still looks at it.
 *
 * A next hop is what Postfix asked the `deliver-...` map for: a domain, or a relayhost as it is configured, lower case.
 *
 * Bounded: an hour, 10,000 next hops and 8 MiB, the oldest go first. In memory only; after a restart the next delivery finds out
 * anew. A result says nothing good: a next hop that is not here may or may not lead to TLS.
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
/** So far may a clock be set back that is only being set right. */
const CLOCK_STEP_MS = 60_000;
export const MAX_KNOWN_BYTES = 8 * 1024 * 1024;

export class FailedNextHops {
  /** By next hop, the one seen longest ago first. */
  readonly #results = new Map<string, FailedNextHop>();
  #bytes = 0;

  /** `now` in milliseconds since the epoch. */
  remember(nextHop: string, failure: TlsFailure, now: number): void {
    const key = ownText(nextHop.toLowerCase());
    const before = this.#results.get(key);
    this.#forget(key);
    // what fails encrypt fails verify: the lower level says more
    const lower = before !== undefined && holds(before, now) && before.level === 'encrypt';
    const { host, why, level } = lower ? before : failure;
    const kept = { host: host === null ? null : ownText(host), why: ownText(why), level };
    const result: FailedNextHop = { ...kept, nextHop: key, seenAt: now };
    // nothing but hosts and sentences of Postfix; what is absurdly long is not worth the others
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

  /** Did a server of this next hop lately fail what `level` requires? */
  failed(nextHop: string, level: RuleLevel, now: number): FailedNextHop | null {
    const result = this.#results.get(nextHop.toLowerCase());
    if (result === undefined || !holds(result, now)) return null;
    return result.level === 'encrypt' || level === 'verify' ? result : null;
  }

  /** Lets go of what is too old. */
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

/** What is seen in the future was seen before the clock was set back, and would hold for as long again. */
function holds({ seenAt }: Pick<FailedNextHop, 'seenAt'>, now: number): boolean {
  return Math.abs(now - seenAt) <= (seenAt > now ? CLOCK_STEP_MS : FAILED_FOR_MS);
}

function bytesOf({ nextHop, host, why }: FailedNextHop): number {
  return 2 * ENTRY_BYTES + textBytes(nextHop) + textBytes(host ?? '') + textBytes(why);
}
