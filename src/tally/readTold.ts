/**
 * Reads what the daemon told the MTA to demand: from the lines of the daemon's stream on a day and the day before. Of a
 * million lines some hundred are about that, so the others are passed by without parsing.
 */
import { join } from 'node:path';
import { addDays } from '../archive/day.ts';
import { linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import { codeOf } from '../files/systemError.ts';
import { readRecord } from '../trace/readRecord.ts';
import { Told } from './told.ts';

const LF = 10;
const COMMA = 0x2c;
const HEAD_BYTES = '{"v":1,"n":'.length;
const MAX_DIGITS = 16;
/** From the end of the number to the word of the type. */
const TO_WORD = ',"time":"2026-11-30T01:02:03.456Z","type":"'.length;
const TYPE = Buffer.from('"type":"');
/** What the words map, start and reload begin with. */
const FIRST: readonly (number | undefined)[] = [...Buffer.from('msr')];

/** Files of the daemon's stream from which a day of the collector is counted, too. */
export function toldFiles(directory: string, day: string): string[] {
  const folder = join(directory, 'daemon');
  return [addDays(day, -1), day].map((one) => linesFile(folder, one));
}

/** Throws the error of open(2) or read(2), unless there is no such file: then nothing is claimed. */
export function readTold(files: readonly string[]): Told {
  const told = new Told();
  for (const file of files) {
    try {
      for (const { bytes, start, end } of chunksOf(file))
        for (let at = start; at < end; ) {
          const stop = bytes.indexOf(LF, at);
          const looked = stop - at <= MAX_LINE_BYTES && maySay(bytes, at);
          const record = looked ? readRecord(bytes.subarray(at, stop)) : null;
          if (record !== null) told.add(record);
          at = stop + 1;
        }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && !(error instanceof EndlessLineError)) throw error;
    }
  }
  return told;
}

/** False: the line, as the writer writes it, is of another type. */
function maySay(bytes: Buffer, start: number): boolean {
  let at = start + HEAD_BYTES;
  for (const last = at + MAX_DIGITS; at < last && bytes[at] !== COMMA; ) at++;
  const word = at + TO_WORD;
  for (let i = 0; i < TYPE.length; i++) if (bytes[word - TYPE.length + i] !== TYPE[i]) return true;
  return FIRST.includes(bytes[word]);
}
