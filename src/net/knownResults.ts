/**
 * Servers that were lately seen not to do what a message required: what the delivery status maps were asked about. With
 * it the next message to the same domain is refused while its author still looks at it.
 *
 * Bounded: an hour and 10,000 hosts, the oldest go first. In memory only; after a restart the next delivery finds out
 * anew. A result says nothing good: a host that is not here may or may not offer TLS.
 */
import type { RuleLevel } from '../core/rule.ts';
import type { TlsFailure } from '../session/statusMap.ts';

export interface KnownResult extends TlsFailure {
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
}

export const KNOWN_FOR_MS = 60 * 60_000;
export const MOST_KNOWN = 10_000;

export class KnownResults {
  /** By host, the one seen longest ago first. */
  readonly #results = new Map<string, KnownResult>();

  /** `now` in milliseconds since the epoch. */
  remember(failure: TlsFailure, now: number): void {
    const before = this.#results.get(failure.host);
    this.#results.delete(failure.host);
    if (this.#results.size >= MOST_KNOWN) {
      const oldest = this.#results.keys().next();
      if (!oldest.done) this.#results.delete(oldest.value);
    }
    // what fails encrypt fails verify: the lower level says more
    const lower = before !== undefined && now - before.seenAt <= KNOWN_FOR_MS && before.level === 'encrypt';
    this.#results.set(failure.host, { ...(lower ? before : failure), seenAt: now });
  }

  /** Did this host (canonical name or literal) lately fail what `level` requires? */
  failed(host: string, level: RuleLevel, now: number): KnownResult | null {
    const result = this.#results.get(host);
    if (result === undefined || now - result.seenAt > KNOWN_FOR_MS) return null;
    return result.level === 'encrypt' || level === 'verify' ? result : null;
  }

  /** Lets go of what is too old. */
  sweep(now: number): void {
    for (const [host, { seenAt }] of this.#results) {
      if (now - seenAt <= KNOWN_FOR_MS) break;
      this.#results.delete(host);
    }
  }

  get size(): number {
    return this.#results.size;
  }
}
