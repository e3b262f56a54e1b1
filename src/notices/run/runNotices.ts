/**
 * The loop of `tlsward notices run`: reads the queue, works out who is to be told, and tells them, one letter after
 * another. What is said is saved before it is sent; while it cannot be saved, nothing is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Submitted } from '../../mta/submit.ts';
import type { Demand } from '../../queue/demand.ts';
import type { QueuedMessage } from '../../queue/queued.ts';
import { Gathering } from '../gather.ts';
import { type Begun, Ledger, type Owed, type Told } from '../ledger.ts';
import { type LeftMessage, leftLetter, letterId, waitingLetter } from '../letter.ts';
import type { Outcome } from '../outcome.ts';
import type { WaitingMessage } from '../waitingMessage.ts';
import type { SavedNotices } from './stateFile.ts';

/** What may go wrong besides a letter. */
type Trouble = 'state' | 'queue' | 'records' | 'mail';

interface Events {
  readonly sent: (begun: Begun, unsure: boolean) => void;
  readonly refused: (begun: Begun, why: string, givenUp: boolean) => void;
  /** Messages whose authors are not told: why, and how many there are. */
  readonly leftOut: (counts: Readonly<Record<string, number>>) => void;
  /** '': it is over. */
  readonly trouble: (what: Trouble, why: string) => void;
}

interface RunOptions {
  readonly afterMs: number;
  readonly intervalMs: number;
  readonly domains: readonly string[];
  readonly host: string;
  readonly saved: SavedNotices;
  readonly save: (saved: SavedNotices) => Promise<void>;
  /** Calls `take` for each message; null: one that cannot be read. Rejects when not the whole queue was read. */
  readonly queue: (take: (message: QueuedMessage | null, sendmail: boolean) => void) => Promise<void>;
  readonly demandOf: (domain: string, rule: string) => Demand;
  /** How long the MTA tries; null: not known. */
  readonly lifetime: () => Promise<number | null>;
  /** What records say of messages, by key; null: there are none that could. */
  readonly outcomes: (told: readonly Told[], nowMs: number) => ReadonlyMap<string, Outcome> | null;
  readonly post: (to: string, text: string) => Promise<Omit<Submitted, 'reply'>>;
  readonly events: Events;
  readonly signal: AbortSignal;
}

/** Records may lag behind the queue by so much. */
const RECORDS_MS = 15 * 60_000;
/** Default of both MTAs. */
const LIFETIME_MS = 5 * 86_400_000;
/** A message that is gone so shortly before its end came back, and the MTA has said so. */
const END_MS = 3 * 3_600_000;
/** That a message left is no longer news. */
const NEWS_MS = 86_400_000;
/** Of one round of letters: then the queue is read anew. */
const ROUND_MS = 60_000;
const FIRST_PAUSE_MS = 10_000;
const LAST_PAUSE_MS = 600_000;
const LEFT_OUT_MS = 3_600_000;

/** Resolves when `signal` is aborted. Never rejects because of a file, the queue or the MTA. */
export async function runNotices(options: RunOptions): Promise<void> {
  const run = new Run(options);
  while (!options.signal.aborted) {
    await run.look();
    await sleep(options.intervalMs, null, { signal: options.signal }).catch(() => {});
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #ledger: Ledger;
  readonly #troubles = new Map<Trouble, string>();
  #lookedAt: number;
  #leftOutAt = Number.NEGATIVE_INFINITY;
  /** The MTA takes nothing: when it is tried again, and after how long then. */
  #pausedUntil = 0;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.saved.ledger);
    this.#lookedAt = options.saved.lookedAt;
  }

  async look(): Promise<void> {
    const { afterMs, domains, demandOf, events, signal } = this.#options;
    const now = Date.now();
    const gathering = new Gathering({
      ...{ afterMs, domains, now, demandOf },
      isTold: (key) => this.#ledger.has(key),
    });
    let unreadable = false;
    try {
      await this.#options.queue((message, sendmail) => {
        if (message === null) unreadable = true;
        else gathering.add(message, sendmail);
      });
    } catch (error) {
      this.#trouble('queue', messageOf(error));
      return;
    }
    if (signal.aborted) return;
    this.#trouble('queue', unreadable ? 'not all of it can be read' : '');
    this.#ledger.mark(gathering.present, !unreadable, now);
    this.#lookedAt = now;
    if (Object.values(gathering.leftOut).some((n) => n > 0) && now - this.#leftOutAt > LEFT_OUT_MS) {
      this.#leftOutAt = now;
      events.leftOut(gathering.leftOut);
    }
    const lifetimeMs = await this.#options.lifetime();
    const left = this.#left(lifetimeMs, now);
    if (!(await this.#save())) return;
    if (Math.abs(this.#pausedUntil - now) < LAST_PAUSE_MS && now < this.#pausedUntil) return;
    await this.#tell(gathering.owed, left, lifetimeMs);
  }

  /** Messages that are gone and of which something is to be said; the others are forgotten. */
  #left(lifetimeMs: number | null, now: number): readonly (readonly LeftMessage[])[] {
    const gone = this.#ledger.gone(now);
    let outcomes: ReadonlyMap<string, Outcome> | null = null;
    try {
      outcomes = this.#options.outcomes(
        gone.flatMap(({ told }) => told.filter(({ letter, listed }) => listed && letter !== '')),
        now,
      );
      this.#trouble('records', '');
    } catch (error) {
      this.#trouble('records', messageOf(error));
    }
    const said: (readonly LeftMessage[])[] = [];
    for (const { told } of gone) {
      const judged = told.map((one) => {
        const known = outcomes?.get(one.key);
        const what = this.#judge(one, known, outcomes !== null, lifetimeMs ?? LIFETIME_MS, now);
        return { told: one, what, outcome: known?.sent.size ? known : null };
      });
      this.#ledger.forget(judged.flatMap(({ told: { key }, what }) => (what === 'silent' ? key : [])));
      // of messages that are not listed only the number is said, together with those that are
      const waits = judged.some(({ what }) => what === 'later');
      const messages = judged.filter(({ what, told: { listed } }) => what === 'say' && (listed || !waits));
      if (messages.length > 0) said.push(messages);
    }
    return said;
  }

  #judge(
    { recipients, letter, arrived, goneAt, listed }: Told,
    known: Outcome | undefined,
    records: boolean,
    lifetimeMs: number,
    now: number,
  ): 'say' | 'silent' | 'later' {
    const since = now - (goneAt ?? now);
    if (letter === '' || since > NEWS_MS) return 'silent';
    const domains = new Set(recipients.map(({ domain }) => domain));
    const sent = [...domains].filter((domain) => known?.sent.has(domain)).length;
    const returned = [...domains].filter((domain) => known?.returned.has(domain)).length;
    // what came back the MTA has told of, and of the others nothing more can be known
    if (sent + returned === domains.size && listed) return sent === 0 ? 'silent' : 'say';
    if (records && listed && since < RECORDS_MS) return 'later';
    if (returned > 0 && sent === 0) return 'silent';
    return (goneAt ?? now) > arrived + lifetimeMs - END_MS && sent === 0 ? 'silent' : 'say';
  }

  async #tell(
    owed: readonly Owed<WaitingMessage>[],
    left: readonly (readonly LeftMessage[])[],
    lifetimeMs: number | null,
  ): Promise<void> {
    const { signal, host } = this.#options;
    const end = performance.now() + ROUND_MS;
    const goesOn = (): boolean => !signal.aborted && performance.now() < end;
    for (const messages of left) {
      if (!goesOn()) return;
      const now = Date.now();
      const told = messages.map((one) => one.told);
      const author = this.#ledger.authorOf(told[0]?.key ?? '');
      const begun = author === null ? null : this.#ledger.beginLeft(author, told, now);
      if (begun === null) continue;
      if (!(await this.#send(begun, leftLetter(begun, messages, { host, now, lifetimeMs })))) return;
    }
    for (const one of owed) {
      if (!goesOn()) return;
      const now = Date.now();
      const setting = { host, now, lifetimeMs };
      const begun = this.#ledger.begin(one, letterId('waiting', one.messages[0]?.key ?? '', setting), now);
      if (begun === null) continue;
      if (!(await this.#send(begun, waitingLetter(begun, one.messages, setting)))) return;
    }
  }

  /** False: no other letter would be taken now. */
  async #send(begun: Begun, text: string): Promise<boolean> {
    const { post, events } = this.#options;
    if (!(await this.#save())) {
      this.#ledger.undo(begun);
      return false;
    }
    const { how, why } = await post(begun.author.address, text);
    const now = Date.now();
    if (how === 'server') {
      this.#ledger.undo(begun);
      this.#trouble('mail', why);
      this.#pausedUntil = now + this.#pauseMs;
      this.#pauseMs = Math.min(LAST_PAUSE_MS, 2 * this.#pauseMs);
      await this.#save();
      return false;
    }
    this.#trouble('mail', '');
    this.#pauseMs = FIRST_PAUSE_MS;
    if (how === 'taken' || how === 'unsure') {
      this.#ledger.taken(begun);
      events.sent(begun, how === 'unsure');
    } else {
      const givenUp = this.#ledger.refused(begun, how === 'permanent', now);
      events.refused(begun, why, givenUp);
    }
    await this.#save();
    return true;
  }

  /** False: it could not be. */
  async #save(): Promise<boolean> {
    const { save, saved } = this.#options;
    try {
      await save({
        v: 1,
        lookedAt: this.#lookedAt,
        begunAt: saved.begunAt,
        ledger: this.#ledger.saved(Date.now()),
      });
      this.#trouble('state', '');
      return true;
    } catch (error) {
      this.#trouble('state', messageOf(error));
      return false;
    }
  }

  /** Told once when it begins or changes, and once when it is over. */
  #trouble(what: Trouble, why: string): void {
    if (why === (this.#troubles.get(what) ?? '')) return;
    this.#troubles.set(what, why);
    this.#options.events.trouble(what, why);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
