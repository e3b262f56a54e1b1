/**
 * Which blocks of a day are sent next, and that what they hold is what was signed.
 *
 * Blocks are cut at the record numbers that BLOCK_RECORDS divides, and sooner where their lines have more than
 * BLOCK_BYTES; a block begins where the one before ends. So the same lines always make the same blocks, however often they
 * are sent. The last one of a day that still grows is its tail.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { Frontier } from '../evidence/merkle.ts';
import { codeOf } from '../files/systemError.ts';

const BLOCK_RECORDS = 10_000;
const BLOCK_BYTES = 8 << 20;
const LF = 10;

/** Where a block of a day begins. */
export interface BlockStart {
  /** Its first record. */
  readonly index: number;
  /** Its first byte in the file. */
  readonly offset: number;
  /** The tree of the records before it (`Frontier.hashes`). */
  readonly frontier: readonly Buffer[];
}

export interface Block {
  readonly start: BlockStart;
  /** Behind its last record. */
  readonly end: BlockStart;
  /** Nothing can be added to it. */
  readonly full: boolean;
}

export const DAY_START: BlockStart = { index: 0, offset: 0, frontier: [] };

/** The lines of a day are not those that were signed; the message says how. */
export class TreeError extends Error {}

/**
 * The blocks from `start` to the end of what `head` covers. Reads and hashes these lines. Throws TreeError, and the
 * error of open(2) or read(2).
 */
export function planBlocks(file: string, start: BlockStart, head: Checkpoint): Block[] {
  const tree = new Frontier(start.index, start.frontier);
  const blocks: Block[] = [];
  let offset = start.offset;
  let begin = start;
  const cut = (full: boolean): void => {
    const end = { index: tree.size, offset, frontier: tree.hashes() };
    blocks.push({ start: begin, end, full });
    begin = end;
  };
  for (const length of hashed(file, tree, offset, head.size)) {
    // only now is it known that this line does not fit; it is in the tree already, so it is the last of its block
    offset += length;
    if (tree.size % BLOCK_RECORDS === 0 || offset - begin.offset >= BLOCK_BYTES) cut(true);
  }
  if (tree.size < head.size)
    throw new TreeError(`${file} has ${tree.size} whole lines, and ${head.size} were signed`);
  if (offset !== head.bytes || !tree.root().equals(head.root))
    throw new TreeError(`the lines of ${file} are not those that were signed`);
  if (tree.size > begin.index) cut(false);
  return blocks;
}

/** Adds line by line to the tree, up to `size` lines, and yields the bytes of each with its LF. */
function* hashed(file: string, tree: Frontier, from: number, size: number): Generator<number> {
  if (tree.size >= size) return;
  try {
    for (const { bytes, start, end } of chunksOf(file, from)) {
      for (let at = start; at < end; ) {
        const stop = bytes.indexOf(LF, at);
        bytes[at - 1] = 0;
        tree.addHashOf(bytes.subarray(at - 1, stop));
        yield stop + 1 - at;
        if (tree.size === size) return;
        at = stop + 1;
      }
    }
  } catch (error) {
    if (error instanceof EndlessLineError) throw new TreeError(error.message);
    if (codeOf(error) === 'ENOENT') throw new TreeError(`${file} is gone, and ${size} lines were signed`);
    throw error;
  }
}

/** The lines of a block without their LF, as bytes. Throws the error of open(2) or read(2), or TreeError. */
export function readBlock(file: string, { start, end }: Block): Buffer[] {
  const bytes = Buffer.alloc(end.offset - start.offset);
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, bytes.length - at, start.offset + at);
      if (read === 0) throw new TreeError(`${file} was cut while it was read`);
      at += read;
    }
  } finally {
    closeSync(fd);
  }
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const stop = bytes.indexOf(LF, at);
    if (stop < 0) break;
    lines.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  if (lines.length !== end.index - start.index) throw new TreeError(`${file} was changed while it was read`);
  return lines;
}
