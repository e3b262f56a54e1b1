/**
 * The worker's side of reload.ts: loads one configuration, hands it over, then tells how it differs from the one in use.
 *
 * The arrays of a table are shared memory and cost nothing to hand over. Its settings are objects, which are copied, and
 * a hundred thousand `[domain]` sections would hold the main thread for half a second; so settings cross in slices, one
 * each time the main thread asks, in both directions. The conversation:
 *
 *   worker  { kind: 'settings', settings }      a slice of the new settings; answered by 'next'
 *   worker  { kind: 'loaded', loaded }          all slices were sent; the table is in force as soon as this arrives
 *   worker  { kind: 'old', from }               asks for a slice of the old settings; answered by it
 *   worker  { kind: 'difference', difference }  the last message
 *
 * Imported anywhere but as that worker, this file does nothing.
 */
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Settings } from '../core/settings.ts';
import type { PackedTable } from '../core/table.ts';
import { type Difference, diffTables, NO_DIFFERENCE } from './diff.ts';
import { type Loaded, loadConfig } from './load.ts';

/** Given to the worker at its start. */
export interface LoadJob {
  /** Names the job, so that no other use of worker threads is taken for it. */
  readonly tlswardLoad: true;
  readonly file: string;
  readonly today: string;
  /** The table in use without its settings, and how many those are; null: no difference is wanted. */
  readonly old: { readonly packed: PackedTable; readonly settings: number } | null;
}

export type LoadMessage =
  | { readonly kind: 'settings'; readonly settings: readonly Settings[] }
  /** The table comes without its settings. */
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'old'; readonly from: number }
  | { readonly kind: 'difference'; readonly difference: Difference };

/** Settings in one message: about a millisecond of the main thread. */
export const SLICE = 200;

function isLoadJob(data: unknown): data is LoadJob {
  return typeof data === 'object' && data !== null && 'tlswardLoad' in data;
}

async function work({ file, today, old }: LoadJob, port: MessagePort): Promise<void> {
  const post = (message: LoadMessage): void => port.postMessage(message);
  const answer = <T>(): Promise<T> => new Promise((resolve) => port.once('message', resolve));
  const loaded = loadConfig(file, today);
  if (!loaded.ok) {
    post({ kind: 'loaded', loaded });
    post({ kind: 'difference', difference: NO_DIFFERENCE });
    return;
  }
  const { settings } = loaded.packed;
  for (let from = 0; from < settings.length; from += SLICE) {
    post({ kind: 'settings', settings: settings.slice(from, from + SLICE) });
    await answer<'next'>();
  }
  post({ kind: 'loaded', loaded: { ...loaded, packed: { ...loaded.packed, settings: [] } } });
  let difference = NO_DIFFERENCE;
  if (old !== null) {
    const before: Settings[] = [];
    while (before.length < old.settings) {
      post({ kind: 'old', from: before.length });
      before.push(...(await answer<Settings[]>()));
    }
    difference = diffTables({ ...old.packed, settings: before }, loaded.packed);
  }
  post({ kind: 'difference', difference });
}

if (!isMainThread && parentPort !== null && isLoadJob(workerData)) await work(workerData, parentPort);
