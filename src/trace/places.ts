/**
 * Evidence directories that are asked together, each with its streams, its days and the keys of its pseudonyms.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { daysOf, streamsOf } from '../archive/layout.ts';
import type { EvidenceRecord } from '../evidence/record.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import { findLines } from './findLines.ts';
import type { Key } from './recordKeys.ts';
import type { Trouble } from './scanLines.ts';

interface Stream {
  readonly name: string;
  readonly folder: string;
  /** Days that have lines, oldest first. */
  readonly days: readonly string[];
}

/** One evidence directory. */
export interface Place {
  readonly directory: string;
  readonly streams: readonly Stream[];
  /** Keys of pseudonyms, by month. */
  readonly keys: readonly { readonly month: string; readonly secret: Uint8Array }[];
  /** Why keys that are there cannot be read; '' when all can. */
  readonly keyTrouble: string;
}

/** A record and where it stands. */
export interface Found {
  readonly place: Place;
  readonly stream: string;
  readonly day: string;
  readonly record: EvidenceRecord;
}

/** Days, both included. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

/** Throws the error of readdir(3). */
export function openPlace(directory: string): Place {
  const streams = streamsOf(directory).map(({ name, folder }) => ({ name, folder, days: daysOf(folder) }));
  return { directory, streams, ...keysOf(join(directory, 'pseudonyms')) };
}

function keysOf(folder: string): Pick<Place, 'keys' | 'keyTrouble'> {
  const keys: { month: string; secret: Uint8Array }[] = [];
  let keyTrouble = '';
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^\d{4}-\d{2}\.key$/.test(name));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') keyTrouble = codeOf(error);
  }
  for (const name of names.sort()) {
    try {
      const found = readGuardedSync(join(folder, name), {
        maxBytes: 256,
        followLinks: false,
        refuse: () => null,
      });
      const text = found.kind === 'read' ? found.bytes.toString('latin1').trimEnd() : '';
      if (!/^[0-9a-f]{64}$/.test(text)) throw Object.assign(new Error(name), { code: `${name} is no key` });
      keys.push({ month: name.slice(0, 7), secret: Buffer.from(text, 'hex') });
    } catch (error) {
      keyTrouble = codeOf(error);
    }
  }
  return { keys, keyTrouble };
}

/** Everything that is asked. */
export class Evidence {
  readonly places: readonly Place[];
  readonly trouble: Trouble = { unreadable: 0 };
  readonly #today: string;
  readonly #indexing: (day: string) => void;

  /** `today`: the UTC day, whose lines may still grow. `indexing`: called before the index of a day is made. */
  constructor(places: readonly Place[], today: string, indexing: (day: string) => void = () => {}) {
    this.places = places;
    this.#today = today;
    this.#indexing = indexing;
  }

  /** Records with one of the keys, by directory, stream, day and line. Throws the error of open(2) or read(2). */
  *find(keysIn: (place: Place) => readonly Key[], { from, to }: Range): Generator<Found> {
    for (const place of this.places) {
      const keys = keysIn(place);
      if (keys.length === 0) continue;
      for (const { name, folder, days } of place.streams)
        for (const day of days) {
          if (day < from || day > to) continue;
          const finished = day < this.#today;
          const one = { folder, day, finished, indexing: this.#indexing };
          for (const record of findLines(one, keys, this.trouble)) yield { place, stream: name, day, record };
        }
    }
  }
}
