/**
 * Counts one day of a stream from its lines, and what the daemon told the MTA from the lines of the daemon's stream
 * beside it.
 */
import { join } from 'node:path';
import { addDays } from '../archive/day.ts';
import { linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import { codeOf } from '../files/systemError.ts';
import { readRecord } from '../trace/readRecord.ts';
import { scanLines } from '../trace/scanLines.ts';
import { TallyBuilder } from './buildTally.ts';
import type { DayTally } from './dayTally.ts';
import { Told } from './told.ts';

/** A day of a stream. */
export interface StreamDay {
  /** The evidence directory. */
  readonly directory: string;
  /** `daemon`, `collector`. */
  readonly stream: string;
  readonly day: string;
}

const LF = 10;

/** Folder of the stream. */
export function folderOf({ directory, stream }: StreamDay): string {
  return join(directory, stream);
}

/** Called with the bytes that were read, some thousand times for a large day. */
export type Progress = (bytes: number) => void;

/**
 * Throws the error of open(2) or read(2). What stands behind a line that does not end within the limit is counted as
 * one line that is no record.
 */
export function countDay(one: StreamDay, progress: Progress = () => {}): DayTally {
  const builder = new TallyBuilder(one.day, toldBy(one));
  try {
    for (const { bytes, start, end, offset } of chunksOf(linesFile(folderOf(one), one.day))) {
      for (let at = start; at < end; ) {
        const stop = bytes.indexOf(LF, at);
        const record = stop - at > MAX_LINE_BYTES ? null : readRecord(bytes.subarray(at, stop));
        if (record === null) builder.unreadable();
        else builder.add(record);
        at = stop + 1;
      }
      progress(offset + end - start);
    }
  } catch (error) {
    if (!(error instanceof EndlessLineError)) throw error;
    builder.unreadable();
  }
  return builder.finish();
}

const TYPES = (['map', 'start', 'reload'] as const).map((text) => ({ kind: 'type', text }) as const);

/** Files of the daemon's stream from which a day is counted, too. */
export function toldFiles({ directory, stream, day }: StreamDay): string[] {
  if (stream !== 'collector') return [];
  const folder = join(directory, 'daemon');
  return [addDays(day, -1), day].map((one) => linesFile(folder, one));
}

function toldBy(one: StreamDay): Told {
  const told = new Told();
  for (const file of toldFiles(one)) {
    try {
      for (const record of scanLines(file, TYPES, { unreadable: 0 })) told.add(record);
    } catch (error) {
      // no daemon, or none on that day; nothing is claimed then
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return told;
}
