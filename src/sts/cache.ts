/**
 * The policies that were fetched and have not expired: in memory, with a copy in a folder if one is
 * configured.
 *
 * Memory is authoritative: the disk is read once at the start and written asynchronously, one file after the
 * other, only the newest state of a domain. If the disk fails, only the state for the next start is lost; the
 * failure is reported once, until the disk works again. The use of a policy is written only when it matters:
 * the first time since it was fetched (so that it is refreshed after a restart), then once a day.
 *
 * When the wall clock is set, all times move with it (`clockSet`), also in the files.
 *
 * Limits: a number of policies, and of bytes with the latest policy on top. The least recently used are
 * evicted first; for bytes, only among those longer than their share, so that a few long policies of one
 * owner do not evict the policies of others.
 */
import type { MemoryUse } from '../core/memorySize.ts';
import type { StsFact, StsFailure } from '../core/publishedFacts.ts';
import { codeOf } from '../files/systemError.ts';
import { expiryOf, type StoredPolicy, StsFolder, type Tell } from './folder.ts';

export interface StsTrouble {
  readonly failure: StsFailure;
  readonly why: string;
  readonly at: number;
}

export interface CachedPolicy extends StoredPolicy {
  fetchedAt: number;
  expiresAt: number;
  /** The same object each time, until the clock is set. */
  fact: Extract<StsFact, { kind: 'policy' }>;
  /** Its size, as counted by StsLimits. */
  readonly bytes: number;
  lastUsed: number;
  lastChecked: number;
  /** `lastUsed` as written in the file. */
  writtenUse: number;
  /** When DNS is to be asked for the id again. */
  recheckAt: number;
  /** Failed fetches since the last successful one; `trouble` is the latest failure, for the id `failedId`. */
  failures: number;
  failedId: string;
  retryAt: number;
  trouble: StsTrouble | null;
}

interface StsCacheOptions {
  /** null: memory only. */
  readonly folder: string | null;
  readonly mostPolicies: number;
  readonly mostBytes: number;
  readonly now: () => number;
  readonly tell: Tell;
}

const DAY_MS = 86_400_000;
/** What of a policy is a time of the wall clock. */
const TIMES = [
  'fetchedAt',
  'expiresAt',
  'lastUsed',
  'lastChecked',
  'writtenUse',
  'recheckAt',
  'retryAt',
] as const;
/** How long an id is trusted after a restart; its TTL is not stored. */
const RECHECK_LOADED_MS = 60_000;
/** Files that are reported one by one when the folder is read. */
const MAX_TOLD = 20;

export class StsCache {
  readonly #options: StsCacheOptions;
  /** Least recently used first. */
  readonly #policies = new Map<string, CachedPolicy>();
  #folder: StsFolder | null = null;
  #bytes = 0;
  readonly #unwritten = new Set<string>();
  #writing: Promise<void> | null = null;
  #diskFails = false;

  private constructor(options: StsCacheOptions) {
    this.#options = options;
  }

  /** Reads the folder; problems are reported, never thrown. */
  static async open(options: StsCacheOptions): Promise<StsCache> {
    const cache = new StsCache(options);
    if (options.folder !== null) await cache.#load(options.folder);
    return cache;
  }

  async #load(path: string): Promise<void> {
    const { mostPolicies, now, tell } = this.#options;
    const folder = await StsFolder.open(path, tell);
    if (folder === null) return;
    this.#folder = folder;
    let told = 0;
    const stored = await folder.load(mostPolicies * 2, (file, why) => {
      if (told++ < MAX_TOLD) tell(file, why);
    });
    if (told > MAX_TOLD) tell(path, `${told - MAX_TOLD} more files are ignored`);
    const time = now();
    stored.sort((a, b) => a.lastUsed - b.lastUsed);
    for (const one of stored) {
      // a clock that was wrong then, or is now, must not extend a policy's lifetime
      const fetchedAt = Math.min(one.fetchedAt, time);
      if (expiryOf(one.policy, fetchedAt) > time) this.#add({ ...one, fetchedAt }, one.lastUsed);
      else this.#mark(one.domain);
    }
  }

  get size(): number {
    return this.#policies.size;
  }

  /** The size of the policies, as counted by StsLimits. */
  get bytes(): number {
    return this.#bytes;
  }

  get memory(): MemoryUse {
    return { name: 'MTA-STS policies', used: this.#bytes, limit: this.#options.mostBytes };
  }

  values(): IterableIterator<CachedPolicy> {
    return this.#policies.values();
  }

  /** Also when it has expired. */
  get(domain: string): CachedPolicy | null {
    return this.#policies.get(domain) ?? null;
  }

  /**
   * The wall clock was set by so many milliseconds: policies keep what is left of their lifetime. Otherwise a
   * step forward would drop them all, and mail would leave without what they require.
   */
  clockSet(stepMs: number): void {
    for (const policy of this.#policies.values()) {
      policy.fact = { ...policy.fact, fetchedAt: policy.fact.fetchedAt + stepMs };
      for (const time of TIMES) if (policy[time] > 0) policy[time] = Math.max(0, policy[time] + stepMs);
      this.#mark(policy.domain);
    }
  }

  /** Notes that a policy was asked for. */
  use(policy: CachedPolicy, now: number): void {
    policy.lastUsed = now;
    this.#policies.delete(policy.domain);
    this.#policies.set(policy.domain, policy);
  }

  /** Stores a policy, replacing the previous one; may evict others. */
  put(stored: Omit<StoredPolicy, 'expiresAt'>): CachedPolicy {
    const policy = this.#add(stored, -1);
    this.#mark(stored.domain);
    return policy;
  }

  #add(stored: Omit<StoredPolicy, 'expiresAt'>, writtenUse: number): CachedPolicy {
    const { policy, id, fetchedAt, domain } = stored;
    const added: CachedPolicy = {
      ...stored,
      expiresAt: expiryOf(policy, fetchedAt),
      fact: { kind: 'policy', policy, id, fetchedAt },
      bytes: bytesOf(stored),
      writtenUse,
      recheckAt: stored.lastChecked + RECHECK_LOADED_MS,
      failures: 0,
      failedId: '',
      retryAt: 0,
      trouble: null,
    };
    this.#drop(domain);
    this.#policies.set(domain, added);
    this.#bytes += added.bytes;
    const { mostPolicies, mostBytes } = this.#options;
    for (const [oldest, { bytes }] of this.#policies) {
      const tooMany = this.#policies.size > mostPolicies;
      if (!tooMany && this.#bytes <= mostBytes) break;
      if (oldest !== domain && (tooMany || bytes > mostBytes / mostPolicies)) this.remove(oldest);
    }
    return added;
  }

  /** In memory and on disk; true when it was there. */
  remove(domain: string): boolean {
    if (!this.#drop(domain)) return false;
    this.#mark(domain);
    return true;
  }

  #drop(domain: string): boolean {
    const policy = this.#policies.get(domain);
    if (policy === undefined) return false;
    this.#bytes -= policy.bytes;
    return this.#policies.delete(domain);
  }

  /** Writes the time of use to the files where it matters. */
  writeUses(): void {
    for (const policy of this.#policies.values()) {
      const { lastUsed, writtenUse, fetchedAt } = policy;
      const first = lastUsed > fetchedAt && writtenUse <= fetchedAt;
      if (first || lastUsed - writtenUse > DAY_MS) this.#mark(policy.domain);
    }
  }

  /** Writes pending changes to the folder, and nothing afterwards: another cache takes it over. */
  leaveFolder(): Promise<void> {
    this.writeUses();
    this.#folder = null;
    return this.flush();
  }

  /** Waits until all pending changes are written. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #mark(domain: string): void {
    if (this.#folder === null) return;
    this.#unwritten.add(domain);
    this.#writing ??= this.#write(this.#folder);
  }

  async #write(folder: StsFolder): Promise<void> {
    for (const domain of this.#unwritten) {
      this.#unwritten.delete(domain);
      const policy = this.#policies.get(domain);
      try {
        if (policy === undefined) await folder.remove(domain);
        else {
          policy.writtenUse = policy.lastUsed;
          await folder.write(policy);
        }
        this.#diskFails = false;
      } catch (error) {
        if (!this.#diskFails)
          this.#options.tell(folder.fileOf(domain), `cannot be written (${codeOf(error)})`);
        this.#diskFails = true;
      }
    }
    // here and not when the promise is settled: changes marked in between would not be written
    this.#writing = null;
  }
}

/** Strings may take two bytes a character. */
function bytesOf({ text, policy }: Pick<StoredPolicy, 'text' | 'policy'>): number {
  const parts = [...policy.mx, ...policy.lines].reduce((sum, { length }) => sum + length, 0);
  return 2 * (text.length + parts);
}
