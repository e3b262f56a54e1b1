/**
 * Caches DANE facts for their TTL, and tests whether the trusted resolver really validates.
 *
 * With a resolver that does not validate, every domain would look unsigned and DANE would silently be off. So
 * the resolver is tested before its first use (dns/selfTest.ts), every few seconds, and at once when an
 * answer shows that it does not validate (dns/proofs.ts). While a test has no result, no answer is trusted
 * and mail waits. If the resolver fails the test, DANE is left to Postfix and the reason is reported. A
 * cached fact was proven when it was found and stays valid for its TTL, so an attacker who can stop the
 * resolver from validating does not affect cached domains.
 *
 * Limits: MAX_FACTS and MAX_BYTES; the oldest are evicted first.
 */
import { ENTRY_BYTES, type MemoryUse, textBytes } from '../core/memorySize.ts';
import type { DaneFact, PublishedQuestion } from '../core/publishedFacts.ts';
import type { FoundDane } from '../dns/dane.ts';
import type { SelfTest } from '../dns/proofs.ts';

interface DaneFinderOptions {
  readonly find: (question: PublishedQuestion) => Promise<FoundDane>;
  /** Tests the resolver; null: it is not trusted in the first place. */
  readonly test: (() => Promise<SelfTest>) | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called when the state changes. */
  readonly changed: (state: DaneState) => void;
}

/** `untested`: no test of the resolver has a result yet, and mail waits. */
export type DaneState = { readonly kind: 'on' } | { readonly kind: 'off' | 'untested'; readonly why: string };

interface Kept {
  readonly fact: DaneFact;
  readonly until: number;
}

const MAX_FACTS = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** The longest TTL that findDane returns. */
const MAX_KEPT_MS = 3_600_000;
const RETEST_MS = 5_000;
const DOUBTED = 'the resolver answered like one that does not validate, and is being tested';
const NO_RESOLVER = 'no trusted DNSSEC-validating resolver is configured';

export class DaneFinder {
  readonly #options: DaneFinderOptions;
  readonly #facts = new Map<string, Kept>();
  #bytes = 0;
  #testing: Promise<void> | null = null;
  #retestAt = 0;
  /**
   * An answer showed that it does not validate, and no test has finished since; and how often that happened.
   */
  #doubted = false;
  #doubts = 0;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Why DANE is off, '' when it is on; null: no test has had a result, and `#silent` says why. */
  #off: string | null;
  #silent = '';

  constructor(options: DaneFinderOptions) {
    this.#options = options;
    this.#off = options.test === null ? NO_RESOLVER : null;
    if (options.test === null) return;
    void this.#tested();
    // tested even when no question comes, so that status and log are accurate
    this.#timer = setInterval(() => void this.#tested(), RETEST_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** An answer has shown that the resolver does not validate: no answer is trusted before a new test. */
  doubt(): void {
    if (this.#options.test === null || this.#off !== '') return;
    this.#doubted = true;
    this.#doubts++;
    this.#retestAt = 0;
    void this.#tested();
  }

  /**
   * Why TLSA records are not looked up, or that the resolver does not answer; '' when neither is the case.
   */
  get off(): string {
    return this.#doubted ? DOUBTED : this.#off || this.#untested();
  }

  #untested(): string {
    return this.#silent === '' ? '' : `the resolver could not be tested: ${this.#silent}`;
  }

  /** Number of cached facts. */
  get size(): number {
    return this.#facts.size;
  }

  /** Never rejects. */
  async find(question: PublishedQuestion): Promise<DaneFact> {
    const kept = this.inspect(question);
    if (kept !== null) return kept.fact;
    const [testing, settled] = [this.#tested(), this.#settled()];
    // a test that only confirms a recent result runs in the background
    if (!settled) await testing;
    const before = this.#refusal();
    if (before !== null) return before;
    const { fact, ttlSeconds } = await this.#options.find(question);
    if (this.#doubted) await this.#tested();
    // a result that was found is used even if the resolver fails a later test
    if (fact.kind === 'unknown') {
      const since = this.#refusal();
      if (since !== null) return since;
    }
    const key = keyOf(question);
    this.#drop(key);
    const found: Kept = { fact, until: this.#options.now() + ttlSeconds * 1000 };
    this.#facts.set(key, found);
    this.#bytes += bytesOf(key, found);
    for (const oldest of this.#facts.keys()) {
      if (this.#facts.size <= MAX_FACTS && this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest);
    }
    return fact;
  }

  /** Can the question be answered without a lookup? */
  known(question: PublishedQuestion): boolean {
    return this.inspect(question) !== null || (this.#off !== '' && this.#settled());
  }

  /** Is it known from a recent test whether the resolver validates? */
  #settled(): boolean {
    if (this.#options.test === null || this.#off === '') return !this.#doubted;
    return this.#off !== null && this.#options.now() < this.#retestAt + RETEST_MS;
  }

  /** The answer while the resolver is not trusted; null while it is. */
  #refusal(): DaneFact | null {
    if (this.#doubted) return { kind: 'unknown', why: DOUBTED };
    if (this.#off === null) return { kind: 'unknown', why: this.#untested() };
    return this.#off === '' ? null : { kind: 'not-asked', why: this.#off };
  }

  #drop(key: string): void {
    const kept = this.#facts.get(key);
    if (kept === undefined) return;
    this.#bytes -= bytesOf(key, kept);
    this.#facts.delete(key);
  }

  /** For `status`. */
  get memory(): MemoryUse {
    return { name: 'TLSA facts', used: this.#bytes, limit: MAX_BYTES };
  }

  /** The cached fact and its expiry, in milliseconds since the epoch; null for none. */
  inspect(question: PublishedQuestion): Kept | null {
    const kept = this.#facts.get(keyOf(question));
    return kept !== undefined && this.#isToCome(kept.until, MAX_KEPT_MS) ? kept : null;
  }

  /** Removes a name from the cache, as domain and as host; true when there was something. */
  forget(name: string): boolean {
    let found = false;
    for (const key of this.#facts.keys()) {
      if (!key.startsWith(`${name} `)) continue;
      this.#drop(key);
      found = true;
    }
    return found;
  }

  /**
   * Is the time `at` still to come? It was set at most `mostMs` ahead. If it is further ahead, the clock has
   * been set back since, and it no longer counts.
   */
  #isToCome(at: number, mostMs: number): boolean {
    const ahead = at - this.#options.now();
    return ahead > 0 && ahead <= mostMs;
  }

  #tested(): Promise<void> {
    const { test } = this.#options;
    if (test === null || (this.#testing === null && this.#isToCome(this.#retestAt, RETEST_MS)))
      return Promise.resolve();
    this.#testing ??= this.#test(test).finally(() => {
      this.#testing = null;
    });
    return this.#testing;
  }

  async #test(test: () => Promise<SelfTest>): Promise<void> {
    const { now, changed } = this.#options;
    const doubts = this.#doubts;
    const result = await test();
    // this test began before the answer that showed the failure
    if (doubts !== this.#doubts && result.kind === 'validates') return this.#test(test);
    this.#retestAt = now() + RETEST_MS;
    const silent = this.#silent;
    if (result.kind === 'unknown') {
      this.#silent = result.why;
      if (silent === '') changed({ kind: 'untested', why: result.why });
      return;
    }
    const before = this.#off;
    this.#off = result.kind === 'validates' ? '' : result.why;
    this.#silent = '';
    this.#doubted = false;
    // at the start, a resolver that validates is not reported
    if (silent === '' && this.#off === (before ?? '')) return;
    changed(this.#off === '' ? { kind: 'on' } : { kind: 'off', why: this.#off });
  }
}

function bytesOf(key: string, { fact }: Kept): number {
  return ENTRY_BYTES + textBytes(key) + ('why' in fact ? textBytes(fact.why) : 0);
}

function keyOf({ name, host, port }: PublishedQuestion): string {
  return `${name} ${host ? 'host' : 'domain'} ${port}`;
}
