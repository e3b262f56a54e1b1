/**
 * Recomputes the tree of a day in one pass over its lines, and compares it with what is known of the day on the way.
 *
 * A line is looked at as bytes only: its beginning must be `{"v":1,"n":INDEX,`. Its leaf is hashed where it stands.
 * More than half of the time is SHA-256 itself.
 */
import { Frontier } from '../evidence/merkle.ts';
import { chunksOf } from './readDay.ts';

const LF = 10;
const ZERO = 48;
const NINE = 57;
/** What stands in front of `n`. */
export const LINE_HEAD = Buffer.from('{"v":1,"n":');

/** What the lines up to `size` must be. */
export interface Mark {
  readonly size: number;
  readonly root: Buffer;
  /** Bytes of those lines in the file; null: not known. */
  readonly bytes: number | null;
}

export interface HashedDay {
  readonly lines: number;
  readonly bytes: number;
  /** Bytes after the last LF. */
  readonly rest: number;
  readonly root: Buffer;
  /** Does the `n` of each line count up from 0? */
  readonly counted: boolean;
  /** By mark, in their order: is it that of these lines? False too when there are fewer lines. */
  readonly fits: readonly boolean[];
}

/** The bytes `{"v":1,"n":N,` for N = 0, 1, 2 ...: counts on the bytes, so that no number is made text. */
class ExpectedHead {
  readonly bytes = Buffer.alloc(LINE_HEAD.length + 20);
  length = LINE_HEAD.length + 2;

  constructor() {
    LINE_HEAD.copy(this.bytes);
    this.bytes.write('0,', LINE_HEAD.length);
  }

  next(): void {
    let at = this.length - 2;
    for (; this.bytes[at] === NINE; at--) this.bytes[at] = ZERO;
    if (at >= LINE_HEAD.length) {
      this.bytes[at]!++;
      return;
    }
    // 99 to 100
    this.bytes.write('1', LINE_HEAD.length);
    this.bytes.fill(ZERO, LINE_HEAD.length + 1, this.length);
    this.bytes.write(',', this.length++);
  }

  begins(line: Uint8Array, start: number, stop: number): boolean {
    if (stop - start < this.length) return false;
    for (let i = this.length - 1; i >= 0; i--) if (line[start + i] !== this.bytes[i]) return false;
    return true;
  }
}

/** `marks`: smallest first. Throws what `chunksOf` does. */
export function hashDay(file: string, marks: readonly Mark[]): HashedDay {
  const tree = new Frontier();
  const head = new ExpectedHead();
  const fits: boolean[] = [];
  let counted = true;
  let bytes = 0;
  let due = marks[0]?.size ?? -1;
  const compare = (): void => {
    const root = tree.root();
    for (let mark = marks[fits.length]; mark?.size === tree.size; mark = marks[fits.length])
      fits.push(mark.root.equals(root) && (mark.bytes ?? bytes) === bytes);
    due = marks[fits.length]?.size ?? -1;
  };
  if (due === 0) compare();
  const chunks = chunksOf(file);
  for (let next = chunks.next(); ; next = chunks.next()) {
    if (next.done === true) {
      const missing = marks.slice(fits.length).map(() => false);
      const whole = { lines: tree.size, bytes, root: tree.root(), counted };
      return { ...whole, rest: next.value, fits: [...fits, ...missing] };
    }
    const { bytes: chunk, start, end } = next.value;
    for (let at = start; at < end; ) {
      const stop = chunk.indexOf(LF, at);
      if (counted) {
        counted = head.begins(chunk, at, stop);
        head.next();
      }
      chunk[at - 1] = 0;
      tree.addHashOf(chunk.subarray(at - 1, stop));
      bytes += stop + 1 - at;
      at = stop + 1;
      if (tree.size === due) compare();
    }
  }
}
