/**
 * The daemon's end of its stream of evidence: takes the texts of records on the main thread, and hands them in batches
 * to a thread that writes them. Nothing here waits for a disk.
 *
 * Texts wait for 5 ms, or until there are 64 KiB of them, and leave as one string. The thread says what it has taken;
 * while much is under way, more waits here. Beyond 16 MiB texts are dropped and counted: the thread then writes a
 * `gap` record. If the thread ends, what it had not synced is counted the same way, and another is started.
 */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { MemoryUse } from '../core/memorySize.ts';
import type { StoreOptions, StoreState } from './storeOptions.ts';
import type { FromWriter, ToWriter, WriterJob } from './writerJob.ts';

/** The settings of a stream, and what happens to lines when it fails. */
export interface RecorderOptions extends Omit<StoreOptions, 'token' | 'syncs' | 'unclean'> {
  /** Between two group commits; 0: after every write; null: never synced. */
  readonly syncMs: number | null;
}

interface RecorderEvents {
  /** The last head of a day that ended, a signed note. */
  readonly onHead: (day: string, note: string) => void;
  /** Records cannot be written: why; '' when they can again. Called at each change. */
  readonly onTrouble: (why: string) => void;
}

/** For `status`. */
export interface RecorderStatus extends StoreState {
  readonly directory: string;
  readonly stream: string;
  /** `opening` before the first success, `down` while the thread is started anew. */
  readonly writer: 'opening' | 'open' | 'down' | 'closed';
  /** Bytes that wait on the main thread, or on their way to the writer. */
  readonly handedBytes: number;
  readonly handedLimitBytes: number;
}

const BATCH_MS = 5;
const BATCH_CHARACTERS = 65_536;
/** Of one batch, in characters: as much is put together without a pause. */
const BATCH_LIMIT = 1024 * 1024;
/** Not yet taken by the thread, and waiting here, in characters. */
const UNDER_WAY = 4 * 1024 * 1024;
const LIMIT_CHARACTERS = 16 * 1024 * 1024;
const RESTART_MS = 1000;
/** Without fsync a head is signed as often. */
const UNSYNCED_MS = 1000;

const NO_STATE: StoreState = {
  day: '',
  records: 0,
  waitingBytes: 0,
  limitBytes: 0,
  lastSyncMs: 0,
  failures: 0,
  failure: '',
  trouble: '',
  gaps: 0,
  lost: 0,
};

/** The worker's file in this folder; compiled code and source have different extensions. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./worker.${extension}`, import.meta.url);
}

type StartWorker = (job: WriterJob) => Worker;

function startThread(job: WriterJob): Worker {
  // without the options of this process, because test runners preload modules with them
  return new Worker(workerUrl(), { workerData: job, name: 'tlsward-evidence', execArgv: [] });
}

interface Lost {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly why: string;
}

/** Both as one, from the first to the last. */
function merged(a: Lost, b: Lost): Lost {
  const why = a.why.includes(b.why) || a.why.length >= 300 ? a.why : `${a.why}; ${b.why}`;
  const from = a.from < b.from ? a.from : b.from;
  return { from, to: a.to > b.to ? a.to : b.to, count: a.count + b.count, why };
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #events: RecorderEvents;
  readonly #startWorker: StartWorker;
  readonly #token = randomBytes(8).toString('hex');
  #opened: () => void = () => {};
  /** Resolves when the stream is open, or cannot be opened for now. */
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.#opened = resolve;
  });
  #worker: Worker | null = null;
  #writer: RecorderStatus['writer'] = 'opening';
  #why = '';
  #state = NO_STATE;
  #texts: string[] = [];
  /** Characters that wait here. */
  #waiting = 0;
  /** Batches that the thread has not taken: the number of the last text in each, and characters. */
  #batches: { readonly last: number; readonly characters: number }[] = [];
  #underWay = 0;
  /** Texts that were posted to this thread, and those of them that are synced. */
  #posted = 0;
  #done = 0;
  #doneAtMs = Date.now();
  #lost: Lost | null = null;
  /** What was told to the thread of lost texts and may not be synced yet. */
  #lostUnderWay: Lost | null = null;
  #timer: NodeJS.Timeout | null = null;
  #restart: NodeJS.Timeout | undefined;
  #told = '';
  #closed: ((ok: boolean) => void) | null = null;
  /** Counts of threads that have ended. */
  #before = { failures: 0, gaps: 0, lost: 0 };

  constructor(options: RecorderOptions, events: RecorderEvents, startWorker: StartWorker = startThread) {
    this.#options = options;
    this.#events = events;
    this.#startWorker = startWorker;
    this.#start('gap');
  }

  /** Hands over the text of a record (evidence/lineText.ts). Never throws, never waits. */
  record(text: string): void {
    if (this.#waiting + this.#underWay + text.length > LIMIT_CHARACTERS) {
      this.#drop(1, 'records came faster than they could be written');
      return;
    }
    // two lines would be two records; and the search makes one string of a text's hundred parts, which each collection
    // would copy until the batch leaves
    if (text.includes('\n')) {
      this.#drop(1, 'a record had a line end');
      return;
    }
    this.#texts.push(text);
    this.#waiting += text.length + 1;
    if (this.#waiting >= BATCH_CHARACTERS && this.#underWay < UNDER_WAY) this.#send();
    else this.#timer ??= setTimeout(this.#send, BATCH_MS);
  }

  /** A record that could not be made. */
  missed(why: string): void {
    this.#drop(1, why);
    this.#timer ??= setTimeout(this.#send, BATCH_MS);
  }

  #drop(count: number, why: string): void {
    const now = new Date().toISOString();
    this.#lose({ from: now, to: now, count, why });
    this.#tell();
  }

  #lose(lost: Lost): void {
    this.#lost = this.#lost === null ? lost : merged(this.#lost, lost);
  }

  /** Can records be written, as far as is known? False before the stream is open. */
  get works(): boolean {
    return this.#trouble === '' && this.#writer === 'open';
  }

  get #trouble(): string {
    if (this.#writer === 'down' || (this.#writer === 'opening' && this.#why !== '')) return this.#why;
    if (this.#state.failure !== '') return this.#state.failure;
    return this.#lost === null ? '' : this.#lost.why;
  }

  get status(): RecorderStatus {
    const { failures, gaps, lost } = this.#before;
    return {
      directory: this.#options.directory,
      stream: this.#options.stream,
      writer: this.#writer,
      ...this.#state,
      failures: this.#state.failures + failures,
      gaps: this.#state.gaps + gaps,
      lost: this.#state.lost + lost + (this.#lost?.count ?? 0),
      failure: this.#trouble,
      handedBytes: this.#waiting + this.#underWay,
      handedLimitBytes: LIMIT_CHARACTERS,
    };
  }

  get memory(): MemoryUse {
    return {
      name: 'evidence',
      used: this.#waiting + this.#underWay + this.#state.waitingBytes,
      limit: LIMIT_CHARACTERS + this.#state.limitBytes,
    };
  }

  /**
   * Writes and signs what was handed over, and ends the thread. Resolves to whether all of it is synced; false
   * after `limitMs`.
   */
  close(limitMs: number): Promise<boolean> {
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === null || this.#closed !== null) return Promise.resolve(false);
    const closed = new Promise<boolean>((resolve) => {
      const limit = setTimeout(() => resolve(false), limitMs);
      this.#closed = (ok) => {
        clearTimeout(limit);
        resolve(ok);
      };
    });
    while (this.#writer === 'open' && this.#texts.length > 0) this.#flushBatch();
    this.#flush();
    this.#post({ kind: 'close' });
    return closed.finally(() => {
      this.#writer = 'closed';
      if (this.#timer !== null) clearTimeout(this.#timer);
      return worker.terminate();
    });
  }

  #start(unclean: StoreOptions['unclean']): void {
    const { syncMs, ...rest } = this.#options;
    const job: WriterJob = {
      tlswardEvidence: true,
      store: { ...rest, syncs: syncMs !== null, unclean, token: this.#token },
      commitMs: syncMs ?? UNSYNCED_MS,
    };
    this.#writer = 'opening';
    try {
      const worker = this.#startWorker(job);
      this.#worker = worker;
      worker.on('message', (message: FromWriter) => this.#take(message));
      worker.on('error', (error: unknown) => {
        this.#why = error instanceof Error ? error.message : String(error);
      });
      worker.on('exit', () => this.#ended(worker));
    } catch (error) {
      this.#why = error instanceof Error ? error.message : String(error);
      this.#ended(this.#worker);
    }
  }

  /** The thread has ended: what it had not synced may be missing. */
  #ended(worker: Worker | null): void {
    if (worker !== this.#worker || this.#writer === 'closed') return;
    this.#worker = null;
    if (this.#closed !== null) {
      this.#closed(false);
      return;
    }
    this.#writer = 'down';
    this.#forgetState();
    const why = `the writer ended (${this.#why === '' ? 'no reason known' : this.#why})`;
    this.#why = why;
    const missing = this.#posted - this.#done;
    const from = new Date(this.#doneAtMs).toISOString();
    const to = new Date().toISOString();
    if (missing > 0) this.#lose({ from, to, count: missing, why: `${why}; some of these may be there` });
    if (this.#lostUnderWay !== null) this.#lose(this.#lostUnderWay);
    this.#lostUnderWay = null;
    this.#posted = 0;
    this.#done = 0;
    this.#batches = [];
    this.#underWay = 0;
    this.#tell();
    this.#restart = setTimeout(() => this.#start('ignore'), RESTART_MS);
    this.#restart.unref();
  }

  /** What the writer told is over; its counts are kept. */
  #forgetState(): void {
    const { failures, gaps, lost } = this.#before;
    this.#before = {
      failures: failures + this.#state.failures + 1,
      gaps: gaps + this.#state.gaps,
      lost: lost + this.#state.lost,
    };
    this.#state = { ...NO_STATE, day: this.#state.day, limitBytes: this.#state.limitBytes };
  }

  #take(message: FromWriter): void {
    switch (message.kind) {
      case 'open':
        this.#writer = 'open';
        this.#why = '';
        this.#state = message.state;
        this.#opened();
        this.#flush();
        break;
      case 'shut':
        this.#why = message.why;
        if (this.#writer === 'open') this.#forgetState();
        this.#writer = 'opening';
        this.#opened();
        break;
      case 'state':
        this.#state = message.state;
        if (message.done > this.#done) this.#doneAtMs = Date.now();
        this.#done = message.done;
        if (message.done === this.#posted && message.state.failure === '') this.#lostUnderWay = null;
        this.#taken(message.taken);
        if (this.#waiting > 0 || this.#lost !== null) this.#send();
        break;
      case 'head':
        this.#events.onHead(message.day, message.note);
        break;
      case 'closed':
        this.#closed?.(message.ok);
        break;
    }
    this.#tell();
  }

  #taken(last: number): void {
    while (this.#batches[0] !== undefined && this.#batches[0].last <= last)
      this.#underWay -= this.#batches.shift()!.characters;
  }

  /** Tells of trouble when it begins, changes or ends. */
  #tell(): void {
    const why = this.#trouble;
    if (why === this.#told) return;
    this.#told = why;
    this.#events.onTrouble(why);
  }

  /** Hands over what waits, as far as the thread keeps up. */
  readonly #send = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writer !== 'open' || this.#underWay >= UNDER_WAY) return;
    this.#flush();
  };

  /** One batch, and the next ones when others have had their turn: 16 MiB at once would hold up mail for 80 ms. */
  #flush(): void {
    if (this.#writer !== 'open') return;
    this.#flushBatch();
    if (this.#texts.length > 0) this.#timer ??= setTimeout(this.#send, 0);
    this.#flushLost();
  }

  #flushBatch(): void {
    let count = 0;
    let characters = 0;
    for (const { length } of this.#texts) {
      if (count > 0 && characters + length > BATCH_LIMIT) break;
      characters += length + 1;
      count++;
    }
    if (count === 0) return;
    const texts = this.#texts.splice(0, count).join('\n');
    this.#waiting -= characters;
    this.#posted += count;
    this.#batches.push({ last: this.#posted, characters: texts.length });
    this.#underWay += texts.length;
    this.#post({ kind: 'lines', texts, count });
  }

  #flushLost(): void {
    const lost = this.#lost;
    if (lost === null) return;
    this.#lost = null;
    this.#lostUnderWay = this.#lostUnderWay === null ? lost : merged(this.#lostUnderWay, lost);
    this.#post({ kind: 'lost', ...lost });
  }

  #post(message: ToWriter): void {
    this.#worker?.postMessage(message);
  }
}
