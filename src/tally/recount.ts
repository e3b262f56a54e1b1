/** Counts days again from their lines and compares with their tallies: what `tlsward report --check` does. */
import { linesFile } from '../archive/layout.ts';
import type { Place, Range } from '../trace/places.ts';
import { countDay, type StreamDay } from './countDay.ts';
import { bodyOf, bodyText, readTally } from './tallyFile.ts';

export interface Recounted {
  readonly directory: string;
  readonly stream: string;
  readonly day: string;
  /** `none`: no tally, or one that does not fit the lines and is not used. */
  readonly result: 'equal' | 'differs' | 'none';
  readonly records: number;
  /** Parts of the tally that differ: `partners`, `rows`. */
  readonly differs: readonly string[];
}

/** Each day of the range that has lines, in order. Throws the error of the system when lines cannot be read. */
export function* recount(
  places: readonly Place[],
  { from, to }: Range,
  counting: (file: string, done: number) => void = () => {},
): Generator<Recounted> {
  for (const { directory, streams } of places)
    for (const { name, folder, days } of streams)
      for (const day of days) {
        if (day < from || day > to) continue;
        yield recountDay({ directory, stream: name, day }, (done) => counting(linesFile(folder, day), done));
      }
}

function recountDay(one: StreamDay, progress: (done: number) => void): Recounted {
  const kept = bodyOf(one);
  const counted = countDay(one, progress);
  const { records } = counted;
  if (kept === null) return { ...one, result: 'none', records, differs: [] };
  const same = kept.equals(Buffer.from(bodyText(counted)));
  const differs = same ? [] : differing({ ...readTally(one) }, { ...counted });
  return { ...one, result: same ? 'equal' : 'differs', records, differs };
}

type Parts = Readonly<Record<string, unknown>>;

function differing(kept: Parts, counted: Parts): string[] {
  const names = new Set([...Object.keys(kept), ...Object.keys(counted)]);
  const text = (parts: Parts, name: string): string =>
    JSON.stringify(name === 'partners' ? [...(parts[name] as Iterable<unknown>)] : parts[name]);
  const found = [...names].filter((name) => text(kept, name) !== text(counted, name));
  return found.length === 0 ? ['order'] : found;
}
