/**
 * Finds the boundary lines of nested multiparts in a body, in one pass. This is work that yields (core/work.ts): a body
 * of 2 MiB whose lines are all compared with 16 boundaries takes longer than other connections may wait.
 *
 * A boundary line is `--boundary`, or `--boundary--` for the last one, with optional white space after it, at
 * the start of a line (RFC 2046 section 5.1.1). The CRLF before it belongs to it. Readers differ in the rest,
 * and every difference can be used to show one text to a filter and another to a person, so each of these
 * stops the parsing ('boundary-ambiguous'):
 * - a line that starts with `--boundary` and continues with other text (RFC 2046 lets a reader compare only
 *   the beginning), unless the whole line is the boundary of another open multipart;
 * - a boundary line next to a bare CR or LF, which some readers take for a line end;
 * - two open multiparts with the same boundary, or the boundary of a multipart that is closed already.
 */
import type { Work } from '../core/work.ts';
import type { SkipReason } from './skipReasons.ts';

/** Ends the reading of a structure; `part` as in Skipped. */
export class Unreadable extends Error {
  readonly reason: SkipReason;
  readonly part: string;
  constructor(reason: SkipReason, part: string) {
    super(reason);
    this.reason = reason;
    this.part = part;
  }
}

export interface Delimiter {
  /** Offset of its first hyphen. */
  readonly start: number;
  /** Offset behind its line end. */
  readonly after: number;
  /** Index of the open multipart it belongs to, 0 the outermost. */
  readonly level: number;
  readonly close: boolean;
}

interface Open {
  readonly boundary: Buffer;
  readonly path: string;
  closed: boolean;
}

/** Bytes between two yields. */
const STEP_BYTES = 65_536;

const CR = 0x0d;
const LF = 0x0a;
const HYPHEN = 0x2d;

/** A loop of our own: a native call for each of a million short lines costs more than comparing the bytes. */
function startsWithAt(body: Buffer, wanted: Buffer, from: number, end: number): boolean {
  if (end - from < wanted.length) return false;
  for (let at = 0; at < wanted.length; at++) if (body[from + at] !== wanted[at]) return false;
  return true;
}

/** What follows `--boundary` on a line: nothing, the closing hyphens, or something else. */
function ending(body: Buffer, from: number, end: number): 'open' | 'close' | 'other' {
  let last = end;
  while (last > from && (body[last - 1] === 0x20 || body[last - 1] === 0x09)) last--;
  if (last === from) return 'open';
  if (last === from + 2 && body[from] === HYPHEN && body[from + 1] === HYPHEN) return 'close';
  return 'other';
}

export class BoundaryReader {
  readonly #body: Buffer;
  readonly #open: Open[] = [];
  /** Offset at which the next yield is due. */
  #pause = STEP_BYTES;

  constructor(body: Buffer) {
    this.#body = body;
  }

  push(boundary: string, path: string): void {
    this.#open.push({ boundary: Buffer.from(boundary, 'latin1'), path, closed: false });
  }

  /** The innermost multipart has had its last boundary; the boundary is still looked for until `pop`. */
  close(): void {
    this.#open.at(-1)!.closed = true;
  }

  pop(): void {
    this.#open.pop();
  }

  /** The next boundary line at or after `from`, which is the start of a line; null at the end of the body. */
  *next(from: number): Work<Delimiter | null> {
    const body = this.#body;
    for (let at = from; at < body.length; ) {
      if (at >= this.#pause) {
        this.#pause = at + STEP_BYTES;
        yield;
      }
      let end = at;
      while (end < body.length && body[end] !== LF && body[end] !== CR) end++;
      const crlf = body[end] === CR && body[end + 1] === LF;
      const after = Math.min(body.length, end + (crlf ? 2 : 1));
      if (body[at] === HYPHEN && body[at + 1] === HYPHEN) {
        const found = this.#match(at, end);
        if (found !== null) {
          const cleanStart = at === from || (body[at - 1] === LF && body[at - 2] === CR);
          if (!cleanStart || !(crlf || end === body.length))
            throw new Unreadable('boundary-ambiguous', found.path);
          return { start: at, after, level: found.level, close: found.close };
        }
      }
      at = after;
    }
    return null;
  }

  #match(at: number, end: number): { level: number; close: boolean; path: string } | null {
    let found: { level: number; close: boolean; path: string } | null = null;
    let doubtful: string | null = null;
    for (let level = 0; level < this.#open.length; level++) {
      const open = this.#open[level]!;
      const { boundary, path } = open;
      if (!startsWithAt(this.#body, boundary, at + 2, end)) continue;
      const how = ending(this.#body, at + 2 + boundary.length, end);
      if (how === 'other') doubtful = path;
      else if (found !== null || open.closed) throw new Unreadable('boundary-ambiguous', path);
      else found = { level, close: how === 'close', path };
    }
    if (found === null && doubtful !== null) throw new Unreadable('boundary-ambiguous', doubtful);
    return found;
  }
}
