/**
 * One look at the queue: which messages that somebody was told of are still there, and whose authors are to be told now.
 * Messages are added one after another; memory is bounded, whatever the length of the queue. Pure.
 */
import type { Demand } from '../queue/demand.ts';
import type { QueuedMessage } from '../queue/queued.ts';
import { type Author, authorOf, type LeftOut } from './author.ts';
import type { Owed } from './ledger.ts';
import { keyOf, type WaitingMessage, waitingOf } from './waitingMessage.ts';

interface GatherOptions {
  /** Domains whose authors are told; canonical, `.suffix` for all names below. */
  readonly domains: readonly string[];
  /** How long a message must have waited. */
  readonly afterMs: number;
  readonly now: number;
  readonly demandOf: (domain: string, rule: string) => Demand;
  /** Was the author of this message told? */
  readonly isTold: (key: string) => boolean;
}

/** Messages of one author that a letter lists. */
const MAX_LISTED = 20;
/** Messages, of one author and of all, that one look takes up; the others are left for the next. */
const MAX_KEYS_OF_AUTHOR = 2000;
const MAX_KEYS = 20_000;
/** Sendmail's mailq cuts senders; what is as long may be part of another address. */
const MAILQ_CUTS = 70;

interface Growing {
  readonly author: Author;
  messages: WaitingMessage[];
  readonly keys: { readonly key: string; readonly arrived: number }[];
}

export class Gathering {
  readonly #options: GatherOptions;
  readonly #present = new Set<string>();
  readonly #owed = new Map<string, Growing>();
  readonly #leftOut = { foreign: 0, machine: 0, unreadable: 0, beyond: 0 };
  #keys = 0;

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** `sendmail`: it is in Sendmail's queue. */
  add(message: QueuedMessage, sendmail: boolean): void {
    const { now, afterMs, demandOf, isTold, domains } = this.#options;
    const key = keyOf(message, sendmail);
    if (isTold(key)) {
      this.#present.add(key);
      return;
    }
    if (now - message.arrived < afterMs) return;
    const waiting = waitingOf(message, demandOf, sendmail);
    if (waiting === null) return;
    const author: Author | LeftOut =
      sendmail && message.sender.length >= MAILQ_CUTS ? 'unreadable' : authorOf(message.sender, domains);
    if (author === 'null') return;
    if (typeof author === 'string') this.#leftOut[author]++;
    else if (!this.#owe(author, waiting)) this.#leftOut.beyond++;
  }

  #owe(author: Author, waiting: WaitingMessage): boolean {
    const known = this.#owed.get(author.address);
    if (this.#keys >= MAX_KEYS || (known?.keys.length ?? 0) >= MAX_KEYS_OF_AUTHOR) return false;
    this.#keys++;
    const owed: Growing = known ?? { author, messages: [], keys: [] };
    this.#owed.set(author.address, owed);
    owed.keys.push({ key: waiting.key, arrived: waiting.arrived });
    const last = owed.messages.at(-1);
    if (owed.messages.length < MAX_LISTED || (last !== undefined && waiting.arrived < last.arrived))
      owed.messages = [...owed.messages, waiting]
        .sort((a, b) => a.arrived - b.arrived || (a.key < b.key ? -1 : 1))
        .slice(0, MAX_LISTED);
    return true;
  }

  /** Messages of which somebody was told, and which are there. */
  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** Who is owed a letter; whose message is the oldest comes first. */
  get owed(): readonly Owed<WaitingMessage>[] {
    const oldest = ({ messages }: Growing): number => messages[0]?.arrived ?? 0;
    return [...this.#owed.values()].sort((a, b) => oldest(a) - oldest(b));
  }

  /** Messages that wait as long and whose authors are not told: why, and how many. */
  get leftOut(): Readonly<Record<'foreign' | 'machine' | 'unreadable' | 'beyond', number>> {
    return this.#leftOut;
  }
}
