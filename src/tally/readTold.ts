/** Reads what the daemon told the MTA to demand: from the lines of the daemon's stream on a day and the day before. */
import { join } from 'node:path';
import { addDays } from '../archive/day.ts';
import { linesFile } from '../archive/layout.ts';
import { Told } from './told.ts';
import { recordsOfTypes } from './typeScan.ts';

/** Files of the daemon's stream from which a day of the collector is counted, too. */
export function toldFiles(directory: string, day: string): string[] {
  const folder = join(directory, 'daemon');
  return [addDays(day, -1), day].map((one) => linesFile(folder, one));
}

/** Throws the error of open(2) or read(2), unless there is no such file: then nothing is claimed. */
export function readTold(files: readonly string[]): Told {
  const told = new Told();
  for (const file of files)
    for (const record of recordsOfTypes(file, ['map', 'start', 'reload'])) told.add(record);
  return told;
}
