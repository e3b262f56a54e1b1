/**
 * The messages between loadInWorker.ts and its worker. A file of its own, so that the main thread does not
 * import the loader.
 *
 * The arrays of a table are in shared memory and cost nothing to pass on. Its settings are objects, which are
 * copied: those of a hundred thousand `[domain]` sections would block the main thread for half a second. So
 * settings are sent in slices, in both directions, each when the main thread is ready for it. The
 * conversation:
 *
 *   worker  { kind: 'settings', settings }      a slice of the new settings; answered by 'next'
 *   worker  { kind: 'loaded', loaded }          all slices were sent; the table is in force as soon as this arrives
 *   worker  { kind: 'old', from }               asks for a slice of the old settings, which is the answer
 *   worker  { kind: 'difference', difference }  the last message
 */
import type { Rule } from '../../core/rule.ts';
import type { Settings } from '../../core/settings.ts';
import type { PackedTable } from '../../core/table.ts';
import type { Loaded } from './load.ts';
import type { Difference } from './tableDiff.ts';

/** Given to the worker at its start. */
export interface LoadJob {
  /** Identifies the job, so that no other worker's data is taken for one. */
  readonly tlswardLoad: true;
  readonly file: string;
  readonly today: string;
  /**
   * The table in use without its settings, the number of these, and its rules; null: no difference is wanted.
   */
  readonly old: {
    readonly packed: PackedTable;
    readonly settings: number;
    readonly rules: readonly Rule[];
  } | null;
}

export type LoadMessage =
  | { readonly kind: 'settings'; readonly settings: readonly Settings[] }
  /** The table comes without its settings. */
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'old'; readonly from: number }
  | { readonly kind: 'difference'; readonly difference: Difference };

/** Number of settings in one message: they take about a millisecond of the main thread. */
export const SLICE = 200;
