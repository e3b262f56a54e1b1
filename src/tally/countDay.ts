/** Counts one day of a stream from its lines. */
import { join } from 'node:path';
import { linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import { readRecord } from '../trace/readRecord.ts';
import { TallyBuilder } from './buildTally.ts';
import type { DayTally } from './dayTally.ts';
import { readTold, toldFiles } from './readTold.ts';

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

/** Files of another stream from which the day is counted, too. */
export function otherFiles({ directory, stream, day }: StreamDay): string[] {
  return stream === 'collector' ? toldFiles(directory, day) : [];
}

/** Called with the bytes that were read, some thousand times for a large day. */
export type Progress = (bytes: number) => void;

/**
 * Throws the error of open(2) or read(2). What stands behind a line that does not end within the limit is counted as
 * one line that is no record.
 */
export function countDay(one: StreamDay, progress: Progress = () => {}): DayTally {
  const builder = new TallyBuilder(one.day, readTold(otherFiles(one)));
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
