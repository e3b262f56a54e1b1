/**
 * The writer of one stream of evidence: lines in order, in files by day, each group of them synced and signed.
 *
 *   append    numbers the lines and puts what `privacy` leaves in place of addresses; memory only
 *   write     one write(2) a batch, with O_APPEND; what is written enters the tree
 *   commit    fdatasync(2), then a signed checkpoint over all lines of the day: only now are they acknowledged
 *   tick      a new day, a clock that was set
 *
 * What holds, whatever fails and wherever the process is killed:
 *
 * - A checkpoint is signed only over lines that are synced, so no line that was signed is ever cut off.
 * - The system refuses to write (ENOSPC, EDQUOT, EIO): the lines wait in memory, up to a limit; those that find no
 *   room are counted, and a `gap` record with their number and times follows once lines can be written. A
 *   write that was cut short is continued where it stopped. At the first ENOSPC the reserve file is deleted.
 * - fdatasync fails: all lines since the last successful sync are still in memory and are written again (dayFile.ts).
 * - A checkpoint cannot be written: the lines are on the disk and count; the next commit signs over them, too.
 * - A new day: when all lines are synced and signed, the files are synced and closed, the folder synced, and the next
 *   file begins with a `day` record that has the last head. Killed in between, the next start does what is left.
 * - A clock that goes back to an earlier day changes nothing: lines go on into the latest day's file.
 *
 * Recovery is in recoverDay.ts. No method waits for anything but the system call it makes.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { daysOf, MAX_LINE_BYTES } from '../archive/layout.ts';
import { clockSteps } from '../core/steadyClock.ts';
import { keyNameOf } from '../evidence/checkpoint.ts';
import { finishedLine, lineText } from '../evidence/lineText.ts';
import { formatVerifier, type NoteKey } from '../evidence/note.ts';
import { AddressWriter } from './addressWriter.ts';
import { DayFile } from './dayFile.ts';
import { dropExpired } from './expiry.ts';
import { GapCounter } from './gapCounter.ts';
import { streamKey } from './keys.ts';
import { LineQueue } from './lineQueue.ts';
import { takeLock } from './lock.ts';
import { earlierTorn, type RecoveredDay, recorded, recoverDay, type TornFile } from './recoverDay.ts';
import { Reserve } from './reserve.ts';
import type { StoreOptions, StoreState } from './storeOptions.ts';
import { SYSTEM, type System, syncFolder } from './system.ts';

interface StoreParts {
  readonly system: System;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds, from any zero, never back. */
  readonly monotonic: () => number;
  /** The last head of a day that ended. */
  readonly onDayEnd: (day: string, note: string) => void;
}

const LIMIT_BYTES = 64 * 1024 * 1024;
const RESERVE_BYTES = 16 * 1024 * 1024;
/** Of one write. */
const BATCH_BYTES = 256 * 1024;
/** A step of the clock that is recorded. */
const STEP_MS = 2000;

export class StreamStore {
  readonly folder: string;
  readonly #options: StoreOptions;
  readonly #parts: StoreParts;
  readonly #queue = new LineQueue();
  readonly #gap = new GapCounter();
  readonly #addresses: AddressWriter;
  readonly #reserve: Reserve;
  readonly #step: () => number;
  readonly #release: () => void;
  readonly #key: NoteKey;
  #day: DayFile;
  #torn: readonly TornFile[] = [];
  #failures = 0;
  #failure = '';
  #trouble = '';
  #lastSyncMs = 0;
  #gaps = 0;
  #lost = 0;

  /**
   * Takes the lock and recovers what the last writer left. Throws LockTakenError, EvidenceKeyError, or the
   * error of a system call.
   */
  constructor(options: StoreOptions, parts: Partial<StoreParts> = {}) {
    this.#options = options;
    this.#parts = {
      system: SYSTEM,
      now: Date.now,
      monotonic: () => performance.now(),
      onDayEnd: () => {},
      ...parts,
    };
    const { system } = this.#parts;
    const { directory, stream } = options;
    this.folder = join(directory, stream);
    const pseudonyms = join(directory, 'pseudonyms');
    for (const folder of [directory, this.folder, pseudonyms]) system.mkdir(folder);
    this.#addresses = new AddressWriter(system, pseudonyms, options.privacy);
    this.#reserve = new Reserve(system, this.folder, options.reserveBytes ?? RESERVE_BYTES);
    this.#step = clockSteps(this.#parts.now, this.#parts.monotonic);
    this.#release = this.#withReserve(() => takeLock(system, this.folder, options.token));
    try {
      const name = keyNameOf(safeName(options.host), stream);
      this.#key = this.#withReserve(() => streamKey(system, this.folder, name));
      this.#day = this.#withReserve(() => this.#recover());
      this.#aside(() => this.#reserve.fill());
      this.#expire();
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** A disk that is full at the start is no reason to record nothing while there is a reserve. */
  #withReserve<T>(what: () => T): T {
    try {
      return what();
    } catch (error) {
      if (!isFull(error) || !this.#reserve.give()) throw error;
      return what();
    }
  }

  /** Opens the latest day; what is to be told of it goes into the queue as records. */
  #recover(): DayFile {
    const { system } = this.#parts;
    const found: RecoveredDay[] = [];
    for (const day of daysOf(this.folder).reverse()) {
      const recovered = recoverDay(system, this.folder, day, this.#key);
      found.push(recovered);
      if (recovered.tree.size > 0) break;
    }
    const days = found.map(({ day }) => day);
    this.#torn = [...earlierTorn(system, this.folder, days), ...found.flatMap(({ torn }) => torn)];
    const [latest = null] = found;
    const last = found.at(-1);
    this.#day = new DayFile(system, this.folder, latest?.day ?? this.#today(), latest);
    if (this.#day.lines > 0) this.#day.sign(this.#key);
    else if (last === undefined || last.tree.size === 0) this.#begin(this.#day, null);
    else {
      // the file was made for a new day and has no line yet
      const before = new DayFile(system, this.folder, last.day, last);
      before.finish(this.#key);
      this.#begin(this.#day, before);
    }
    this.#turn();
    this.#tell(found);
    return this.#day;
  }

  /** What was found at the start, as records. */
  #tell(found: readonly RecoveredDay[]): void {
    for (const { file, bytes } of this.#torn) this.#own('torn', { bytes, file });
    for (const { day, damage } of found) if (damage !== '') this.#unknownGap('', `${day}: ${damage}`);
    const lastLine = found.map(({ lastLine }) => lastLine).find((line) => line !== '') ?? '';
    if (this.#options.unclean !== 'gap' || lastLine === '') return;
    const { type, time } = headOf(lastLine);
    if (type !== 'stop')
      this.#unknownGap(time, 'the writer did not stop in order: records that were not synced are missing');
  }

  #unknownGap(from: string, why: string): void {
    this.#gaps++;
    const to = this.#time();
    this.#own('gap', { from: from === '' ? to : from, to, count: null, why });
  }

  /** The first record of a day's file. */
  #begin(open: DayFile, before: DayFile | null): void {
    this.#day = open;
    this.#own('day', { previous: before?.head, key: formatVerifier(this.#key) });
  }

  /** A record of the writer itself. */
  #own(type: 'day' | 'gap' | 'torn' | 'clock', fields: Parameters<typeof lineText>[3]): void {
    const line = this.#line(lineText(this.#time(), type, this.#options.host, fields));
    if (line !== null) this.#queue.add(`${line}\n`, 1);
  }

  #line(text: string): string | null {
    const line = finishedLine(this.#day.next, text, this.#addresses.forMonth(text.slice(8, 15)));
    // three bytes a UTF-16 unit are enough
    if (line === null || (3 * line.length > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES))
      return null;
    this.#day.next++;
    return line;
  }

  /**
   * Takes texts of records (evidence/lineText.ts), one a line. Those that find no room are counted. Returns how
   * many were taken.
   */
  append(texts: string): number {
    this.#tellGap();
    const limit = this.#options.limitBytes ?? LIMIT_BYTES;
    let batch = '';
    let lines = 0;
    let taken = 0;
    let bytes = this.#queue.bytes;
    for (const text of texts.split('\n')) {
      if (text === '') continue;
      const line = bytes + text.length > limit ? null : this.#line(text);
      if (line === null) {
        const why = bytes + text.length > limit ? this.#why : 'not a record, or too long for one';
        this.#gap.add(timeOf(text), 1, why);
        continue;
      }
      bytes += line.length + 1;
      taken++;
      batch += `${line}\n`;
      lines++;
      if (batch.length < BATCH_BYTES) continue;
      // lines are signed by whole batches, so a full disk must not leave a large one half written
      this.#queue.add(batch, lines);
      batch = '';
      lines = 0;
    }
    this.#queue.add(batch, lines);
    return taken;
  }

  get #why(): string {
    return `no room in memory for lines that could not be written (${this.#failure || 'too many at once'})`;
  }

  /** Lines that were lost before they came here; times in ISO 8601. */
  lost(from: string, to: string, count: number, why: string): void {
    this.#gap.add(from, count, why, to);
    this.#tellGap();
  }

  /** A gap becomes a record when there is room for it again. */
  #tellGap(): void {
    if (this.#gap.isEmpty || this.#failure !== '') return;
    if (this.#queue.bytes > (this.#options.limitBytes ?? LIMIT_BYTES) / 2) return;
    for (const gap of this.#gap.take()) {
      this.#gaps++;
      this.#lost += gap.count;
      this.#own('gap', gap);
    }
  }

  /** Writes what is due; what the system refuses is tried again at the next call, or at `commit`. */
  write(): void {
    this.#attempt(() => this.#day.write(this.#queue));
  }

  /** Writes, syncs and signs all lines. False: something failed; what is synced is in the state. */
  commit(): boolean {
    this.#tellGap();
    const written = this.#attempt(() => this.#day.write(this.#queue));
    // lines that were written before the system refused one are synced all the same
    const signed = this.#attempt(() => {
      if (this.#day.sync(this.#queue, this.#options.syncs)) this.#lastSyncMs = this.#parts.now();
      this.#day.sign(this.#key);
    });
    if (!written || !signed) return false;
    this.#failure = '';
    this.#recorded();
    this.#tellGap();
    return true;
  }

  /** The records of fragments are synced: these get their names. */
  #recorded(): void {
    const torn = this.#torn;
    if (torn.length === 0) return;
    this.#aside(() => {
      recorded(this.#parts.system, this.folder, torn);
      this.#torn = [];
    });
  }

  /** False: the file of the day was taken away; only a new store can go on. */
  get isThere(): boolean {
    return this.#day.isThere;
  }

  /** Gives up the file that was taken away, with what waits for it. */
  abandon(): void {
    this.#aside(() => this.#day.close());
    this.#aside(() => this.#release());
  }

  /** Call it about once a second: steps of the clock, a new day, a reserve that is missing. */
  tick(): void {
    const step = this.#step();
    if (Math.abs(step) > STEP_MS) this.#own('clock', { stepMs: step });
    if (this.#today() > this.#day.day && this.commit()) this.#turn();
    if (this.#failure === '') this.#aside(() => this.#reserve.fill());
  }

  /** Closes the day if it is over, and begins the next. All of its lines must be synced and signed. */
  #turn(): void {
    const { system, onDayEnd } = this.#parts;
    const before = this.#day;
    const today = this.#today();
    if (today <= before.day || before.lines === 0 || !this.#queue.isEmpty) return;
    const closed = this.#aside(() => {
      before.finish(this.#key);
      syncFolder(system, this.folder);
    });
    if (!closed) return;
    onDayEnd(before.day, before.lastNote);
    this.#begin(new DayFile(system, this.folder, today, null), before);
    this.#expire();
  }

  #expire(): void {
    const { retentionDays, directory } = this.#options;
    if (retentionDays === null) return;
    const { system } = this.#parts;
    this.#aside(() => dropExpired(system, directory, this.folder, this.#day.day, retentionDays));
  }

  /** The last record, all that is left, and the end. False: not all could be written. */
  close(): boolean {
    const ok = this.commit();
    this.#aside(() => {
      this.#day.close();
      this.#release();
    });
    return ok;
  }

  get state(): StoreState {
    return {
      day: this.#day.day,
      records: this.#day.lines,
      waitingBytes: this.#queue.bytes,
      limitBytes: this.#options.limitBytes ?? LIMIT_BYTES,
      lastSyncMs: this.#lastSyncMs,
      failures: this.#failures,
      failure: this.#failure,
      trouble: this.#addresses.trouble === '' ? this.#trouble : `pseudonyms: ${this.#addresses.trouble}`,
      gaps: this.#gaps,
      lost: this.#lost + this.#gap.count,
    };
  }

  /** Every line that was appended is synced and signed. */
  get isSettled(): boolean {
    return this.#queue.isEmpty && this.#day.isSigned;
  }

  /** What lines depend on. False: it failed; only a whole commit says that all is well again. */
  #attempt(what: () => void): boolean {
    const failure = this.#try(what);
    if (failure !== '') this.#failure = failure;
    return failure === '';
  }

  /** What they do not depend on. */
  #aside(what: () => void): boolean {
    this.#trouble = this.#try(what);
    return this.#trouble === '';
  }

  /** What failed, in a few words; '' if nothing did. */
  #try(what: () => void): string {
    try {
      what();
      return '';
    } catch (error) {
      const { code, syscall = '' } = error as NodeJS.ErrnoException;
      if (isFull(error) && this.#reserve.give()) return this.#try(what);
      this.#failures++;
      if (code === undefined) return error instanceof Error ? error.message : String(error);
      return `${code}${syscall === '' ? '' : ` at ${syscall}`}`;
    }
  }

  #today(): string {
    return this.#time().slice(0, 10);
  }

  #time(): string {
    return new Date(this.#parts.now()).toISOString();
  }
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** A name that a key may have. */
function safeName(host: string): string {
  const name = (host === '' ? hostname() : host).replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 253);
  return name === '' ? 'localhost' : name;
}

/** Time and type of a line of ours. */
function headOf(line: string): { readonly type: string; readonly time: string } {
  const match = /^\{"v":1,"n":[0-9]{1,16},"time":"([^"]{1,40})","type":"([a-z]{1,20})"/.exec(
    line.slice(0, 200),
  );
  return { time: match?.[1] ?? '', type: match?.[2] ?? '' };
}

/** The time of a text that was handed over. */
function timeOf(text: string): string {
  return text.slice('"time":"'.length, '"time":"'.length + 24);
}
