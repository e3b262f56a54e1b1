/**
 * What the collector knows, in a file of its stream's folder, so that a restart goes on where it stopped. It is
 * saved now and then, after what was made of the lines before it is on disk; the records themselves say how far the
 * collector came since. A file that is missing or damaged costs knowledge (`unknown` in records), not records.
 */
import { join } from 'node:path';
import { writeAtomically } from '../../files/atomicWriter.ts';
import { readGuardedSync } from '../../files/guardedReader.ts';
import type { CollectorState, Recorded } from '../collector.ts';

const NAME = 'collect.state';
const MAX_BYTES = 64 * 1_048_576;

interface SavedState {
  readonly v: 1;
  readonly kind: string;
  readonly name: string;
  /** Where reading goes on. */
  readonly next: string;
  /** The last record when it was saved. */
  readonly last: Recorded | null;
  readonly state: CollectorState;
}

function stateFile(stream: string): string {
  return join(stream, NAME);
}

/** Rejects with the error of a system call. */
export async function saveState(stream: string, saved: SavedState): Promise<void> {
  const options = { how: 'replace', draft: `.${NAME}-`, syncFolder: false } as const;
  await writeAtomically(stateFile(stream), JSON.stringify(saved), options);
}

/** null: there is none that can be used. */
export function loadState(stream: string): SavedState | null {
  try {
    const read = readGuardedSync(stateFile(stream), {
      maxBytes: MAX_BYTES,
      followLinks: false,
      refuse: () => null,
    });
    if (read.kind !== 'read') return null;
    const saved: unknown = JSON.parse(read.bytes.toString('utf8'));
    return isState(saved) ? saved : null;
  } catch {
    return null;
  }
}

function isState(value: unknown): value is SavedState {
  if (typeof value !== 'object' || value === null) return false;
  const { v, kind, name, next, state } = value as Partial<Record<keyof SavedState, unknown>>;
  const texts = [kind, name, next].every((text) => typeof text === 'string');
  return v === 1 && texts && typeof state === 'object' && state !== null;
}
