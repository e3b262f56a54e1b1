/** What setup notes of one change of a Postfix instance, in `setup.json` (snapshot.ts) and for `undo.sh`. */
import type { Change } from '../plan.ts';

/** The files of Postfix that setup changes. */
export const FILES = ['main.cf', 'master.cf'] as const;
export type CopiedFile = (typeof FILES)[number];

export interface SetupRecord {
  /** Of this form. */
  readonly version: 1;
  /** ISO 8601 */
  readonly time: string;
  /** Of main.cf. */
  readonly directory: string;
  readonly changes: readonly Change[];
  /** SHA-256 of each file, in hex: as it was, and as setup left it; null: setup did not come so far. */
  readonly before: Readonly<Record<CopiedFile, string>>;
  readonly after: Readonly<Record<CopiedFile, string>> | null;
}
