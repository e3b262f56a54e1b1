/**
 * From lines with their places to the texts of records, ready for the writer of a stream. No I/O.
 *
 * After a restart it reads again from where its state was saved, which may be before the last record: `resume` names
 * that record, and nothing is handed out until the line is reached that it was made of.
 */
import { escapeText } from '../core/escape.ts';
import { lineText } from '../evidence/lineText.ts';
import type { CollectorCounters } from './counters.ts';
import { Join, type JoinState } from './join.ts';
import { LogClock } from './logClock.ts';
import { type LogLine, MAX_LINE, parseLogLine } from './logLine.ts';
import type { Produced } from './produced.ts';

/** The last line of which there are records, and how many. */
export interface Recorded {
  readonly position: string;
  readonly count: number;
}

interface CollectorOptions {
  /** Of the records that a line without a host gives. */
  readonly host: string;
  /** Of the source, as in records. */
  readonly kind: string;
  readonly now: () => number;
  /** What `save` gave; null: nothing is known. */
  readonly saved: CollectorState | null;
  /** null: all that is made is new. */
  readonly resume: Recorded | null;
  /** Told of the records that are handed out. */
  readonly counters?: Pick<CollectorCounters, 'made'>;
}

export interface CollectorState {
  readonly lastTime: number | null;
  readonly join: JoinState;
}

interface CollectorCounts {
  readonly lines: number;
  /** Lines that are none of a system log. */
  readonly foreign: number;
  readonly records: number;
  readonly disbelieved: number;
}

export class Collector {
  readonly join = new Join();
  readonly #options: CollectorOptions;
  readonly #clock: LogClock;
  #resume: Recorded | null;
  #last: Recorded | null = null;
  #lines = 0;
  #foreign = 0;
  #records = 0;
  #iso = '';
  #isoTime = Number.NaN;

  /** Throws when `saved` is no state that `save` gave. */
  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#resume = options.resume;
    this.#clock = new LogClock(options.now, options.saved?.lastTime ?? null);
    if (options.saved !== null) this.join.restore(options.saved.join);
  }

  /** Is the line not reached yet that the last record was made of? */
  get isReplaying(): boolean {
    return this.#resume !== null;
  }

  /** The line of the last record that was handed out, or was there before. */
  get last(): Recorded | null {
    return this.#last;
  }

  /** Time of the last line that is believed, in milliseconds since the epoch; null before the first. */
  get newestLine(): number | null {
    return this.#clock.last;
  }

  get counts(): CollectorCounts {
    return {
      lines: this.#lines,
      foreign: this.#foreign,
      records: this.#records,
      disbelieved: this.#clock.disbelieved,
    };
  }

  /** The texts of the records that a line completes. */
  push(line: string | LogLine, position: string): readonly string[] {
    this.#lines++;
    const parsed = typeof line === 'string' ? this.#parsed(line) : this.#believed(line);
    const made = parsed === null ? [] : this.join.push(parsed);
    if (made.length === 0 && this.#resume?.position !== position) return NONE;
    const texts = made.map((one) => this.#text(one, position));
    return this.#new(made, texts, position);
  }

  /** Lines are missing between what was read last and `until`, which is read next; null: nothing is there yet. */
  lost(why: string, count: number | null, until: string | LogLine | null): readonly string[] {
    const { now } = this.#options;
    const from = this.#clock.last;
    const read = typeof until === 'string' ? parseLogLine(until, new LogClock(now, from)) : until;
    const to = read?.time ?? now();
    const made = this.join.lost(why, Math.min(from ?? to, to), to, count);
    // without a place: reading again may not come upon it again
    if (this.#resume !== null) return [];
    this.#options.counters?.made(made);
    return made.map((one) => this.#text(one, ''));
  }

  #parsed(line: string): LogLine | null {
    const parsed = parseLogLine(line.length > MAX_LINE ? line.slice(0, MAX_LINE) : line, this.#clock);
    if (parsed === null) this.#foreign++;
    return parsed;
  }

  #believed(line: LogLine): LogLine {
    return { ...line, time: this.#clock.believe(line.time), text: line.text.slice(0, MAX_LINE) };
  }

  /** Without those that are recorded. */
  #new(made: readonly Produced[], texts: readonly string[], position: string): readonly string[] {
    const resume = this.#resume;
    if (resume !== null && resume.position !== position) return [];
    this.#resume = null;
    const fresh = resume === null ? texts : texts.slice(resume.count);
    const count = Math.max(texts.length, resume?.count ?? 0);
    if (count > 0) this.#last = { position, count };
    this.#records += fresh.length;
    this.#options.counters?.made(made.slice(made.length - fresh.length));
    return fresh;
  }

  #text({ time, type, host, fields }: Produced, position: string): string {
    const source = { kind: this.#options.kind, position };
    if (time !== this.#isoTime) {
      this.#iso = new Date(time).toISOString();
      this.#isoTime = time;
    }
    const seenBy = host === '' ? this.#options.host : escapeText(host);
    return lineText(this.#iso, type, seenBy, { ...fields, source });
  }

  save(): CollectorState {
    return { lastTime: this.#clock.last, join: this.join.save() };
  }
}

const NONE: readonly string[] = [];
