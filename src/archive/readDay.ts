/**
 * Reads the lines of a day in large chunks, without making a string or a copy of each.
 *
 * A chunk holds whole lines, each with its LF, and one byte in front of the first that the reader may write to:
 * with a 0x00 there (and in place of the LF before each other line) the bytes of a leaf stand one behind the other.
 * What follows the last LF of a file is no line: it is the rest, whose length is returned. A file that grows
 * meanwhile is read to the length that it had when it was opened.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { MAX_LINE_BYTES } from './layout.ts';

const CHUNK_BYTES = 1 << 20;
const LF = 10;

/** Whole lines in `bytes` from `start`, which is 1 or more, to `end`; `offset` is where they begin in the file. */
interface Chunk {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** From `offset` on there is no LF within the length that a line may have. */
export class EndlessLineError extends Error {
  readonly offset: number;

  constructor(file: string, offset: number) {
    super(`${file}: no line ends within ${MAX_LINE_BYTES} bytes after byte ${offset}`);
    this.name = 'EndlessLineError';
    this.offset = offset;
  }
}

/**
 * The lines of a file from the byte `from` on, which must begin a line. A chunk is valid until the next one is
 * asked for; a line in it can be too long. Returns how many bytes follow the last LF. Throws the error of open(2) or
 * read(2), and EndlessLineError after the lines before one that does not end.
 */
export function* chunksOf(file: string, from = 0): Generator<Chunk, number> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw Object.assign(new Error(`${file}: is not a file`), { code: 'EINVAL' });
    const bytes = Buffer.allocUnsafe(1 + MAX_LINE_BYTES + CHUNK_BYTES);
    let offset = from;
    // bytes of a line whose end is not read yet; they stand from byte 1 on
    let kept = 0;
    while (offset + kept < status.size) {
      const room = Math.min(CHUNK_BYTES, status.size - offset - kept);
      const read = readSync(fd, bytes, 1 + kept, room, offset + kept);
      if (read === 0) break;
      const filled = 1 + kept + read;
      const end = bytes.lastIndexOf(LF, filled - 1) + 1;
      if (end > 1) {
        yield { bytes, start: 1, end, offset };
        offset += end - 1;
        bytes.copy(bytes, 1, end, filled);
        kept = filled - end;
      } else kept = filled - 1;
      if (kept > MAX_LINE_BYTES) throw new EndlessLineError(file, offset);
    }
    return kept;
  } finally {
    closeSync(fd);
  }
}

/**
 * Each line without its LF, valid until the next one is asked for; the next begins one byte behind its end.
 * Returns and throws what `chunksOf` does, EndlessLineError for every line that is too long.
 */
export function* linesOf(file: string, from = 0): Generator<Uint8Array, number> {
  const chunks = chunksOf(file, from);
  try {
    for (let next = chunks.next(); ; next = chunks.next()) {
      if (next.done === true) return next.value;
      const { bytes, start: first, end, offset } = next.value;
      for (let start = first; start < end; ) {
        const stop = bytes.indexOf(LF, start);
        if (stop - start > MAX_LINE_BYTES) throw new EndlessLineError(file, offset + start - first);
        yield bytes.subarray(start, stop);
        start = stop + 1;
      }
    }
  } finally {
    // whoever needs no more lines closes the file
    chunks.return(0);
  }
}
