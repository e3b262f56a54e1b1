/**
 * The worker of loadInWorker.ts: loads one configuration, sends it, then reports how it differs from the one
 * in use.
 *
 * The messages are in loadJob.ts. This file does nothing if it is imported anywhere else.
 */
import { constants, setPriority } from 'node:os';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Settings } from '../../core/settings.ts';
import { loadConfig } from './load.ts';
import { type LoadJob, type LoadMessage, SLICE } from './loadJob.ts';
import { diffTables, NO_DIFFERENCE } from './tableDiff.ts';

function isLoadJob(data: unknown): data is LoadJob {
  return typeof data === 'object' && data !== null && 'tlswardLoad' in data;
}

/**
 * From now on the threads that answer mail come first. This one still gets a tenth of a core that they use all the time, so
 * that a reload ends on a busy machine, too. On Linux the number 0 stands for the calling thread; elsewhere it would be the
 * whole process.
 */
function mailFirst(): void {
  try {
    if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // forbidden, as by a filter of system calls: the threads share the cores evenly
  }
}

async function work({ file, today, old }: LoadJob, port: MessagePort): Promise<void> {
  // at the start of the daemon there is no mail yet
  if (old !== null) mailFirst();
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
    difference = diffTables({ ...old.packed, settings: before }, loaded.packed, old.rules, loaded.rules);
  }
  post({ kind: 'difference', difference });
}

if (!isMainThread && parentPort !== null && isLoadJob(workerData)) void work(workerData, parentPort);
