/**
 * Finds out what the domain of a next hop publishes, before a row with `deliver = auto` is answered: DANE and
 * MTA-STS in parallel, or the answer of another policy server. Concurrent questions for one next hop share a
 * lookup.
 *
 * Lookups are limited in time and number, because outsiders choose the recipients' domains. After DEADLINE_MS
 * the parts without a result are `unknown` (Postfix waits 100 s for a table, Sendmail 10 s with the shipped
 * configuration, and both ask again later). At most MAX_AT_ONCE questions are looked up at a time, and one
 * owner of domains may use a quarter of them. A further question waits a second for its turn and is then
 * `unknown`. Cached answers are not subject to these limits.
 *
 * A waiting question occupies a process of the MTA (Postfix has 100 by default), so no more than MAX_SLOW
 * questions may take longer than SLOW_MS: when there are more, the oldest is answered `unknown`. Its lookup
 * continues, and the result is cached for the next question.
 */
import type { MemoryUse } from '../core/memorySize.ts';
import type { DaneFact, OtherAnswer, Published, PublishedQuestion, StsFact } from '../core/publishedFacts.ts';
import { siteOf } from '../core/site.ts';
import { FairGate, type Place, sharesOf } from '../dns/fairGate.ts';
import { DNS_QUESTION_BYTES, MAX_DNS_QUESTIONS } from '../dns/stubResolver.ts';
import type { KeptPolicy, StsCounters, StsInspection } from '../sts/events.ts';
import type { DaneFinder } from './daneFinder.ts';

/** StsPolicies, or a substitute in tests. */
export interface StsFinder {
  find(domain: string): Promise<StsFact>;
  refresh(domain: string): Promise<StsFact>;
  forget(domain: string): boolean;
  inspect(domain: string): StsInspection | null;
  latest(most: number): readonly KeptPolicy[];
  counters(): StsCounters;
  readonly memory: readonly MemoryUse[];
  settled(): Promise<void>;
  leaveFolder(): Promise<void>;
  close(): Promise<void>;
}

/** PolicyServerClient, or a substitute in tests. */
interface OtherFinder {
  ask(question: PublishedQuestion): Promise<OtherAnswer>;
  close(): void;
}

type Finders =
  | { readonly kind: 'own'; readonly dane: DaneFinder; readonly sts: StsFinder }
  | { readonly kind: 'other'; readonly server: OtherFinder };

export interface PolicyDiscoveryOptions {
  readonly finders: Finders;
  /** DNS questions in progress and waiting; default: none. */
  readonly dnsLoad?: () => DnsLoad;
  /** Closes what the finders share. */
  readonly release: () => void;
  readonly deadlineMs?: number;
  readonly mostAtOnce?: number;
  readonly mostSlow?: number;
  readonly slowMs?: number;
}

interface DnsLoad {
  readonly asking: number;
  readonly waiting: number;
}

/** What `status` shows. */
interface PublishedCounters {
  asked: number;
  /** Answered from the cache. */
  known: number;
  /** Answered `unknown`: too many in progress; past the deadline; cut off to make room for others. */
  tooMany: number;
  late: number;
  cut: number;
}

/** What is cached about one next hop. */
export interface Inspection {
  readonly dane: { readonly fact: DaneFact; readonly until: number } | null;
  readonly sts: StsInspection | null;
}

const DEADLINE_MS = 25_000;
const MAX_AT_ONCE = 1024;
const PATIENCE_MS = 1000;
const SLOW_MS = 3000;
const MAX_SLOW = 32;
/**
 * Memory of one question in progress or waiting: promises, timers and name (measured: 3.3 KB, including DNS).
 */
const LOOKUP_BYTES = 4096;
/** One resolver for each mechanism (openDiscovery.ts). */
const RESOLVERS = 2;
const NOT_NEEDED = 'not waited for, because DANE decides';
const ABSENT: StsFact = { kind: 'absent' };
const NOTHING: OtherAnswer = { kind: 'nothing' };

export class PolicyDiscovery {
  readonly counters: PublishedCounters = { asked: 0, known: 0, tooMany: 0, late: 0, cut: 0 };
  readonly finders: Finders;
  readonly #options: PolicyDiscoveryOptions;
  readonly #flights = new Map<string, Promise<Published>>();
  /** Holds a place for each question until all its lookups end, even when no caller waits for it any more. */
  readonly #gate: FairGate;
  readonly #mostAtOnce: number;
  /** Questions whose callers have waited for more than SLOW_MS, oldest first. */
  readonly #slow = new Set<Deadline>();

  constructor(options: PolicyDiscoveryOptions) {
    this.#options = options;
    this.finders = options.finders;
    this.#mostAtOnce = options.mostAtOnce ?? MAX_AT_ONCE;
    this.#gate = new FairGate({
      most: this.#mostAtOnce,
      mostWaiting: this.#mostAtOnce,
      patienceMs: PATIENCE_MS,
      // lookups have their own deadlines
      oldMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Questions in progress. */
  get running(): number {
    return this.#gate.size;
  }

  get waiting(): number {
    return this.#gate.waiting;
  }

  get dnsLoad(): DnsLoad {
    return this.#options.dnsLoad?.() ?? { asking: 0, waiting: 0 };
  }

  /** The memory used by the caches, and by questions in progress and waiting. */
  get memory(): readonly MemoryUse[] {
    const lookUps = {
      name: 'lookups',
      used: (this.#gate.size + this.#gate.waiting) * LOOKUP_BYTES,
      limit: 2 * this.#mostAtOnce * LOOKUP_BYTES,
    };
    if (this.finders.kind === 'other') return [lookUps];
    const { asking, waiting } = this.dnsLoad;
    const questions = {
      name: 'DNS questions',
      used: (asking + waiting) * DNS_QUESTION_BYTES,
      limit: RESOLVERS * MAX_DNS_QUESTIONS * DNS_QUESTION_BYTES,
    };
    return [...this.finders.sts.memory, this.finders.dane.memory, lookUps, questions];
  }

  /** Why TLSA records are not looked up; '' when they are, or when another server is asked. */
  get daneOff(): string {
    return this.finders.kind === 'own' ? this.finders.dane.off : '';
  }

  /** Never rejects. */
  find(question: PublishedQuestion): Promise<Published> {
    this.counters.asked++;
    const { name, host, port, daneOnly } = question;
    const key = `${host ? `${name} ${port}` : name}${daneOnly ? ' dane' : ''}`;
    const flight = this.#flights.get(key);
    if (flight !== undefined) return flight;
    const found = this.#known(question) ? this.#find(question, null) : this.#inTurn(question);
    const begun = found.finally(() => this.#flights.delete(key));
    this.#flights.set(key, begun);
    return begun;
  }

  /** Can the whole answer be given without a lookup? */
  #known(question: PublishedQuestion): boolean {
    const { finders } = this;
    if (finders.kind === 'other') return question.daneOnly === true;
    if (!finders.dane.known(question)) return false;
    return question.host || question.daneOnly === true || finders.sts.inspect(question.name) !== null;
  }

  async #inTurn(question: PublishedQuestion): Promise<Published> {
    const place = await this.#gate.enter(sharesOf(siteOf(question.name), this.#mostAtOnce));
    if (place !== null) return this.#find(question, place);
    this.counters.tooMany++;
    return this.#unknown('too many lookups at once');
  }

  /** `place`: null when no lookup is needed. */
  async #find(question: PublishedQuestion, place: Place | null): Promise<Published> {
    const { finders } = this;
    const { deadlineMs = DEADLINE_MS, slowMs = SLOW_MS } = this.#options;
    const late = new Deadline(deadlineMs, slowMs, () => this.#tooSlow(late));
    if (place === null) this.counters.known++;
    const parts: Promise<unknown>[] = [];
    const part = <T>(work: () => Promise<T>, instead: (why: string) => T): Promise<T> => {
      const done = safely(work, instead);
      parts.push(done);
      return Promise.race([done, late.reached.then((why) => instead(why))]);
    };
    try {
      if (finders.kind === 'other' && question.daneOnly) return { kind: 'other', answer: NOTHING };
      if (finders.kind === 'other')
        return { kind: 'other', answer: await part(() => finders.server.ask(question), unknown) };
      const sts =
        question.host || question.daneOnly
          ? Promise.resolve(ABSENT)
          : part<StsFact>(() => finders.sts.find(question.name), unknown);
      const dane = await part<DaneFact>(() => finders.dane.find(question), unknown);
      const decided = dane.kind === 'unknown' || (dane.kind === 'usable' && dane.hosts === 'all');
      return { kind: 'own', dane, sts: await (decided ? now(sts, unknown(NOT_NEEDED)) : sts) };
    } finally {
      if (late.over) this.counters.late++;
      late.clear();
      this.#slow.delete(late);
      if (place !== null) void Promise.all(parts).then(() => place.leave());
    }
  }

  #tooSlow(deadline: Deadline): void {
    this.#slow.add(deadline);
    const [first] = this.#slow;
    if (this.#slow.size <= (this.#options.mostSlow ?? MAX_SLOW) || first === undefined) return;
    this.#slow.delete(first);
    this.counters.cut++;
    first.reach('still being looked up, and too many lookups take that long');
  }

  #unknown(why: string): Published {
    if (this.finders.kind === 'other') return { kind: 'other', answer: unknown(why) };
    return { kind: 'own', dane: unknown(why), sts: unknown(why) };
  }

  /** Asks again, regardless of the cache. */
  async refresh(question: PublishedQuestion): Promise<Published> {
    if (this.finders.kind === 'own') {
      this.finders.dane.forget(question.name);
      if (!question.host) await this.finders.sts.refresh(question.name);
    }
    return this.find(question);
  }

  /** Removes a name from the cache; true when there was something. */
  forget(name: string): boolean {
    if (this.finders.kind === 'other') return false;
    const dane = this.finders.dane.forget(name);
    return this.finders.sts.forget(name) || dane;
  }

  /** What is known without any lookup. */
  inspect(question: PublishedQuestion): Inspection {
    if (this.finders.kind === 'other') return { dane: null, sts: null };
    const { dane, sts } = this.finders;
    return { dane: dane.inspect(question), sts: question.host ? null : sts.inspect(question.name) };
  }

  /**
   * Leaves the policy folder to the finder that replaces this one; later results are returned, but no longer
   * stored.
   */
  async leaveFolder(): Promise<void> {
    if (this.finders.kind === 'own') await this.finders.sts.leaveFolder();
  }

  /** Waits for the questions in progress, then closes: for a finder that a reload has replaced. */
  async retire(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all(this.#flights.values());
    await this.close();
  }

  /** Aborts what is in progress; waiting callers get `unknown`. */
  async close(): Promise<void> {
    this.#gate.close();
    const closed = this.finders.kind === 'own' ? this.finders.sts.close() : this.finders.server.close();
    this.#options.release();
    await closed;
  }
}

/** The deadline of one question. */
class Deadline {
  /** The deadline has passed. */
  over = false;
  /** Resolves to the reason, a clause. */
  readonly reached: Promise<string>;
  reach: (why: string) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #slow: NodeJS.Timeout;

  constructor(ms: number, slowMs: number, slow: () => void) {
    this.reached = new Promise((resolve) => {
      this.reach = resolve;
    });
    this.#timer = setTimeout(() => {
      this.over = true;
      this.reach(`no result within ${ms / 1000} s`);
    }, ms);
    this.#slow = setTimeout(slow, slowMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#slow);
  }
}

async function safely<T>(work: () => Promise<T>, instead: (why: string) => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return instead(`an internal error: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

/** The value if the promise is already fulfilled, otherwise `instead`. */
function now<T>(promise: Promise<T>, instead: T): Promise<T> {
  return Promise.race([promise, Promise.resolve(instead)]);
}

function unknown(why: string): { readonly kind: 'unknown'; readonly why: string } {
  return { kind: 'unknown', why };
}
