/**
 * Who was told of which message, and who is to be told next: the part that survives a restart. Pure; times are
 * milliseconds since the epoch.
 *
 * A letter counts as sent from the moment in which it is begun, which is saved before anything is sent. So whoever is
 * killed in between leaves an author without a notice, and never one with two. Only what the MTA certainly did not take
 * is taken back and tried again, ever more rarely and not for ever.
 *
 * Messages of one author are told together; a letter goes to an author three times at once and once an hour, and all
 * authors get 500 an hour. What is beyond is told by the next letter, if it still waits then.
 */
import type { Author } from './author.ts';
import { type Bucket, type BucketSize, refilled, taken } from './bucket.ts';
import type { WaitingMessage, WaitingRecipient } from './waitingMessage.ts';

/** A message whose author was told. */
export interface Told {
  readonly key: string;
  readonly arrived: number;
  /** Those that the letter listed. */
  readonly recipients: readonly Pick<WaitingRecipient, 'address' | 'domain'>[];
  /** Recipients, and whether the letter listed only their number. */
  readonly more: number;
  readonly listed: boolean;
  /** Message-ID of the letter; '': it was never taken, and nothing more is said of this message. */
  readonly letter: string;
  /** When the message was missing from the queue first; null: it is there. */
  readonly goneAt: number | null;
}

interface Entry {
  readonly author: Author;
  readonly told: readonly Told[];
  readonly limits: Readonly<Partial<Record<LetterKind, Bucket>>>;
  /** Letters in a row that the MTA did not take for this author, and when the next one may go. */
  readonly refused: number;
  readonly nextAt: number;
}

export interface SavedLedger {
  readonly entries: readonly Entry[];
  readonly all: Bucket | null;
  /** Letters that were taken, since the state was begun. */
  readonly sent: Readonly<Record<LetterKind, number>>;
}

export const EMPTY_LEDGER: SavedLedger = { entries: [], all: null, sent: { waiting: 0, left: 0 } };

/** `waiting`: it has not been delivered; `left`: it is no longer in the queue. */
type LetterKind = 'waiting' | 'left';

/** What an author is owed. */
export interface Owed<Message> {
  readonly author: Author;
  /** The oldest first; those to be listed. */
  readonly messages: readonly Message[];
  /** Keys of all of them, also of those that are not listed. */
  readonly keys: readonly { readonly key: string; readonly arrived: number }[];
}

/** A letter that may be sent now. */
export interface Begun {
  readonly kind: LetterKind;
  readonly author: Author;
  /** What it says is done. */
  readonly told: readonly Told[];
}

const AUTHOR: BucketSize = { most: 3, everyMs: 3_600_000 };
const ALL: BucketSize = { most: 500, everyMs: 7200 };
/** Messages that are remembered, of all and of one author; and their bytes. */
const MAX_TOLD = 20_000;
const MAX_TOLD_OF_AUTHOR = 2000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Of a message without its recipients, as JSON. */
const BYTES_EACH = 300;
/** Authors about whom something is remembered. */
const MAX_AUTHORS = 10_000;
const FIRST_RETRY_MS = 10_000;
const LAST_RETRY_MS = 2 * 3_600_000;
/** Refusals in a row after which an author is no longer told of what waits now: most of a day. */
const MAX_REFUSED = 20;

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  /** Author of each message. */
  readonly #authors = new Map<string, string>();
  #all: Bucket | null;
  #bytes = 0;
  #sent: Record<LetterKind, number>;

  constructor({ entries, all, sent }: SavedLedger) {
    this.#all = all;
    this.#sent = { ...sent };
    for (const entry of entries) this.#put(entry);
  }

  /** Was its author told, or given up? */
  has(key: string): boolean {
    return this.#authors.has(key);
  }

  /** Who was told of it; null: nobody. */
  authorOf(key: string): Author | null {
    return this.#entries.get(this.#authors.get(key) ?? '')?.author ?? null;
  }

  /** After the queue was read: `present` are those of its messages that `has` knows. `whole`: there are no others. */
  mark(present: ReadonlySet<string>, whole: boolean, now: number): void {
    for (const entry of [...this.#entries.values()])
      this.#put({
        ...entry,
        told: entry.told.map((one) => {
          const goneAt = present.has(one.key) ? null : (one.goneAt ?? (whole ? now : null));
          return goneAt === one.goneAt ? one : { ...one, goneAt };
        }),
      });
  }

  /**
   * Messages that have been missing since an earlier look: one that changes its folder while the queue is read is in
   * neither. In the order of their authors.
   */
  gone(now: number): readonly { readonly author: Author; readonly told: readonly Told[] }[] {
    const isGone = ({ goneAt }: Told): boolean => goneAt !== null && goneAt < now;
    return [...this.#entries.values()]
      .map(({ author, told }) => ({ author, told: told.filter(isGone) }))
      .filter(({ told }) => told.length > 0);
  }

  /** Nothing more is said of these. */
  forget(keys: readonly string[]): void {
    const all = new Set(keys);
    const authors = new Set(keys.flatMap((key) => this.#authors.get(key) ?? []));
    for (const address of authors) {
      const entry = this.#entries.get(address)!;
      this.#put({ ...entry, told: entry.told.filter(({ key }) => !all.has(key)) });
    }
  }

  /** null: no room, or not yet. From here on these messages count as told, so save it before sending. */
  begin(owed: Owed<WaitingMessage>, letter: string, now: number): Begun | null {
    const { author, messages, keys } = owed;
    const before = this.#entries.get(author.address) ?? NEW(author);
    const room = Math.min(MAX_TOLD_OF_AUTHOR - before.told.length, MAX_TOLD - this.#authors.size);
    const listed = new Map(messages.map((message) => [message.key, message]));
    const fresh = keys.filter(({ key }) => !this.has(key));
    // those that are listed first: of the others only their number is told
    fresh.sort((a, b) => Number(listed.has(b.key)) - Number(listed.has(a.key)));
    const told = fresh.slice(0, Math.max(0, room)).map(({ key, arrived }): Told => {
      const message = listed.get(key);
      return {
        key,
        arrived,
        recipients: message?.recipients.map(({ address, domain }) => ({ address, domain })) ?? [],
        more: message?.more ?? 0,
        listed: message !== undefined,
        letter,
        goneAt: null,
      };
    });
    if (told.length === 0 || this.#bytes + bytesOf(told) > MAX_BYTES) return null;
    if (!this.#entries.has(author.address) && this.#entries.size >= MAX_AUTHORS) return null;
    const entry = this.#limited(before, 'waiting', now);
    if (entry === null) return null;
    this.#put({ ...entry, told: [...entry.told, ...told] });
    return { kind: 'waiting', author, told };
  }

  /** null: not yet. From here on nothing more is said of them. */
  beginLeft(author: Author, told: readonly Told[], now: number): Begun | null {
    const before = this.#entries.get(author.address);
    if (before === undefined) return null;
    const entry = this.#limited(before, 'left', now);
    if (entry === null) return null;
    this.#put(entry);
    this.forget(told.map(({ key }) => key));
    return { kind: 'left', author, told };
  }

  /** It was taken, or may have been. */
  taken({ kind, author }: Begun): void {
    this.#sent[kind]++;
    const entry = this.#entries.get(author.address);
    if (entry !== undefined) this.#put({ ...entry, refused: 0, nextAt: 0 });
  }

  /** Nothing was sent, for no fault of the author: as if it had not begun. */
  undo({ kind, author, told }: Begun): void {
    if (kind === 'waiting') this.forget(told.map(({ key }) => key));
    const entry = this.#entries.get(author.address) ?? NEW(author);
    const own = entry.limits[kind];
    const limits = {
      ...entry.limits,
      ...(own === undefined ? {} : { [kind]: { ...own, left: own.left + 1 } }),
    };
    this.#put({ ...entry, limits, told: kind === 'left' ? [...entry.told, ...told] : entry.told });
    if (this.#all !== null) this.#all = { ...this.#all, left: this.#all.left + 1 };
  }

  /** The MTA refused it for this author. True: these messages are given up. */
  refused(begun: Begun, permanent: boolean, now: number): boolean {
    const { kind, author, told } = begun;
    const refused = (this.#entries.get(author.address)?.refused ?? 0) + 1;
    const givenUp = permanent || refused >= MAX_REFUSED;
    if (!givenUp || kind === 'waiting') this.undo(begun);
    const entry = this.#entries.get(author.address) ?? NEW(author);
    const silent = told.map((one) => ({ ...one, recipients: [], listed: false, letter: '' }));
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(refused - 1, 20));
    this.#put({
      ...entry,
      told: givenUp && kind === 'waiting' ? [...entry.told, ...silent] : entry.told,
      refused: Math.min(refused, MAX_REFUSED),
      nextAt: now + (permanent ? LAST_RETRY_MS : wait),
    });
    return givenUp;
  }

  /** What is to be kept. Authors of whom there is nothing to remember are left out. */
  saved(now: number): SavedLedger {
    for (const [address, entry] of [...this.#entries]) {
      const full = Object.values(entry.limits).every((one) => refilled(one, AUTHOR, now).left >= AUTHOR.most);
      if (entry.told.length === 0 && entry.refused === 0 && full) this.#entries.delete(address);
      // an author whom the MTA does not know is asked about again some day
      else if (entry.told.length === 0 && full && now - entry.nextAt > 86_400_000)
        this.#entries.delete(address);
    }
    return { entries: [...this.#entries.values()], all: this.#all, sent: { ...this.#sent } };
  }

  get sent(): Readonly<Record<LetterKind, number>> {
    return this.#sent;
  }

  /** The entry with one letter less to send; null: not now. */
  #limited(entry: Entry, kind: LetterKind, now: number): Entry | null {
    // a clock that was set back does not make it wait for longer than once
    if (now < entry.nextAt && entry.nextAt - now <= LAST_RETRY_MS) return null;
    const own = taken(refilled(entry.limits[kind] ?? null, AUTHOR, now));
    const all = taken(refilled(this.#all, ALL, now));
    if (own === null || all === null) return null;
    this.#all = all;
    return { ...entry, limits: { ...entry.limits, [kind]: own } };
  }

  #put(entry: Entry): void {
    const { address } = entry.author;
    const before = this.#entries.get(address);
    if (before?.told !== entry.told) {
      for (const { key } of before?.told ?? []) this.#authors.delete(key);
      for (const { key } of entry.told) this.#authors.set(key, address);
      this.#bytes += bytesOf(entry.told) - bytesOf(before?.told ?? []);
    }
    this.#entries.set(address, entry);
  }
}

function NEW(author: Author): Entry {
  return { author, told: [], limits: {}, refused: 0, nextAt: 0 };
}

function bytesOf(told: readonly Told[]): number {
  let sum = 0;
  for (const { recipients } of told) {
    sum += BYTES_EACH;
    for (const { address, domain } of recipients) sum += address.length + domain.length + 32;
  }
  return sum;
}
