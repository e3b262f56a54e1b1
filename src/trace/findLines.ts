/**
 * The records of one day of a stream that have one of several keys: by the index of the day, or by looking at all of
 * its bytes, which is for the current day and for folders that cannot be written to.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { addDays } from '../archive/day.ts';
import { checkpointFile, linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import type { EvidenceRecord } from '../evidence/record.ts';
import { BLOCK_BYTES, DayIndex, writeIndex } from './indexFile.ts';
import { lastHead } from './lastHead.ts';
import { hashOf } from './lineKeys.ts';
import { readRecord } from './readRecord.ts';
import { hasKey, type Key } from './recordKeys.ts';
import { scanLines, type Trouble } from './scanLines.ts';

const LF = 10;
const WINDOW_BYTES = 1 << 16;

/** A day of a stream. */
interface StreamDay {
  /** Folder of the stream. */
  readonly folder: string;
  readonly day: string;
  /** No line is appended to it any more. */
  readonly finished: boolean;
  /** Called before an index is made, which takes seconds. */
  readonly indexing?: (day: string) => void;
}

/** In the order of the lines. Throws the error of open(2) or read(2). */
export function* findLines(
  day: StreamDay,
  keys: readonly Key[],
  trouble: Trouble,
): Generator<EvidenceRecord> {
  const possible = keys.filter((key) => isPossible(key, day.day));
  if (possible.length === 0) return;
  const index = indexOf(day);
  if (index === null) {
    yield* scanLines(linesFile(day.folder, day.day), possible, trouble);
    return;
  }
  try {
    yield* byIndex(linesFile(day.folder, day.day), index, possible, trouble);
  } finally {
    index.close();
  }
}

const PSEUDONYM = /^h:(\d{4}-\d{2}):/;

/** A pseudonym has the month of its record, which may be read long after, and not before: clocks differ by less than a day. */
function isPossible({ kind, text }: Key, day: string): boolean {
  if (kind !== 'address' && kind !== 'messageId') return true;
  const pseudonym = PSEUDONYM.exec(text);
  return pseudonym === null || pseudonym[1]! <= addDays(day, 1).slice(0, 7);
}

/** The index of a finished day, made when there is none; null when it cannot be. */
function indexOf({ folder, day, finished, indexing }: StreamDay): DayIndex | null {
  if (!finished) return null;
  const indexed = { file: linesFile(folder, day), head: lastHead(checkpointFile(folder, day)) };
  const known = DayIndex.open(folder, day, indexed);
  if (known !== null) return known;
  indexing?.(day);
  try {
    writeIndex(folder, day, indexed);
  } catch (error) {
    // not ours to write to, or no room: looking at all bytes takes longer and gives the same
    if (!(error instanceof Error && 'code' in error)) throw error;
    return null;
  }
  return DayIndex.open(folder, day, indexed);
}

function* byIndex(
  file: string,
  index: DayIndex,
  keys: readonly Key[],
  trouble: Trouble,
): Generator<EvidenceRecord> {
  const blocks = new Set<number>();
  for (const key of keys) for (const block of index.blocks(hashOf(key))) blocks.add(block);
  if (blocks.size === 0) return;
  const lines = new LineWindow(file);
  try {
    for (const block of Float64Array.from(blocks).sort())
      for (const line of lines.beginningIn(block * BLOCK_BYTES)) {
        const record = readRecord(line);
        if (record === null) trouble.unreadable++;
        else if (keys.some((key) => hasKey(record, key))) yield record;
      }
  } finally {
    lines.close();
  }
}

/** Reads lines of a file at ascending offsets, several at a time. */
class LineWindow {
  readonly #fd: number;
  #bytes = Buffer.alloc(WINDOW_BYTES + MAX_LINE_BYTES + 2 * BLOCK_BYTES);
  #from = 0;
  #filled = 0;

  constructor(file: string) {
    this.#fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  /** The lines that begin within the block at `offset`; valid until the next call. */
  *beginningIn(offset: number): Generator<Uint8Array> {
    // with the byte in front, which is the LF of the line before
    const first = Math.max(0, offset - 1);
    this.#fill(first, BLOCK_BYTES + 1 + 4096);
    let at = first - this.#from;
    let begin = offset === 0 ? 0 : this.#bytes.subarray(0, this.#filled).indexOf(LF, at) + 1;
    while ((begin > 0 || offset === 0) && begin + this.#from < offset + BLOCK_BYTES) {
      let end = this.#bytes.subarray(0, this.#filled).indexOf(LF, begin);
      if (end < 0) {
        const start = begin + this.#from;
        this.#fill(start, MAX_LINE_BYTES + 1);
        begin = start - this.#from;
        end = this.#bytes.subarray(0, this.#filled).indexOf(LF, begin);
        if (end < 0) return;
      }
      yield this.#bytes.subarray(begin, end);
      at = end;
      begin = at + 1;
    }
  }

  /** Makes `length` bytes from `offset` on be in the window, as far as there are. */
  #fill(offset: number, length: number): void {
    if (offset >= this.#from && offset + length <= this.#from + this.#filled) return;
    this.#from = offset;
    // far from each other, most lines are read one by one: a small read is enough
    const wanted = length > 4 * 4096 ? this.#bytes.length : WINDOW_BYTES;
    this.#filled = readSync(this.#fd, this.#bytes, 0, wanted, offset);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
