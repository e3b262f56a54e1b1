/**
 * Proof that a server validated when it gave an answer without the AD flag.
 *
 * Such an answer means "not signed" only from a server that validates; from one that has ceased to, every name looks like
 * that, and DANE would be off without a word. So each is followed by a question whose answer is known to be signed
 * (selfTest.ts), put to the same server after the answer has come. Those who wait for one of the same server share it, as
 * long as it began after they asked.
 */
import type { DnsServer } from './exchange.ts';
import type { SelfTest } from './selfTest.ts';

export interface ProofsOptions {
  readonly test: (server: DnsServer) => Promise<SelfTest>;
  /** Called when a server is found not to validate, before `after` resolves. Must not throw. */
  readonly doubt: () => void;
}

interface Tests {
  running: Promise<SelfTest>;
  /** Begins when the running one has ended. */
  next: Promise<SelfTest> | null;
}

export class Proofs {
  readonly #options: ProofsOptions;
  readonly #tests = new Map<DnsServer, Tests>();

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /** What a test comes to that begins from now on. Never rejects. */
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
      return { kind: 'unknown', why: `a fault of ours: ${String(error)}` };
    }
  }
}
