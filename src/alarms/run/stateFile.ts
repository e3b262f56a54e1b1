/**
 * What is firing, what was told of it and what is yet to be told, in a file that is replaced as a whole: a restart goes
 * on from it. `tlsward alarms` and `tlsward health` read it, too.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeAtomically } from '../../files/atomicWriter.ts';
import { readGuardedSync } from '../../files/guardedReader.ts';
import { codeOf } from '../../files/systemError.ts';
import type { Alarm } from '../alarmState.ts';
import { KINDS } from '../condition.ts';
import type { ReportedWeek } from '../reported.ts';
import { type Memory, NO_MEMORY } from '../watch.ts';
import type { Owed } from './outbox.ts';

const MAX_BYTES = 16 * 1024 * 1024;

export interface SavedAlarms {
  readonly v: 1;
  /** Of the last look; milliseconds. */
  readonly lookedAt: number;
  readonly host: string;
  readonly alarms: readonly Alarm[];
  /** Ended lately: Alertmanager is to be told. */
  readonly ended: readonly (Alarm & { readonly endedAt: number })[];
  readonly owed: readonly Owed[];
  /** When the command had the watchdog last. */
  readonly watchdogAt: number;
  /** Messages of the last window. */
  readonly failing: { readonly in: number; readonly out: number };
  readonly memory: Memory;
  /** Of the reports of others; null: none was ever kept. */
  readonly reported: ReportedCounts | null;
}

/** What was counted of them since this state began. */
export interface ReportedCounts {
  /** Of the look; what was kept later is new. Milliseconds, as all times here. */
  readonly throughMs: number;
  readonly reports: number;
  /** Sessions in them, as the reporters count. */
  readonly successful: number;
  readonly failed: number;
  /** The end of the latest hours that were reported; null: not known. */
  readonly newestEndMs: number | null;
  readonly week: ReportedWeek;
}

export const NOTHING_SAVED: SavedAlarms = {
  v: 1,
  lookedAt: 0,
  host: '',
  alarms: [],
  ended: [],
  owed: [],
  watchdogAt: 0,
  failing: { in: 0, out: 0 },
  memory: NO_MEMORY,
  reported: null,
};

/** Rejects with the error of a system call. */
export async function saveAlarms(file: string, saved: SavedAlarms): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  await writeAtomically(file, JSON.stringify(saved), { how: 'replace', draft: '.alarms-', syncFolder: true });
}

/** null: there is none, or none of this release. Throws the error of a system call, but for a file that is absent. */
export function loadAlarms(file: string): SavedAlarms | null {
  try {
    const read = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null });
    if (read.kind !== 'read') return null;
    const value: unknown = JSON.parse(read.bytes.toString('utf8'));
    // an earlier release remembered less
    return isSaved(value)
      ? { ...value, memory: { ...NO_MEMORY, ...value.memory }, reported: value.reported ?? null }
      : null;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function isSaved(value: unknown): value is SavedAlarms {
  if (typeof value !== 'object' || value === null) return false;
  const saved = value as Partial<SavedAlarms>;
  const { certificates, hadTls, failing = [], hosts = [] } = saved.memory ?? {};
  const lists = [saved.alarms, saved.ended, saved.owed, certificates, hadTls, failing, hosts];
  return (
    saved.v === 1 &&
    typeof saved.lookedAt === 'number' &&
    lists.every((list) => Array.isArray(list)) &&
    [...saved.alarms!, ...saved.ended!].every((alarm) => Object.hasOwn(KINDS, alarm.kind))
  );
}
