/**
 * What reload.ts and its worker say to each other. Apart from both, so that the main thread does not load the loader.
 *
 * The arrays of a table are shared memory and cost nothing to hand over. Its settings are objects, which are copied, and
 * a hundred thousand `[domain]` sections would hold the main thread for half a second; so settings cross in slices, one
 * each time the main thread asks, in both directions. The conversation:
 *
 *   worker  { kind: 'settings', settings }      a slice of the new settings; answered by 'next'
 *   worker  { kind: 'loaded', loaded }          all slices were sent; the table is in force as soon as this arrives
 *   worker  { kind: 'old', from }               asks for a slice of the old settings; answered by it
 *   worker  { kind: 'difference', difference }  the last message
 */
import type { Rule } from '../../core/rule.ts';
import type { Settings } from '../../core/settings.ts';
import type { PackedTable } from '../../core/table.ts';
import type { Loaded } from './load.ts';
import type { Difference } from './tableDiff.ts';

/** Given to the worker at its start. */
export interface LoadJob {
  /** Names the job, so that no other use of worker threads is taken for it. */
  readonly tlswardLoad: true;
  readonly file: string;
  readonly today: string;
  /** The table in use without its settings, how many those are, and its rules; null: no difference is wanted. */
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

/** Settings in one message: about a millisecond of the main thread. */
export const SLICE = 200;
