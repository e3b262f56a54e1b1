/**
 * The leaf hash and the `n` of every line of a day, for looking closely at one that does not hold. 40 bytes a line.
 */
import { HASH_BYTES, sha256Into } from '../evidence/merkle.ts';
import { LINE_HEAD } from './hashDay.ts';
import { chunksOf, EndlessLineError } from './readDay.ts';

/** More lines are not looked at closely: they would take more than 160 MB. */
export const MAX_LEAVES = 4_000_000;

const LF = 10;
const COMMA = 44;
const ZERO = 48;
const MAX_DIGITS = 15;

/** Lines in the order of the file. */
export interface Leaves {
  readonly count: number;
  /** By line; -1: it does not begin as a record does. */
  readonly n: Float64Array;
  readonly hashes: Buffer;
  /** Are there lines that were not read: more than MAX_LEAVES, or one without an end? */
  readonly cut: boolean;
}

export function readLeaves(file: string): Leaves {
  let n = new Float64Array(1 << 10);
  let hashes = Buffer.alloc(HASH_BYTES << 10);
  let count = 0;
  try {
    for (const { bytes, start, end } of chunksOf(file)) {
      for (let at = start; at < end; count++) {
        if (count === MAX_LEAVES) return { count, n, hashes, cut: true };
        if (count === n.length) {
          const more = new Float64Array(2 * count);
          more.set(n);
          n = more;
          hashes = Buffer.concat([hashes, Buffer.alloc(hashes.length)]);
        }
        const stop = bytes.indexOf(LF, at);
        n[count] = indexOf(bytes, at, stop);
        bytes[at - 1] = 0;
        sha256Into(bytes.subarray(at - 1, stop), hashes, HASH_BYTES * count);
        at = stop + 1;
      }
    }
  } catch (error) {
    if (!(error instanceof EndlessLineError)) throw error;
    return { count, n, hashes, cut: true };
  }
  return { count, n, hashes, cut: false };
}

/** The `n` of the line in `bytes` from `start` to `stop`, or -1. */
function indexOf(bytes: Buffer, start: number, stop: number): number {
  const first = start + LINE_HEAD.length;
  if (stop - start <= LINE_HEAD.length || bytes.compare(LINE_HEAD, 0, LINE_HEAD.length, start, first) !== 0)
    return -1;
  let n = 0;
  let at = first;
  for (; at < stop && at - first <= MAX_DIGITS; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) break;
    n = 10 * n + digit;
  }
  const digits = at - first;
  const written = digits > 0 && digits <= MAX_DIGITS && (bytes[first] !== ZERO || digits === 1);
  return written && at < stop && bytes[at] === COMMA ? n : -1;
}
