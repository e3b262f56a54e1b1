/**
 * When the writer of a stream does what: writes each batch as it comes, commits in groups, looks at the clock once a
 * second, and tries again what the system refused, the sooner the less often it did.
 */
import { StreamStore } from './store.ts';
import type { FromWriter, ToWriter, WriterJob } from './writerJob.ts';

const GONE = 'the file of the day was removed or replaced';
const TICK_MS = 1000;
const REOPEN_MS = 2000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5000;
/** Texts whose receipt is told at once, in characters: the other thread holds back more than that. */
const TELL_AFTER = 1024 * 1024;

export class Writer {
  readonly #job: WriterJob;
  readonly #post: (message: FromWriter) => void;
  #store: StreamStore | null = null;
  #closing = false;
  #commit: NodeJS.Timeout | null = null;
  /** When it should have come. */
  #dueAt = Number.POSITIVE_INFINITY;
  #reopen: NodeJS.Timeout | undefined;
  readonly #tick: NodeJS.Timeout;
  #retryMs = FIRST_RETRY_MS;
  #taken = 0;
  #done = 0;
  #untold = 0;
  /** Texts that came while no store was open, or had not come into the file that was taken away. */
  #missed = 0;
  /** Lines that were synced went with the file: a gap says so, even when no others are missing. */
  #gone = false;

  constructor(job: WriterJob, post: (message: FromWriter) => void) {
    this.#job = job;
    this.#post = post;
    this.#tick = setInterval(() => this.#look(), TICK_MS);
    this.#open();
  }

  #open(): void {
    const onDayEnd = (day: string, note: string): void => this.#post({ kind: 'head', day, note });
    try {
      this.#store = new StreamStore(this.#job.store, { onDayEnd });
    } catch (error) {
      this.#post({ kind: 'shut', why: error instanceof Error ? error.message : String(error) });
      this.#reopen = setTimeout(() => this.#open(), REOPEN_MS);
      return;
    }
    if (this.#missed > 0 || this.#gone) {
      const now = new Date().toISOString();
      this.#store.lost(now, now, this.#missed, GONE);
      this.#missed = 0;
      this.#gone = false;
    }
    this.#post({ kind: 'open', state: this.#store.state });
    this.#commitSoon(0);
  }

  /** One message of the main thread. */
  take(message: ToWriter): void {
    switch (message.kind) {
      case 'lines':
        this.#taken += message.count;
        this.#untold += message.texts.length;
        if (this.#store === null) this.#missed += message.count;
        this.#store?.append(message.texts);
        this.#store?.write();
        break;
      case 'lost':
        if (this.#store === null) this.#missed += message.count;
        this.#store?.lost(message.from, message.to, message.count, message.why);
        break;
      case 'close':
        this.#close();
        return;
    }
    // under load messages come before timers
    if (this.#job.commitMs === 0 || performance.now() > this.#dueAt) this.#commitNow();
    else this.#commitSoon(this.#job.commitMs);
    if (this.#untold > TELL_AFTER) this.#tell();
  }

  #commitSoon(ms: number): void {
    if (this.#commit !== null) return;
    this.#dueAt = performance.now() + ms;
    this.#commit = setTimeout(() => this.#commitNow(), ms);
  }

  #commitNow(): void {
    const store = this.#store;
    if (this.#commit !== null) clearTimeout(this.#commit);
    this.#commit = null;
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (store === null) return;
    if (store.commit()) {
      this.#retryMs = FIRST_RETRY_MS;
      this.#done = this.#taken;
      // the record of a gap may have become due
      if (!store.isSettled) this.#commitSoon(this.#job.commitMs);
    } else {
      this.#commitSoon(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#store === null) return;
    this.#untold = 0;
    this.#post({ kind: 'state', state: this.#store.state, taken: this.#taken, done: this.#done });
  }

  #look(): void {
    const store = this.#store;
    if (store === null) return;
    if (!store.isThere) {
      this.#begin(store);
      return;
    }
    store.tick();
    if (!store.isSettled) this.#commitSoon(this.#job.commitMs);
  }

  /** The file was taken away: a new one is begun, and what had not come into the old one is a gap. */
  #begin(old: StreamStore): void {
    this.#missed = this.#taken - this.#done;
    this.#gone = true;
    old.abandon();
    this.#store = null;
    this.#post({ kind: 'shut', why: GONE });
    this.#open();
  }

  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#tick);
    clearTimeout(this.#reopen);
    if (this.#commit !== null) clearTimeout(this.#commit);
    const ok = this.#store?.close() ?? false;
    if (ok) this.#done = this.#taken;
    this.#tell();
    this.#post({ kind: 'closed', ok });
  }
}
