/**
 * Reads what is added to the streams of an evidence directory, from a time on: whole lines only, in the order of each
 * stream, at most so many bytes at once. Nothing of it is kept but a place in each stream.
 *
 * The place to begin at is found by halving: records of a day are in the order of time, but for a clock that was set.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { daysOf, linesFile, MAX_LINE_BYTES, streamsOf } from '../../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../../archive/readDay.ts';
import type { EvidenceRecord } from '../../evidence/record.ts';
import { codeOf } from '../../files/systemError.ts';
import { readRecord } from '../../trace/readRecord.ts';

/** Of one stream at one look. */
const MAX_BYTES = 64 * 1024 * 1024;
const LF = 10;
/** The beginning of a line, with its type; types that no alarm goes by are not parsed. */
const HEAD_BYTES = 120;
const WANTED = /"type":"(?:verdict|delivery|reload|start|map|gap)"/;

interface Place {
  day: string;
  offset: number;
}

export class Follower {
  readonly directory: string;
  readonly #from: number;
  readonly #places = new Map<string, Place>();
  /** Why nothing can be read; '' when it can. */
  trouble = '';

  /** `fromMs`: records before it are left out. */
  constructor(directory: string, fromMs: number) {
    this.directory = directory;
    this.#from = fromMs;
  }

  /** What was added since the last call. Returns whether there is more. */
  read(take: (record: EvidenceRecord) => void): boolean {
    let more = false;
    let endless = '';
    try {
      for (const { name, folder } of streamsOf(this.directory)) {
        if (name === 'alarms') continue;
        try {
          more = this.#readStream(name, folder, take) || more;
        } catch (error) {
          // what stands in front of it was read, and other streams have nothing to do with it
          if (!(error instanceof EndlessLineError)) throw error;
          endless = `${name} ${this.#places.get(name)?.day}: no line ends within ${MAX_LINE_BYTES} bytes`;
        }
      }
      this.trouble = endless;
    } catch (error) {
      if (codeOf(error) === '') throw error;
      this.trouble = codeOf(error);
    }
    return more;
  }

  #readStream(name: string, folder: string, take: (record: EvidenceRecord) => void): boolean {
    const days = daysOf(folder);
    let place = this.#places.get(name);
    if (place === undefined) {
      if (days.length === 0) return false;
      place = this.#begin(folder, days);
      this.#places.set(name, place);
    }
    let left = MAX_BYTES;
    const due = days.filter((one) => one >= place.day);
    for (const [i, day] of due.entries()) {
      if (day > place.day) Object.assign(place, { day, offset: 0 });
      try {
        left -= readOn(linesFile(folder, day), place, left, take);
      } catch (error) {
        // nothing more comes of a day that is over
        if (!(error instanceof EndlessLineError) || i === due.length - 1) throw error;
      }
      if (left <= 0) return true;
    }
    return false;
  }

  #begin(folder: string, days: readonly string[]): Place {
    const wanted = new Date(this.#from).toISOString();
    const day = days.filter((one) => one <= wanted.slice(0, 10)).at(-1) ?? days[0]!;
    return { day, offset: offsetOf(linesFile(folder, day), wanted) };
  }
}

/** Reads on from the place; returns how many bytes. */
function readOn(file: string, place: Place, limit: number, take: (record: EvidenceRecord) => void): number {
  const from = place.offset;
  const chunks = chunksOf(file, from);
  try {
    for (const { bytes, start, end, offset } of chunks) {
      for (let at = start; at < end; ) {
        const stop = bytes.indexOf(LF, at);
        const head = bytes.toString('latin1', at, Math.min(stop, at + HEAD_BYTES));
        const record = WANTED.test(head) ? readRecord(bytes.subarray(at, stop)) : null;
        if (record !== null) take(record);
        at = stop + 1;
      }
      place.offset = offset + end - start;
      if (place.offset - from >= limit) break;
    }
  } finally {
    chunks.return(0);
  }
  return place.offset - from;
}

/** Where the first line begins whose time is not before `time`. */
function offsetOf(file: string, time: string): number {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.allocUnsafe(2 * MAX_LINE_BYTES);
    let low = 0;
    let high = fstatSync(fd).size;
    // a line that begins at `low` is before it, or `low` is 0; one that begins at or behind `high` is not
    while (high - low > MAX_LINE_BYTES) {
      const middle = low + Math.floor((high - low) / 2);
      const filled = readSync(fd, buffer, 0, buffer.length, middle);
      const lf = buffer.subarray(0, filled).indexOf(LF);
      const begins = middle + lf + 1;
      if (lf < 0 || begins >= high) high = middle;
      else if (timeOf(buffer.toString('latin1', lf + 1, lf + 1 + HEAD_BYTES)) < time) low = begins;
      else high = middle;
    }
    return low;
  } finally {
    closeSync(fd);
  }
}

function timeOf(head: string): string {
  return /"time":"([^"]{1,40})"/.exec(head)?.[1] ?? '';
}
