/**
 * What a next hop's domain publishes, found out before a row with `deliver = auto` is answered: DANE and MTA-STS side by
 * side, or the answer of another policy server. One question at a time for each next hop, whoever waits for it.
 *
 * Bounded in time and number, because every recipient's domain is an outsider's choice: DEADLINE_MS after which what has
 * not been found out is `unknown` (Postfix waits 100 s for a table, Sendmail 10 s by the shipped lines, and both ask again
 * later), and MOST_AT_ONCE questions under way, beyond which the answer is `unknown` at once. What goes on behind a late
 * answer is kept for the next one.
 */
import type { DaneFact, OtherAnswer, Published, PublishedQuestion, StsFact } from '../core/published.ts';
import type { StsCounters, StsInspection } from '../sts/stsEvents.ts';
import type { DaneFinder } from './daneFinder.ts';

/** StsPolicies, or what stands for it. */
export interface StsFinder {
  find(domain: string): Promise<StsFact>;
  refresh(domain: string): Promise<StsFact>;
  forget(domain: string): boolean;
  inspect(domain: string): StsInspection | null;
  counters(): StsCounters;
  settled(): Promise<void>;
  leaveFolder(): Promise<void>;
  close(): Promise<void>;
}

/** OtherServer, or what stands for it. */
export interface OtherFinder {
  ask(question: PublishedQuestion): Promise<OtherAnswer>;
  close(): void;
}

export type Finders =
  | { readonly kind: 'own'; readonly dane: DaneFinder; readonly sts: StsFinder }
  | { readonly kind: 'other'; readonly server: OtherFinder };

export interface PublicationsOptions {
  readonly finders: Finders;
  /** Closes what the finders share. */
  readonly release: () => void;
  readonly deadlineMs?: number;
  readonly mostAtOnce?: number;
}

/** What `status` shows. */
export interface PublishedCounters {
  asked: number;
  /** Answered `unknown`, because too many were under way, or too late. */
  tooMany: number;
  late: number;
}

/** What is kept about one next hop. */
export interface Inspection {
  readonly dane: { readonly fact: DaneFact; readonly until: number } | null;
  readonly sts: StsInspection | null;
}

const DEADLINE_MS = 25_000;
const MOST_AT_ONCE = 256;
const NOT_NEEDED = 'not waited for, because DANE decides';
const ABSENT: StsFact = { kind: 'absent' };
const NOTHING: OtherAnswer = { kind: 'nothing' };

export class Publications {
  readonly counters: PublishedCounters = { asked: 0, tooMany: 0, late: 0 };
  readonly finders: Finders;
  readonly #options: PublicationsOptions;
  readonly #flights = new Map<string, Promise<Published>>();
  /** Questions of which a part is still on its way, also those that nobody waits for any more. */
  #running = 0;

  constructor(options: PublicationsOptions) {
    this.#options = options;
    this.finders = options.finders;
  }

  /** Questions under way. */
  get running(): number {
    return this.#running;
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
    if (this.#running >= (this.#options.mostAtOnce ?? MOST_AT_ONCE)) {
      this.counters.tooMany++;
      return Promise.resolve(this.#unknown('too many look-ups at once'));
    }
    const found = this.#find(question).finally(() => this.#flights.delete(key));
    this.#flights.set(key, found);
    return found;
  }

  async #find(question: PublishedQuestion): Promise<Published> {
    const { finders } = this;
    const deadlineMs = this.#options.deadlineMs ?? DEADLINE_MS;
    const why = `not found out within ${deadlineMs / 1000} s`;
    const late = new Deadline(deadlineMs);
    const parts: Promise<unknown>[] = [];
    const part = <T>(work: () => Promise<T>, instead: (why: string) => T): Promise<T> => {
      const done = safely(work, instead);
      parts.push(done);
      return Promise.race([done, late.reached.then(() => instead(why))]);
    };
    this.#running++;
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
      // each ends by deadlines of its own
      void Promise.all(parts).then(() => this.#running--);
    }
  }

  #unknown(why: string): Published {
    if (this.finders.kind === 'other') return { kind: 'other', answer: unknown(why) };
    return { kind: 'own', dane: unknown(why), sts: unknown(why) };
  }

  /** Asks anew, whatever is kept. */
  async refresh(question: PublishedQuestion): Promise<Published> {
    if (this.finders.kind === 'own') {
      this.finders.dane.forget(question.name);
      if (!question.host) await this.finders.sts.refresh(question.name);
    }
    return this.find(question);
  }

  /** Drops what is kept of a name; true when there was something. */
  forget(name: string): boolean {
    if (this.finders.kind === 'other') return false;
    const dane = this.finders.dane.forget(name);
    return this.finders.sts.forget(name) || dane;
  }

  /** What is known without asking anybody. */
  inspect(question: PublishedQuestion): Inspection {
    if (this.finders.kind === 'other') return { dane: null, sts: null };
    const { dane, sts } = this.finders;
    return { dane: dane.inspect(question), sts: question.host ? null : sts.inspect(question.name) };
  }

  /** Leaves the folder of policies to the one that is to replace this one; what it finds out from now on it only answers. */
  async leaveFolder(): Promise<void> {
    if (this.finders.kind === 'own') await this.finders.sts.leaveFolder();
  }

  /** Lets what is under way end, then closes: for one that a reload has replaced. */
  async retire(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all(this.#flights.values());
    await this.close();
  }

  /** Breaks off what is under way; those who wait hear `unknown`. */
  async close(): Promise<void> {
    const closed = this.finders.kind === 'own' ? this.finders.sts.close() : this.finders.server.close();
    this.#options.release();
    await closed;
  }
}

class Deadline {
  over = false;
  readonly reached: Promise<void>;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.reached = new Promise((resolve) => {
      this.#timer = setTimeout(() => {
        this.over = true;
        resolve();
      }, ms);
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

async function safely<T>(work: () => Promise<T>, instead: (why: string) => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return instead(`a fault of ours: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

/** The fact if it is there already, else `instead`. */
function now<T>(promise: Promise<T>, instead: T): Promise<T> {
  return Promise.race([promise, Promise.resolve(instead)]);
}

function unknown(why: string): { readonly kind: 'unknown'; readonly why: string } {
  return { kind: 'unknown', why };
}
