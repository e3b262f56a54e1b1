/**
 * The place of the last record of a stream, and how many records were made of the same line: what is on disk
 * decides where a restart goes on, not what a process remembered.
 */
import * as fs from 'node:fs';
import { daysOf, linesFile, MAX_LINE_BYTES } from '../../archive/layout.ts';
import type { Recorded } from '../collector.ts';

const LF = 10;
/** Days in which a record of ours is looked for. */
const MAX_DAYS = 40;

/** Records that are looked at for lines that come again: some 10 MiB, and more than a queue of rsyslog holds by default. */
const MAX_RECENT = 20_000;

/** The places of the latest records of this kind of source. Throws the error of a system call. */
export function recentlyRecorded(stream: string, kind: string): Set<string> {
  const positions = new Set<string>();
  if (!fs.existsSync(stream)) return positions;
  let left = MAX_RECENT;
  for (const day of daysOf(stream).reverse().slice(0, MAX_DAYS))
    for (const line of linesBackwards(linesFile(stream, day))) {
      if (left-- === 0) return positions;
      const source = sourceOf(line);
      if (source?.kind === kind) positions.add(source.position);
    }
  return positions;
}

/** null: there is no record of this kind of source. Throws the error of a system call. */
export function lastRecorded(stream: string, kind: string): Recorded | null {
  let last = null as Recorded | null;
  if (!fs.existsSync(stream)) return null;
  for (const day of daysOf(stream).reverse().slice(0, MAX_DAYS)) {
    for (const line of linesBackwards(linesFile(stream, day))) {
      const source = sourceOf(line);
      // others are of another source, which was read in between
      if (source === null || source.kind !== kind || source.position === '') continue;
      if (last === null) last = { position: source.position, count: 1 };
      else if (source.position === last.position) last = { position: last.position, count: last.count + 1 };
      else return last;
    }
  }
  return last;
}

function sourceOf(line: string): { readonly kind: string; readonly position: string } | null {
  // our records end with it
  if (!line.includes(',"source":{"kind":"')) return null;
  try {
    const { source } = JSON.parse(line);
    return typeof source?.kind === 'string' && typeof source.position === 'string' ? source : null;
  } catch {
    return null;
  }
}

/** Whole lines, the last one first. */
function* linesBackwards(file: string): Generator<string> {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    const chunk = Buffer.allocUnsafe(4 * MAX_LINE_BYTES);
    // a line without an end was never finished
    let end = fs.fstatSync(fd).size;
    let first = true;
    while (end > 0) {
      const begin = Math.max(0, end - chunk.length);
      const read = fs.readSync(fd, chunk, 0, end - begin, begin);
      let stop = chunk.lastIndexOf(LF, read - 1);
      if (stop < 0) return;
      if (!first && stop !== read - 1) return;
      first = false;
      for (let start = chunk.lastIndexOf(LF, stop - 1); start >= 0 && stop > 0; ) {
        yield chunk.toString('utf8', start + 1, stop);
        stop = start;
        start = stop === 0 ? -1 : chunk.lastIndexOf(LF, stop - 1);
      }
      if (begin === 0) {
        yield chunk.toString('utf8', 0, stop);
        return;
      }
      end = begin + stop + 1;
    }
  } finally {
    fs.closeSync(fd);
  }
}
