/**
 * Finds a domain's MTA-STS policy and caches it: `deliver = auto` asks this finder for each next hop.
 *
 * A policy that has not expired is returned at once, whatever DNS or the policy host say now: this protects
 * against attackers who can make lookups fail, and a removed TXT record does not cancel the policy (RFC 8461
 * sections 3.1, 3.3). If its id was last compared longer ago than the TXT record's TTL (60 s to 1 h), it is
 * compared in the background, and a new id causes a fetch; if that fails the old policy stays until it
 * expires.
 *
 * Without a policy: TXT record there: fetch; proven absent: `absent`, remembered for its TTL (60 s to 1 h);
 * no answer: `unknown`, remembered for 15 s; fetch failed: `failed`, and no second attempt within 5 minutes
 * for the same id. Absence is proven only as far as DNS without DNSSEC can prove it (section 10.2).
 *
 * Policies in use are refreshed when a day or a quarter of max_age (whichever is less) is left, whether or
 * not the TXT record is visible then (section 10.2), so that they do not expire while their host can be
 * reached; failures are retried after 5 minutes, doubling up to an hour. Policies that have not been used
 * since they were fetched just expire.
 *
 * Concurrent questions for a domain share one lookup. When `lookups` are already in progress the answer is
 * `unknown` at once. Fetches share their places by owner of the domain and by address of the policy host
 * (dns/fairGate.ts, policyHosts.ts) and wait a second for one; a fetch that hangs gives up its place when
 * others wait, and is then `unknown`, never `failed`. Background work uses at most half of both limits.
 * Sections are those of RFC 8461.
 */

import { canonicalDomain } from '../core/domain.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import type { StsFact, StsMode, StsPolicy } from '../core/publishedFacts.ts';
import { siteOf } from '../core/site.ts';
import { clockSteps } from '../core/steadyClock.ts';
import { isComparable } from '../deliver/auto.ts';
import { FairGate, sharesOf } from '../dns/fairGate.ts';
import { type CachedPolicy, StsCache } from './cache.ts';
import { type KeptPolicy, type StsCounters, type StsInspection, startCounters } from './events.ts';
import { fetchStsPolicy } from './fetch.ts';
import { isToCome, MAX_AHEAD_MS, NegativeCache } from './negativeCache.ts';
import { STS_LIMITS, type StsLimits, type StsOptions } from './options.ts';
import { POLICY_LIMIT_BYTES } from './policyFile.ts';
import { PolicyHosts } from './policyHosts.ts';
import type { StsFailed, StsFetched } from './policyRequest.ts';
import { MAX_POLICY_DOMAIN } from './record.ts';
import { lookUpStsTxt, MIN_KEEP_MS } from './txt.ts';

/**
 * `wanted`: a caller waits. `check`: compare the id. `ahead`: fetch before it expires. `forced`: fetch in any
 * case.
 */
type Reason = 'wanted' | 'check' | 'ahead' | 'forced';

const SECOND_MS = 1000;
const UNKNOWN_MS = 15 * SECOND_MS;
const RETRY_MS = 300 * SECOND_MS;
const MAX_RETRY_MS = MAX_AHEAD_MS;
const DAY_MS = 86_400 * SECOND_MS;
const PATIENCE_MS = SECOND_MS;
/** After this time a fetch makes room for others. */
const OLD_MS = 3 * SECOND_MS;
const SWEEP_MS = 60 * SECOND_MS;
/** Patterns of a policy that are named in one event. */
const MAX_TOLD = 5;

const ABSENT: StsFact = { kind: 'absent' };
const unknown = (why: string): StsFact => ({ kind: 'unknown', why });

export class StsPolicies {
  readonly #options: StsOptions;
  readonly #limits: StsLimits;
  readonly #now: () => number;
  readonly #cache: StsCache;
  readonly #memory: NegativeCache;
  readonly #flights = new Map<string, { readonly forced: boolean; readonly done: Promise<StsFact> }>();
  readonly #stop = new AbortController();
  readonly #counters = startCounters();
  readonly #timer: NodeJS.Timeout;
  readonly #fetching: FairGate;
  readonly #hosts: PolicyHosts;

  private constructor(options: StsOptions, limits: StsLimits, now: () => number, cache: StsCache) {
    this.#options = options;
    this.#limits = limits;
    this.#now = now;
    this.#cache = cache;
    this.#memory = new NegativeCache(limits.remembered, limits.rememberedBytes);
    const { fetches } = limits;
    const patience = { patienceMs: PATIENCE_MS, oldMs: OLD_MS };
    this.#fetching = new FairGate({ most: fetches, mostWaiting: fetches * 4, ...patience });
    this.#hosts = new PolicyHosts({ most: fetches });
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Reads the folder; problems become events, never a rejection. */
  static async open(options: StsOptions): Promise<StsPolicies> {
    const limits = { ...STS_LIMITS, ...options.limits };
    const wall = options.now ?? Date.now;
    const cache = await StsCache.open({
      folder: options.folder,
      mostPolicies: limits.policies,
      mostBytes: limits.bytes,
      now: wall,
      tell: (file, why) => options.event({ kind: 'cache', file, why }),
    });
    const steps = clockSteps(wall, options.monotonic ?? options.now ?? (() => performance.now()));
    const now = (): number => {
      const step = steps();
      if (step !== 0) cache.clockSet(step);
      return wall();
    };
    return new StsPolicies(options, limits, now, cache);
  }

  /** `domain`: canonical; anything else has no policy. Never rejects. */
  find(domain: string): Promise<StsFact> {
    if (this.#stop.signal.aborted) return Promise.resolve(unknown('shutting down'));
    if (!mayHavePolicy(domain)) return Promise.resolve(ABSENT);
    this.#counters.asked++;
    const now = this.#now();
    const policy = this.#valid(domain, now);
    if (policy !== null) {
      this.#counters.fromCache++;
      this.#cache.use(policy, now);
      if (!isToCome(policy.recheckAt, now)) this.#behind(domain, 'check');
      return Promise.resolve(policy.fact);
    }
    const remembered = this.#memory.get(domain, now);
    if (remembered !== null) {
      this.#counters.fromMemory++;
      return Promise.resolve(remembered.fact);
    }
    const flight = this.#flights.get(domain);
    if (flight !== undefined) return flight.done;
    if (this.#flights.size >= this.#limits.lookups) return Promise.resolve(this.#tooMany());
    return this.#fly(domain, 'wanted');
  }

  /** Asks DNS and the policy host now, regardless of both caches. The old policy stays if that fails. */
  async refresh(domain: string): Promise<StsFact> {
    if (!mayHavePolicy(domain)) return ABSENT;
    for (let flight = this.#flights.get(domain); flight !== undefined; flight = this.#flights.get(domain)) {
      if (flight.forced) return flight.done;
      await flight.done;
    }
    if (this.#stop.signal.aborted) return unknown('shutting down');
    return this.#fly(domain, 'forced');
  }

  /** Removes a domain from both caches, on disk too; true when there was something. */
  forget(domain: string): boolean {
    const remembered = this.#memory.delete(domain);
    return this.#cache.remove(domain) || remembered;
  }

  /** What is known without any lookup; does not count as use. Null when nothing is known. */
  inspect(domain: string): StsInspection | null {
    const now = this.#now();
    const policy = this.#valid(domain, now);
    if (policy !== null) {
      const { id, fetchedAt, expiresAt, lastUsed, lastChecked, trouble } = policy;
      const { mode, mx, maxAgeSeconds } = policy.policy;
      const times = { fetchedAt, expiresAt, lastUsed, lastChecked };
      return { kind: 'policy', domain, id, mode, mx, maxAgeSeconds, ...times, lastFailure: trouble };
    }
    const remembered = this.#memory.get(domain, now);
    if (remembered === null) return null;
    return { kind: 'remembered', domain, fact: remembered.fact, until: remembered.until };
  }

  /** The policies that are kept and hold, the last used first. */
  latest(most: number): KeptPolicy[] {
    const now = this.#now();
    const found: KeptPolicy[] = [];
    // the cache has the last used at its end
    for (const { domain, policy, expiresAt, trouble } of [...this.#cache.values()].reverse()) {
      if (found.length === most) break;
      if (expiresAt <= now) continue;
      found.push({ domain, mode: policy.mode, expiresAt, trouble: trouble?.why ?? '' });
    }
    return found;
  }

  counters(): StsCounters {
    let failing = 0;
    for (const { failures } of this.#cache.values()) if (failures > 0) failing++;
    return {
      ...this.#counters,
      policies: this.#cache.size,
      failing,
      remembered: this.#memory.size,
      running: this.#flights.size,
      fetching: this.#fetching.size,
      waiting: this.#fetching.waiting,
      hanging: this.#hosts.load.hanging,
      bytes: this.#cache.bytes,
    };
  }

  /** The memory used by the caches, and by policies that are being fetched. */
  get memory(): readonly MemoryUse[] {
    const { fetches } = this.#limits;
    const fetched = this.#fetching.size * POLICY_LIMIT_BYTES;
    const fetching = { name: 'policies being fetched', used: fetched, limit: fetches * POLICY_LIMIT_BYTES };
    return [this.#cache.memory, this.#memory.memory, fetching];
  }

  /** Removes what has expired and refreshes what soon will; a timer calls it every minute. */
  sweep(): void {
    const now = this.#now();
    for (const policy of [...this.#cache.values()]) {
      const { domain, lastUsed, fetchedAt, retryAt } = policy;
      if (this.#valid(domain, now) === null || lastUsed <= fetchedAt || isToCome(retryAt, now)) continue;
      if (now >= policy.expiresAt - leadMs(policy)) this.#behind(domain, 'ahead');
    }
    this.#memory.sweep(now);
    this.#cache.writeUses();
  }

  /** Waits until no lookup is in progress and everything is written to disk. */
  async settled(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all([...this.#flights.values()].map(({ done }) => done));
    await this.#cache.flush();
  }

  /** Hands the folder over to another finder, which may read it when this resolves; continues in memory. */
  leaveFolder(): Promise<void> {
    this.#now(); // what is written is by the clock as it is set now
    return this.#cache.leaveFolder();
  }

  /** Aborts what is in progress, and writes pending changes to the folder. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    this.#fetching.close();
    this.#hosts.close();
    this.#now();
    await this.settled();
    this.#cache.writeUses();
    await this.#cache.flush();
  }

  /** The policy, unless it has expired: then it is removed. */
  #valid(domain: string, now: number): CachedPolicy | null {
    const policy = this.#cache.get(domain);
    if (policy === null) return null;
    // fetched in the future: the clock was set back before this process began, so its max_age begins now
    if (policy.fetchedAt > now)
      return this.#cache.put({ ...policy, fetchedAt: now, lastUsed: now, lastChecked: now });
    if (now < policy.expiresAt) return policy;
    this.#cache.remove(domain);
    if (policy.trouble !== null) {
      const { id, trouble } = policy;
      this.#options.event({ kind: 'expired', domain, id, mode: policy.policy.mode, lastFailure: trouble });
    }
    return null;
  }

  /** Starts background work, if there is room. */
  #behind(domain: string, reason: 'check' | 'ahead'): void {
    if (this.#stop.signal.aborted || this.#flights.has(domain)) return;
    const { lookups, fetches } = this.#limits;
    if (this.#flights.size >= lookups / 2 || this.#fetching.size >= fetches / 2) return;
    void this.#fly(domain, reason);
  }

  #fly(domain: string, reason: Reason): Promise<StsFact> {
    const done = this.#lookUp(domain, reason)
      .catch(() => this.#keptOr(domain, unknown('an internal error')))
      .finally(() => this.#flights.delete(domain));
    this.#flights.set(domain, { forced: reason === 'forced', done });
    return done;
  }

  async #lookUp(domain: string, reason: Reason): Promise<StsFact> {
    this.#counters.records++;
    const record = await lookUpStsTxt(this.#options.resolver, domain);
    if (this.#stop.signal.aborted) return this.#keptOr(domain, unknown('shutting down'));
    const now = this.#now();
    const policy = this.#valid(domain, now);
    if (policy !== null) {
      const keepMs = record.kind === 'unknown' ? MIN_KEEP_MS : record.keepMs;
      policy.recheckAt = now + keepMs;
      if (record.kind !== 'unknown') policy.lastChecked = now;
      const id = record.kind === 'present' ? record.id : policy.id;
      const changed = id !== policy.id && (id !== policy.failedId || !isToCome(policy.retryAt, now));
      if (reason === 'ahead' || reason === 'forced' || changed) return this.#fetch(domain, id, keepMs);
      return policy.fact;
    }
    const failed = this.#memory.failed(domain, now);
    if (record.kind === 'unknown') {
      this.#counters.unknown++;
      return this.#memory.set(domain, { fact: unknown(record.why), until: now + UNKNOWN_MS, failed });
    }
    const until = now + record.keepMs;
    if (record.kind === 'absent') {
      this.#counters.absent++;
      return this.#memory.set(domain, { fact: ABSENT, until, failed });
    }
    if (reason !== 'forced' && failed?.id === record.id) {
      return this.#memory.set(domain, { fact: failed.fact, until: Math.min(until, failed.retryAt), failed });
    }
    return this.#fetch(domain, record.id, record.keepMs);
  }

  /** `keepMs`: how long the TXT record may be cached. */
  async #fetch(domain: string, id: string, keepMs: number): Promise<StsFact> {
    const place = await this.#fetching.enter(sharesOf(siteOf(domain), this.#limits.fetches));
    if (place === null) {
      if (this.#stop.signal.aborted) return this.#keptOr(domain, unknown('shutting down'));
      return this.#keptOr(domain, this.#tooMany());
    }
    this.#counters.fetches++;
    let fetched: StsFetched;
    try {
      fetched = await this.#get(domain, place.signal);
    } finally {
      place.leave();
    }
    const now = this.#now();
    const old = this.#valid(domain, now);
    if (fetched.kind === 'failed' && this.#stop.signal.aborted)
      return this.#keptOr(domain, unknown('shutting down'));
    if (fetched.kind === 'busy' || (fetched.kind === 'failed' && place.signal.aborted)) {
      this.#counters.tooMany++;
      if (old !== null) return old.fact;
      const fact = unknown(fetched.kind === 'busy' ? fetched.why : 'it took too long while others waited');
      const failed = this.#memory.failed(domain, now);
      return this.#memory.set(domain, { fact, until: now + UNKNOWN_MS, failed });
    }
    if (fetched.kind === 'failed') return this.#failed(domain, id, fetched, old, now, keepMs);
    const { policy, text } = fetched;
    const times = { fetchedAt: now, lastUsed: old === null ? now : old.lastUsed, lastChecked: now };
    const added = this.#cache.put({ domain, id, policy, text, ...times });
    added.recheckAt = now + keepMs;
    this.#memory.delete(domain);
    const { expiresAt, fact } = added;
    this.#options.event({ kind: 'fetched', domain, id, mode: policy.mode, expiresAt });
    if (policy.mode !== 'none' && old?.text !== text) this.#tellPatterns(domain, id, policy);
    return fact;
  }

  #tellPatterns(domain: string, id: string, { mode, mx }: StsPolicy): void {
    const without = mx.filter((pattern) => !isComparable(pattern));
    if (without.length === 0) return;
    const [patterns, count] = [without.slice(0, MAX_TOLD), without.length];
    this.#options.event({ kind: 'patterns', domain, id, mode, patterns, count, left: mx.length - count });
  }

  #get(domain: string, signal: AbortSignal): Promise<StsFetched> {
    if (this.#options.fetch !== undefined) return this.#options.fetch(domain, signal);
    const { resolver, opening, ca } = this.#options;
    const { deadlineMs } = this.#limits;
    const trust = ca === undefined ? {} : { ca };
    return fetchStsPolicy(domain, { resolver, opening, deadlineMs, signal, hosts: this.#hosts, ...trust });
  }

  #failed(
    domain: string,
    id: string,
    fetched: StsFailed,
    old: CachedPolicy | null,
    now: number,
    keepMs: number,
  ): StsFact {
    const { failure, why } = fetched;
    const mode: StsMode | null = old === null ? null : old.policy.mode;
    this.#counters.failed++;
    this.#options.event({ kind: 'failed', domain, id, failure, why, kept: old !== null, mode });
    if (old === null) {
      const retryAt = now + RETRY_MS;
      const until = Math.min(now + keepMs, retryAt);
      return this.#memory.set(domain, { fact: fetched, until, failed: { id, retryAt, fact: fetched } });
    }
    old.retryAt = now + Math.min(RETRY_MS * 2 ** old.failures, MAX_RETRY_MS);
    old.failures++;
    old.failedId = id;
    old.trouble = { failure, why, at: now };
    if (id !== old.id) old.recheckAt = Math.min(old.recheckAt, old.retryAt);
    return old.fact;
  }

  #keptOr(domain: string, fact: StsFact): StsFact {
    return this.#valid(domain, this.#now())?.fact ?? fact;
  }

  #tooMany(): StsFact {
    this.#counters.tooMany++;
    return unknown('too many lookups at once');
  }
}

function mayHavePolicy(domain: string): boolean {
  return domain.length <= MAX_POLICY_DOMAIN && canonicalDomain(domain) === domain;
}

/** How long before its expiry a policy in use is refreshed. */
function leadMs({ policy }: CachedPolicy): number {
  return Math.min(DAY_MS, (policy.maxAgeSeconds * SECOND_MS) / 4);
}
