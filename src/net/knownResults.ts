/**
 * Next hops whose servers were lately seen not to do what a message required: what the delivery status maps were asked
 * about. With it the next message to the same domain is refused while its author still looks at it.
 *
 * A next hop is what Postfix asked the `deliver-...` map for: a domain, or a relayhost as it is configured, lower case.
 *
 * Bounded: an hour and 10,000 next hops, the oldest go first. In memory only; after a restart the next delivery finds out
 * anew. A result says nothing good: a next hop that is not here may or may not lead to TLS.
 */
import type { RuleLevel } from '../core/rule.ts';
import type { TlsFailure } from '../session/statusMap.ts';

export interface KnownResult extends TlsFailure {
  readonly nextHop: string;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
}

export const KNOWN_FOR_MS = 60 * 60_000;
export const MOST_KNOWN = 10_000;

export class KnownResults {
  /** By next hop, the one seen longest ago first. */
  readonly #results = new Map<string, KnownResult>();

  /** `now` in milliseconds since the epoch. */
  remember(nextHop: string, failure: TlsFailure, now: number): void {
    const key = nextHop.toLowerCase();
    const before = this.#results.get(key);
    this.#results.delete(key);
    if (this.#results.size >= MOST_KNOWN) {
      const oldest = this.#results.keys().next();
      if (!oldest.done) this.#results.delete(oldest.value);
    }
    // what fails encrypt fails verify: the lower level says more
    const lower = before !== undefined && now - before.seenAt <= KNOWN_FOR_MS && before.level === 'encrypt';
    this.#results.set(key, { ...(lower ? before : failure), nextHop: key, seenAt: now });
  }

  /** Did a server of this next hop lately fail what `level` requires? */
  failed(nextHop: string, level: RuleLevel, now: number): KnownResult | null {
    const result = this.#results.get(nextHop.toLowerCase());
    if (result === undefined || now - result.seenAt > KNOWN_FOR_MS) return null;
    return result.level === 'encrypt' || level === 'verify' ? result : null;
  }

  /** Lets go of what is too old. */
  sweep(now: number): void {
    for (const [nextHop, { seenAt }] of this.#results) {
      if (now - seenAt <= KNOWN_FOR_MS) break;
      this.#results.delete(nextHop);
    }
  }

  get size(): number {
    return this.#results.size;
  }
}
