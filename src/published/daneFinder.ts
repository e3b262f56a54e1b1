/**
 * DANE facts, found once and kept for their TTL; and whether the resolver that is trusted deserves it.
 *
 * A resolver that does not validate would make every domain look unsigned, and DANE would silently be off. So it is tested
 * first (dns/selfTest.ts), and again every ten minutes when it is used: when it fails the test DANE is left to Postfix, with
 * the reason; as long as no test had an answer nothing is believed, and mail waits.
 *
 * Limits: MOST facts, the ones found longest ago go first.
 */
import type { DaneFact, PublishedQuestion } from '../core/published.ts';
import type { FoundDane } from '../dns/dane.ts';
import type { SelfTest } from '../dns/selfTest.ts';

export interface DaneFinderOptions {
  readonly find: (question: PublishedQuestion) => Promise<FoundDane>;
  /** Tests the resolver; null: it is not trusted in the first place. */
  readonly test: (() => Promise<SelfTest>) | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told whenever it changes. */
  readonly changed: (state: DaneState) => void;
}

/** `untested`: no test of the resolver had an answer, and mail waits. */
export type DaneState = { readonly kind: 'on' } | { readonly kind: 'off' | 'untested'; readonly why: string };

interface Kept {
  readonly fact: DaneFact;
  readonly until: number;
}

const MOST = 10_000;
const RETEST_MS = 10 * 60_000;
const RETRY_MS = 5_000;
export const NO_RESOLVER = 'no resolver is configured whose word about DNSSEC is believed';

export class DaneFinder {
  readonly #options: DaneFinderOptions;
  readonly #facts = new Map<string, Kept>();
  #testing: Promise<void> | null = null;
  #retestAt = 0;
  /** Why DANE is off, '' when it is on; null: no test had an answer, and `#silent` says of what kind. */
  #off: string | null;
  #silent = '';

  constructor(options: DaneFinderOptions) {
    this.#options = options;
    this.#off = options.test === null ? NO_RESOLVER : null;
    if (options.test !== null) void this.#tested();
  }

  /** Why TLSA records are not looked up; '' when they are. */
  get off(): string {
    return this.#off ?? this.#untested();
  }

  #untested(): string {
    return this.#silent === '' ? '' : `the resolver could not be tested: ${this.#silent}`;
  }

  /** Facts kept. */
  get size(): number {
    return this.#facts.size;
  }

  /** Never rejects. */
  async find(question: PublishedQuestion): Promise<DaneFact> {
    const { now } = this.#options;
    const testing = this.#tested();
    // while it was found to validate a test goes on behind the answers
    if (this.#off !== '') await testing;
    if (this.#off === null) return { kind: 'unknown', why: this.#untested() };
    if (this.#off !== '') return { kind: 'not-asked', why: this.#off };
    const key = keyOf(question);
    const kept = this.#facts.get(key);
    if (kept !== undefined && now() < kept.until) return kept.fact;
    const { fact, ttlSeconds } = await this.#options.find(question);
    this.#facts.delete(key);
    this.#facts.set(key, { fact, until: now() + ttlSeconds * 1000 });
    if (this.#facts.size > MOST) {
      const [oldest] = this.#facts.keys();
      if (oldest !== undefined) this.#facts.delete(oldest);
    }
    return fact;
  }

  /** What is kept and until when, in milliseconds since the epoch; null for nothing. */
  inspect(question: PublishedQuestion): Kept | null {
    const kept = this.#facts.get(keyOf(question));
    return kept !== undefined && this.#options.now() < kept.until ? kept : null;
  }

  /** Drops what is kept of a name, as domain and as host; true when there was something. */
  forget(name: string): boolean {
    let found = false;
    for (const key of this.#facts.keys()) {
      if (!key.startsWith(`${name} `)) continue;
      this.#facts.delete(key);
      found = true;
    }
    return found;
  }

  #tested(): Promise<void> {
    const { test, now } = this.#options;
    if (test === null || (this.#testing === null && now() < this.#retestAt)) return Promise.resolve();
    this.#testing ??= this.#test(test).finally(() => {
      this.#testing = null;
    });
    return this.#testing;
  }

  async #test(test: () => Promise<SelfTest>): Promise<void> {
    const { now, changed } = this.#options;
    const result = await test();
    const before = this.#off;
    this.#retestAt = now() + (result.kind === 'unknown' ? RETRY_MS : RETEST_MS);
    if (result.kind === 'unknown') {
      const first = before === null && this.#silent === '';
      this.#silent = result.why;
      if (first) changed({ kind: 'untested', why: result.why });
      return;
    }
    this.#off = result.kind === 'validates' ? '' : result.why;
    // that it validates is no news at the start
    const known = before ?? (this.#silent === '' ? '' : null);
    if (this.#off !== known) changed(this.#off === '' ? { kind: 'on' } : { kind: 'off', why: this.#off });
  }
}

function keyOf({ name, host, port }: PublishedQuestion): string {
  return `${name} ${host ? 'host' : 'domain'} ${port}`;
}
