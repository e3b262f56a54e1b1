/**
 * Reads a log file and goes on through its rotation: by rename (logrotate, `postfix logrotate`), by copy and
 * truncation (logrotate's `copytruncate`), also while the reader was not running. What was rotated and compressed
 * before it was read is lost, and said.
 *
 * After a rename the writer may still write to the old file until it opens the new one, so the old one is left
 * only when nothing came for `quietMs`. A line is read when its end is there; the last one of a file that was
 * left, as it is.
 */
import * as fs from 'node:fs';
import { MAX_LINE } from '../logLine.ts';
import { filesOf, formatPlace, type OpenLog, openLog, parsePlace } from './logFiles.ts';
import { pause } from './pause.ts';
import type { Batch, Source, SourceLine } from './source.ts';

const LF = 10;
const CHUNK = 4 * MAX_LINE;
/** Bytes before the place that must still be the same. */
const TAIL = 64;

interface FileOptions {
  readonly path: string;
  /** Ends when everything that is there was read. */
  readonly once: boolean;
  readonly pollMs?: number;
  readonly quietMs?: number;
}

export class FileSource implements Source {
  readonly kind = 'file';
  readonly silenceMs = 0;
  readonly givesLineAgain = true;
  readonly name: string;
  readonly #path: string;
  readonly #once: boolean;
  readonly #pollMs: number;
  readonly #quietMs: number;

  /** Throws the error of the system when there is no such file. */
  constructor({ path, once, pollMs = 250, quietMs = 5000 }: FileOptions) {
    this.#path = fs.realpathSync(path);
    this.name = this.#path;
    this.#once = once;
    this.#pollMs = pollMs;
    this.#quietMs = once ? 0 : quietMs;
  }

  has(place: string): boolean {
    const start = parsePlace(place);
    const log = start === null ? null : this.#find(start.id, start.offset);
    if (log !== null) fs.closeSync(log.fd);
    return log !== null;
  }

  async *batches(from: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    let lost: { why: string; count: null }[] = [];
    const start = from === null ? null : parsePlace(from);
    let log = start === null ? null : this.#find(start.id, start.offset);
    let offset = log === null ? 0 : start!.offset;
    if (from !== null && log === null)
      lost.push({ why: `${this.#path}: what was read last is gone (compressed or removed)`, count: null });
    const reader = new LineReader();
    try {
      while (!signal.aborted) {
        log ??= openLog(this.#path);
        if (log === null) {
          if (this.#once) return;
          await pause(this.#pollMs, signal);
          continue;
        }
        reader.begin(log, offset);
        let quietSince: number | null = null;
        while (!signal.aborted) {
          const begun = reader.offset;
          const lines = reader.read();
          if (lines === null) {
            const copy = this.#copyOf(reader);
            if (copy === null)
              lost.push({ why: `${this.#path} was cut, and no copy of it was found`, count: null });
            else yield* this.#rest(copy, reader.offset, signal);
            break;
          }
          const next = (): string => formatPlace({ id: reader.id, offset: reader.offset });
          if (reader.offset > begun) {
            yield { lost, lines, next: next(), caughtUp: false };
            lost = [];
            quietSince = null;
            continue;
          }
          quietSince ??= Date.now();
          const replaced = this.#isReplaced(log);
          if (replaced && Date.now() - quietSince >= this.#quietMs) {
            const last = reader.last();
            if (last.length > 0) yield { lost: [], lines: last, next: next(), caughtUp: false };
            break;
          }
          // behind the end of a file that was rotated there is the next one
          yield { lost, lines, next: next(), caughtUp: !replaced };
          lost = [];
          if (this.#once && !replaced) return;
          await pause(this.#pollMs, signal);
        }
        if (signal.aborted) return;
        const before = log;
        const following = this.#after(before);
        lost.push(...following.lost);
        fs.closeSync(before.fd);
        log = following.log;
        offset = 0;
      }
    } finally {
      if (log !== null) fs.closeSync(log.fd);
    }
  }

  /** The file of that first line, if it is long enough. */
  #find(id: string, offset: number): OpenLog | null {
    // the newest first: the log itself, nearly always
    for (const { path, compressed } of filesOf(this.#path).reverse()) {
      const log = compressed ? null : openLog(path);
      if (log === null) continue;
      if (log.id === id && fs.fstatSync(log.fd).size >= offset && endsLine(log.fd, offset)) return log;
      fs.closeSync(log.fd);
    }
    return null;
  }

  /** Does another file have the name, or did this one get another first line? */
  #isReplaced({ fd, path }: OpenLog): boolean {
    if (path !== this.#path) return true;
    const now = fs.statSync(this.#path, { throwIfNoEntry: false });
    return now !== undefined && now.ino !== fs.fstatSync(fd).ino;
  }

  /** What rotation by copy kept of the file that was cut. */
  #copyOf({ id, offset, tail }: LineReader): OpenLog | null {
    for (const { path, compressed } of filesOf(this.#path).reverse()) {
      if (path === this.#path || compressed) continue;
      const copy = openLog(path);
      if (copy === null) continue;
      const bytes = Buffer.alloc(tail.length);
      fs.readSync(copy.fd, bytes, 0, tail.length, offset - tail.length);
      if (copy.id === id && bytes.equals(tail)) return copy;
      fs.closeSync(copy.fd);
    }
    return null;
  }

  /** The lines of the copy that were not read from the file itself. */
  async *#rest(copy: OpenLog, offset: number, signal: AbortSignal): AsyncGenerator<Batch> {
    const reader = new LineReader();
    reader.begin(copy, offset);
    try {
      while (!signal.aborted) {
        const lines = reader.read() ?? [];
        const all = lines.length > 0 ? lines : reader.last();
        if (all.length === 0) return;
        yield {
          lost: [],
          lines: all,
          next: formatPlace({ id: copy.id, offset: reader.offset }),
          caughtUp: false,
        };
      }
    } finally {
      fs.closeSync(copy.fd);
    }
  }

  /** The file that came after this one, and what cannot be read in between; null: the log itself. */
  #after({ fd, path }: OpenLog): { log: OpenLog | null; lost: { why: string; count: null }[] } {
    const lost: { why: string; count: null }[] = [];
    const { ino, mtimeMs } = fs.fstatSync(fd);
    const files = filesOf(this.#path);
    const at = files.findIndex((file) => file.ino === ino);
    const later = at >= 0 ? files.slice(at + 1) : files.filter((file) => file.mtimeMs > mtimeMs);
    for (const file of path === this.#path && at === files.length - 1 ? [] : later) {
      if (file.path === this.#path) break;
      if (file.compressed) {
        lost.push({ why: `${file.path}: was compressed before it was read`, count: null });
        continue;
      }
      const log = openLog(file.path);
      if (log !== null) return { log, lost };
    }
    return { log: null, lost };
  }
}

function endsLine(fd: number, offset: number): boolean {
  if (offset === 0) return true;
  const byte = Buffer.alloc(1);
  return fs.readSync(fd, byte, 0, 1, offset - 1) === 1 && byte[0] === LF;
}

/** Whole lines of one file from a place on. */
class LineReader {
  readonly #bytes = Buffer.allocUnsafe(TAIL + CHUNK);
  #fd = -1;
  /** The file is in the middle of a line that is too long. */
  #skipping = false;
  id = '';
  offset = 0;
  /** The bytes before `offset`. */
  tail: Buffer = Buffer.alloc(0);

  begin({ fd, id }: OpenLog, offset: number): void {
    this.#fd = fd;
    this.#skipping = false;
    this.id = id;
    this.offset = offset;
    this.tail = Buffer.alloc(Math.min(TAIL, offset));
    fs.readSync(fd, this.tail, 0, this.tail.length, offset - this.tail.length);
  }

  /** The lines that are there, up to a chunk; null: the file was cut. */
  read(): SourceLine[] | null {
    const kept = this.tail.length;
    const begin = this.offset - kept;
    const read = fs.readSync(this.#fd, this.#bytes, 0, kept + CHUNK, begin);
    if (read < kept || !this.#bytes.subarray(0, kept).equals(this.tail)) return null;
    const lines: SourceLine[] = [];
    let at = kept;
    for (let end = this.#bytes.indexOf(LF, at); end >= 0 && end < read; end = this.#bytes.indexOf(LF, at)) {
      if (!this.#skipping) lines.push(this.#line(at, end, begin));
      this.#skipping = false;
      at = end + 1;
    }
    if (at === kept && read === kept + CHUNK) {
      // no end within a chunk: the beginning counts, the rest of the line is left out
      if (!this.#skipping) lines.push(this.#line(at, at + MAX_LINE, begin));
      this.#skipping = true;
      at = read;
    }
    this.#advance(at, begin);
    return lines;
  }

  /** The last line of a file that nobody writes to any more, without an end. */
  last(): SourceLine[] {
    const kept = this.tail.length;
    const begin = this.offset - kept;
    const read = fs.readSync(this.#fd, this.#bytes, 0, kept + CHUNK, begin);
    // behind what was read there are bytes of earlier reads
    if (read <= kept || this.#bytes.subarray(kept, read).includes(LF)) return [];
    const lines = this.#skipping ? [] : [this.#line(kept, read, begin)];
    this.#skipping = false;
    this.#advance(read, begin);
    return lines;
  }

  #line(from: number, to: number, begin: number): SourceLine {
    return {
      position: `${this.id}:${begin + from}`,
      line: this.#bytes.toString('utf8', from, Math.min(to, from + MAX_LINE)),
    };
  }

  #advance(at: number, begin: number): void {
    if (at === this.tail.length) return;
    this.tail = Buffer.from(this.#bytes.subarray(Math.max(0, at - TAIL), at));
    this.offset = begin + at;
  }
}
