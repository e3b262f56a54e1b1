/**
 * The worker's side of reload.ts: loads one configuration, posts it, then posts how it differs from the one in use.
 *
 * The table's arrays are shared memory, so posting it copies its settings and file names only. The difference comes
 * second, because the daemon need not wait for it. As a main module or imported elsewhere this file does nothing.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { PackedTable } from '../core/table.ts';
import { type Difference, diffTables, NO_DIFFERENCE } from './diff.ts';
import { type Loaded, loadConfig } from './load.ts';

/** Given to the worker at its start. */
export interface LoadJob {
  /** Names the job, so that no other use of worker threads is taken for it. */
  readonly tlswardLoad: true;
  readonly file: string;
  readonly today: string;
  /** The table in use; null: no difference is wanted. */
  readonly old: PackedTable | null;
}

/** What the worker posts, in this order. */
export type LoadMessage =
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'difference'; readonly difference: Difference };

function isLoadJob(data: unknown): data is LoadJob {
  return typeof data === 'object' && data !== null && 'tlswardLoad' in data;
}

if (!isMainThread && parentPort !== null && isLoadJob(workerData)) {
  const { file, today, old } = workerData;
  const post = (message: LoadMessage) => parentPort?.postMessage(message);
  const loaded = loadConfig(file, today);
  post({ kind: 'loaded', loaded });
  const difference = loaded.ok && old !== null ? diffTables(old, loaded.packed) : NO_DIFFERENCE;
  post({ kind: 'difference', difference });
}
