/**
 * DAY.index: where the lines with a key stand in DAY.jsonl.
 *
 *   tlsward-index 1 little {"bytes":N,"lines":N,"modified":MS,"head":"SIZE ROOT","segments":[N,...]}   up to byte 4,096
 *   64-bit words, ascending within each segment: hash of a key (high 32 bits), offset of the line / 64 (low 32 bits)
 *
 * A segment is what was sorted at once, at most 32 MiB, so a day of any size takes no more memory; a search looks into
 * each. No more than one record of ours begins within 64 bytes, and 2^32 such blocks are 256 GiB. A hash proves
 * nothing: each line that is found is read and compared.
 *
 * The file is one of convenience: it is used only while its head is that of the day's last checkpoint and the lines
 * have the size and the time of modification that they had; else it is made again, under another name first.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { besideFile, writeBeside } from '../archive/besideFile.ts';
import { chunksOf } from '../archive/readDay.ts';
import { lineKeys } from './lineKeys.ts';

const HEADER_BYTES = 4096;
const WORD_BYTES = 8;
const SEGMENT_WORDS = 1 << 22;
const MAX_SEGMENTS = 400;
export const BLOCK_BYTES = 64;
const PAGE_WORDS = 512;
const KIND = 'index';
const LF = 10;
const HIGH = endianness() === 'LE' ? 1 : 0;
const MAGIC = `tlsward-index 1 ${endianness() === 'LE' ? 'little' : 'big'} `;

/** What an index must be of. */
interface IndexedDay {
  readonly file: string;
  /** `SIZE ROOT` of the last checkpoint; '' without one. */
  readonly head: string;
}

interface Header {
  readonly bytes: number;
  readonly modified: number;
  readonly head: string;
  readonly segments: readonly number[];
}

export function indexFile(stream: string, day: string): string {
  return besideFile(stream, day, KIND);
}

/** Makes the index of a day, in place of an older one; `segmentWords`: sorted at once. Throws the error of the system. */
export function writeIndex(
  stream: string,
  day: string,
  { file, head }: IndexedDay,
  segmentWords = SEGMENT_WORDS,
): void {
  writeBeside(stream, day, KIND, file, (fd) => {
    const before = statSync(file);
    const segments = writeSegments(file, before.size, fd, segmentWords);
    const header: Header & { readonly lines: number } = {
      bytes: before.size,
      lines: segments.lines,
      modified: before.mtimeMs,
      head,
      segments: segments.words,
    };
    writeSync(fd, `${MAGIC}${JSON.stringify(header)}\n`.padEnd(HEADER_BYTES, ' '), 0);
  });
}

/** Sorts the words of all lines, a segment at a time. */
function writeSegments(
  file: string,
  bytes: number,
  fd: number,
  segmentWords: number,
): { lines: number; words: number[] } {
  const sorted = new BigUint64Array(segmentWords);
  const halves = new Uint32Array(sorted.buffer);
  const words: number[] = [];
  let lines = 0;
  let used = 0;
  let block = 0;
  let position = HEADER_BYTES;
  const flush = (): void => {
    sorted.subarray(0, used).sort();
    const count = unique(halves, used);
    if (words.push(count) > MAX_SEGMENTS)
      throw Object.assign(new Error(`${file}: too large`), { code: 'EFBIG' });
    writeSync(fd, new Uint8Array(sorted.buffer, 0, count * WORD_BYTES), 0, count * WORD_BYTES, position);
    position += count * WORD_BYTES;
    used = 0;
  };
  const found = (hash: number): void => {
    if (used === segmentWords) flush();
    halves[2 * used + HIGH] = hash;
    halves[2 * used++ + 1 - HIGH] = block;
  };
  for (const { bytes: chunk, start, end, offset } of chunksOf(file)) {
    for (let at = start; at < end && offset + at - start < bytes; lines++) {
      const stop = chunk.indexOf(LF, at);
      block = Math.floor((offset + at - start) / BLOCK_BYTES);
      if (block > 0xffffffff) throw Object.assign(new Error(`${file}: too large`), { code: 'EFBIG' });
      lineKeys(chunk, at, stop, found);
      at = stop + 1;
    }
  }
  if (used > 0) flush();
  return { lines, words };
}

/** Moves each of the sorted words to the front once, by halves; returns how many there are. */
function unique(halves: Uint32Array, words: number): number {
  let count = 0;
  for (let i = 0; i < 2 * words; i += 2) {
    if (count > 0 && halves[i] === halves[2 * count - 2] && halves[i + 1] === halves[2 * count - 1]) continue;
    halves[2 * count] = halves[i]!;
    halves[2 * count++ + 1] = halves[i + 1]!;
  }
  return count;
}

/** An index that was opened; `bytes` of the day's file are in it. */
export class DayIndex {
  readonly bytes: number;
  readonly #fd: number;
  readonly #segments: readonly number[];
  readonly #page = new BigUint64Array(PAGE_WORDS);
  readonly #halves = new Uint32Array(this.#page.buffer);

  private constructor(fd: number, { bytes, segments }: Header) {
    this.#fd = fd;
    this.bytes = bytes;
    this.#segments = segments;
  }

  /** null: there is none, it cannot be read, or it is not of this day as it is now. */
  static open(stream: string, day: string, { file, head }: IndexedDay): DayIndex | null {
    let fd: number;
    try {
      fd = openSync(indexFile(stream, day), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return null;
    }
    const header = headerOf(fd);
    const now = statSync(file);
    const fits = header?.head === head && header.bytes === now.size && header.modified === now.mtimeMs;
    if (fits) return new DayIndex(fd, header);
    closeSync(fd);
    return null;
  }

  /** Numbers of the 64-byte blocks in which lines with this hash begin, unordered. */
  blocks(hash: number): number[] {
    const blocks: number[] = [];
    let from = 0;
    for (const words of this.#segments) {
      for (let at = this.#firstPage(from, words, hash); at < words; at += PAGE_WORDS) {
        const count = this.#read(from + at, Math.min(PAGE_WORDS, words - at));
        let beyond = false;
        for (let i = 0; i < count; i++) {
          const here = this.#halves[2 * i + HIGH]!;
          if (here === hash) blocks.push(this.#halves[2 * i + 1 - HIGH]!);
          beyond = here > hash;
        }
        if (beyond || count === 0) break;
      }
      from += words;
    }
    return blocks;
  }

  /** The last page of a segment whose first word is below the hash: the first that can have it. */
  #firstPage(from: number, words: number, hash: number): number {
    let low = 0;
    let high = Math.ceil(words / PAGE_WORDS) - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      this.#read(from + middle * PAGE_WORDS, 1);
      if (this.#halves[HIGH]! < hash) low = middle;
      else high = middle - 1;
    }
    return low * PAGE_WORDS;
  }

  #read(word: number, count: number): number {
    const bytes = new Uint8Array(this.#page.buffer, 0, count * WORD_BYTES);
    return Math.floor(
      readSync(this.#fd, bytes, 0, bytes.length, HEADER_BYTES + word * WORD_BYTES) / WORD_BYTES,
    );
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function headerOf(fd: number): Header | null {
  const text = Buffer.alloc(HEADER_BYTES);
  const { size } = fstatSync(fd);
  if (readSync(fd, text, 0, HEADER_BYTES, 0) < HEADER_BYTES) return null;
  const line = text.toString('latin1', 0, text.indexOf(LF));
  if (!line.startsWith(MAGIC)) return null;
  try {
    const header = JSON.parse(line.slice(MAGIC.length)) as Header;
    const words = header.segments.reduce((sum, one) => sum + one, 0);
    return size === HEADER_BYTES + words * WORD_BYTES && header.segments.every((one) => one > 0)
      ? header
      : null;
  } catch {
    return null;
  }
}
