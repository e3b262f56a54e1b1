/**
 * The one loop of `tlsward collect`: batches of a source through the collector into the writer of a stream. What
 * was made of a batch is on disk before it is confirmed and before the state is saved. When the disk refuses,
 * nothing more is read until it takes what is there: the source keeps it.
 */
import { Collector, type CollectorState, type Recorded } from '../collector.ts';
import type { CollectorCounters } from '../counters.ts';
import { Join } from '../join.ts';
import { pause } from '../sources/pause.ts';
import type { Batch, Source } from '../sources/source.ts';
import { lastRecorded, recentlyRecorded } from './lastRecord.ts';
import { loadState, saveState } from './stateFile.ts';

/** The writer of a stream (recorder/store.ts). */
export interface RecordWriter {
  /** Texts of records, one a line. */
  append(texts: string): number;
  /** False: the system refused; it is tried again at the next call. */
  commit(): boolean;
  tick(): void;
}

export interface CollectorEvents {
  /** Once, when it is known where reading begins. */
  started(from: string | null, replays: boolean): void;
  /** A line that looks like a delivery and cannot be read, escaped. */
  unreadable(sample: string, count: number): void;
  lost(why: string): void;
  /** The disk refuses (true), or takes lines again. */
  waiting(waits: boolean): void;
  stateNotSaved(error: unknown): void;
  committed(collector: Collector): void;
}

interface RunOptions {
  readonly source: Source;
  /** Folder of the stream. */
  readonly stream: string;
  readonly host: string;
  readonly writer: RecordWriter;
  readonly events: CollectorEvents;
  readonly signal: AbortSignal;
  /** Counts over all that is read here. */
  readonly counters: CollectorCounters;
  readonly saveEveryMs?: number;
  readonly commitEveryMs?: number;
  readonly retryMs?: number;
}

const SAVE_MS = 10_000;
const COMMIT_MS = 200;
const RETRY_MS = 1000;
const TICK_MS = 1000;

/** Resolves when the source ends or `signal` is aborted. Rejects with SourceError, or the error of a system call. */
export async function runCollector(options: RunOptions): Promise<void> {
  const { source, stream } = options;
  const last = lastRecorded(stream, source.kind);
  const loaded = loadState(stream);
  const ours = loaded?.kind === source.kind && loaded.name === source.name;
  const saved = ours && isRestorable(loaded.state) ? loaded : null;
  const run = new Run(options, last);
  const queuesOnly = saved === null ? null : withoutProcesses(saved.state);
  if (source.remember !== undefined) {
    source.remember(recentlyRecorded(stream, source.kind));
    await run.read(queuesOnly, last?.position ?? null, null);
    return;
  }
  const there = (place: string | undefined): place is string =>
    place !== undefined && (source.has === undefined || source.has(place));
  if (saved !== null && there(saved.next)) {
    const resume = sameRecord(saved.last, last) ? null : last;
    const comes = resume === null || there(resume.position);
    if (comes && (await run.read(saved.state, saved.next, resume)) === 'done') return;
    // the line of the last record is not there any more: better a record twice than none
    const why = `${source.name}: the line of the last record is gone; records may occur twice`;
    await run.read(saved.state, saved.next, null, why);
  } else if (last !== null && there(last.position)) {
    // without a state; a place in a file is that of the line itself
    await run.read(queuesOnly, last.position, source.givesLineAgain ? last : null);
  } else await run.read(queuesOnly, saved?.next ?? last?.position ?? null, null);
}

/** A state of another release, or one that was edited, is none. */
function isRestorable(state: CollectorState): boolean {
  try {
    new Join().restore(state.join);
    return true;
  } catch {
    return false;
  }
}

function sameRecord(a: Recorded | null, b: Recorded | null): boolean {
  return a?.position === b?.position && a?.count === b?.count;
}

/** What holds when lines were missed in between. */
function withoutProcesses(state: CollectorState): CollectorState {
  const { processes } = state.join;
  return { ...state, join: { ...state.join, processes: { ...processes, since: null, processes: [] } } };
}

class Run {
  readonly #options: RunOptions;
  #last: Recorded | null;
  #dirty = false;
  #committed = 0;
  #saved = 0;
  #ticked = 0;
  #waits = false;

  constructor(options: RunOptions, last: Recorded | null) {
    this.#options = options;
    this.#last = last;
  }

  /** `missed`: everything was read, and the line of `resume` was not among it. `why`: a gap to begin with. */
  async read(
    state: CollectorState | null,
    from: string | null,
    resume: Recorded | null,
    why?: string,
  ): Promise<'done' | 'missed'> {
    const { source, host, signal, events, counters } = this.#options;
    const { saveEveryMs = SAVE_MS, commitEveryMs = COMMIT_MS } = this.#options;
    const { kind } = source;
    const collector = new Collector({ host, kind, now: Date.now, saved: state, resume, counters });
    events.started(from, resume !== null);
    if (why !== undefined) this.#take(collector.lost(why, null, null), why);
    let next: string | null = null;
    let lastLine = Date.now();
    for await (const batch of source.batches(from, signal)) {
      // so that there is a state to go on from, however soon it is killed
      const [first] = batch.lines;
      if (next === null && from === null && source.givesLineAgain && first !== undefined)
        await this.#save(collector, first.position);
      this.#takeBatch(collector, batch);
      const now = Date.now();
      if (batch.lines.length > 0) lastLine = now;
      const silent = batch.caughtUp && now - lastLine >= source.silenceMs;
      if (silent && collector.isReplaying) return 'missed';
      next = batch.next;
      const due = batch.confirm !== undefined || batch.caughtUp || now - this.#committed >= commitEveryMs;
      if (this.#dirty && due) await this.#commit(collector);
      if (signal.aborted && this.#dirty) break;
      batch.confirm?.();
      if (!this.#dirty && now - this.#saved >= saveEveryMs) await this.#save(collector, next);
    }
    if (collector.isReplaying && !signal.aborted) return 'missed';
    await this.#commit(collector);
    if (!this.#dirty && next !== null) await this.#save(collector, next);
    return 'done';
  }

  #takeBatch(collector: Collector, batch: Batch): void {
    const { events, writer, counters } = this.#options;
    const before = collector.join.counts.unreadable;
    for (const { why, count } of batch.lost) {
      // what could not be read may be anywhere in the batch
      const until = batch.lines.at(count === null ? 0 : -1)?.line ?? null;
      this.#take(collector.lost(why, count, until), why);
    }
    const texts: string[] = [];
    for (const { line, position } of batch.lines) {
      const made = collector.push(line, position);
      if (made.length > 0) texts.push(...made);
    }
    this.#append(texts);
    const sample = collector.join.takeUnreadable();
    if (sample !== null) events.unreadable(sample, collector.join.counts.unreadable);
    const now = Date.now();
    const unreadable = collector.join.counts.unreadable - before;
    counters.read(batch.lines.length, unreadable, collector.newestLine, batch.caughtUp, now);
    if (now - this.#ticked < TICK_MS) return;
    this.#ticked = now;
    writer.tick();
  }

  #take(texts: readonly string[], why: string): void {
    this.#append(texts);
    this.#options.events.lost(why);
  }

  #append(texts: readonly string[]): void {
    if (texts.length === 0) return;
    this.#options.writer.append(texts.join('\n'));
    this.#dirty = true;
  }

  /** Waits until the disk took everything; when it is told to stop meanwhile, what waits is not confirmed. */
  async #commit(collector: Collector): Promise<void> {
    const { writer, signal, events, counters, retryMs = RETRY_MS } = this.#options;
    while (!writer.commit()) {
      if (!this.#waits) events.waiting(true);
      this.#waits = true;
      counters.waiting(true);
      if (signal.aborted) return;
      await pause(retryMs, signal);
    }
    if (this.#waits) events.waiting(false);
    this.#waits = false;
    counters.waiting(false);
    this.#dirty = false;
    this.#committed = Date.now();
    this.#last = collector.last ?? this.#last;
    events.committed(collector);
  }

  async #save(collector: Collector, next: string): Promise<void> {
    // while it reads again, the state is behind the records
    if (collector.isReplaying) return;
    const { source, stream, events } = this.#options;
    const { kind, name } = source;
    try {
      await saveState(stream, { v: 1, kind, name, next, last: this.#last, state: collector.save() });
    } catch (error) {
      events.stateNotSaved(error);
    }
    this.#saved = Date.now();
  }
}
