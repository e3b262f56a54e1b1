/**
 * Proof that a server validated when it gave an answer without the AD flag.
 *
 * Such an answer means "not signed" only from a server that validates; from one that no longer does, every
 * name looks unsigned, and DANE would silently be off. So after each such answer the same server is asked a
 * question whose answer is known to be signed (selfTest.ts). Concurrent tests of one server are shared, as
 * long as the test began after the request for it.
 */
import type { DnsServer } from './exchange.ts';

/** What a test of a server found. */
export type SelfTest =
  | { readonly kind: 'validates' }
  /** `why`, for "DANE off: ...": "127.0.0.1:53 does not validate (no AD flag for the root)". */
  | { readonly kind: 'does-not-validate'; readonly why: string }
  /** No answer from one of them, and no failure of the others: worth trying again later. */
  | { readonly kind: 'unknown'; readonly why: string };

interface ProofsOptions {
  readonly test: (server: DnsServer) => Promise<SelfTest>;
  /** Called when a server is found not to validate, before `after` resolves. Must not throw. */
  readonly doubt: () => void;
}

interface Tests {
  running: Promise<SelfTest>;
  /** Begins after the running test. */
  next: Promise<SelfTest> | null;
}

export class Proofs {
  readonly #options: ProofsOptions;
  readonly #tests = new Map<DnsServer, Tests>();

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /** The result of a test that begins from now on. Never rejects. */
  after(server: DnsServer): Promise<SelfTest> {
    const tests = this.#tests.get(server);
    if (tests === undefined) return this.#begin(server);
    tests.next ??= tests.running.then(() => this.#begin(server));
    return tests.next;
  }

  #begin(server: DnsServer): Promise<SelfTest> {
    const tests: Tests = { running: this.#test(server), next: null };
    this.#tests.set(server, tests);
    void tests.running.then(() => {
      if (tests.next === null) this.#tests.delete(server);
    });
    return tests.running;
  }

  async #test(server: DnsServer): Promise<SelfTest> {
    try {
      const result = await this.#options.test(server);
      if (result.kind === 'does-not-validate') this.#options.doubt();
      return result;
    } catch (error) {
      return { kind: 'unknown', why: `an internal error: ${String(error)}` };
    }
  }
}
