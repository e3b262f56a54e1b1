/**
 * What `tlsward notices run` must not forget, in a file that is replaced as a whole. It names authors and recipients, and
 * only its owner may read it.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../../files/atomicWriter.ts';
import { readGuardedSync } from '../../files/guardedReader.ts';
import { codeOf } from '../../files/systemError.ts';
import { EMPTY_LEDGER, type SavedLedger } from '../ledger.ts';

const MAX_BYTES = 32 * 1024 * 1024;

export interface SavedNotices {
  readonly v: 1;
  /** Of the last look that read the queue, if not all of it; milliseconds, 0: none did. */
  readonly lookedAt: number;
  /** When the first state was made. */
  readonly begunAt: number;
  readonly ledger: SavedLedger;
}

/** The file is there and cannot be used: who was told is not known. */
export class NoticesStateError extends Error {}

/** `state`: `--state`, the folder of all that tlsward keeps. */
export function noticesFile(state: string): string {
  return join(state, 'notices', 'state.json');
}

/** Rejects with the error of a system call. */
export async function saveNotices(file: string, saved: SavedNotices): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  await writeAtomically(file, JSON.stringify(saved), {
    how: 'replace',
    draft: '.notices-',
    syncFolder: true,
  });
}

/** null: there is none yet. Throws NoticesStateError, or the error of a system call. */
export function loadNotices(file: string): SavedNotices | null {
  try {
    const read = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null });
    if (read.kind !== 'read') throw new NoticesStateError('is not a plain file, or too large');
    const value: unknown = JSON.parse(read.bytes.toString('utf8'));
    if (!isSaved(value)) throw new NoticesStateError('is not what this release writes');
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) throw new NoticesStateError('is not whole');
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** `nowMs`: nothing was saved before. */
export function newNotices(nowMs: number): SavedNotices {
  return { v: 1, lookedAt: 0, begunAt: nowMs, ledger: EMPTY_LEDGER };
}

function isSaved(value: unknown): value is SavedNotices {
  if (typeof value !== 'object' || value === null) return false;
  const { v, lookedAt, begunAt, ledger } = value as Partial<SavedNotices>;
  return (
    v === 1 &&
    typeof lookedAt === 'number' &&
    typeof begunAt === 'number' &&
    Array.isArray(ledger?.entries) &&
    ledger.entries.every(({ author, told }) => typeof author?.address === 'string' && Array.isArray(told)) &&
    typeof ledger.sent?.waiting === 'number' &&
    typeof ledger.sent.left === 'number'
  );
}
