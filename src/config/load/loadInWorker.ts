/**
 * Loads a configuration in a worker thread of the running daemon, so that no transaction waits for it.
 *
 * The loader is the same as at the start. The rows arrive in shared memory, so that the main thread spends no
 * time on them, and the settings arrive in small slices. If the worker fails for any reason, the
 * configuration counts as not loaded, and the table in use stays.
 */

import { Worker } from 'node:worker_threads';
import { escapeText } from '../../core/escape.ts';
import type { Rule } from '../../core/rule.ts';
import type { Settings } from '../../core/settings.ts';
import type { PackedTable } from '../../core/table.ts';
import { dayOf } from '../keys/day.ts';
import type { Loaded } from './load.ts';
import { type LoadJob, type LoadMessage, SLICE } from './loadJob.ts';
import { type Difference, NO_DIFFERENCE } from './tableDiff.ts';

export interface Reload {
  /** Never rejects. */
  readonly loaded: Promise<Loaded>;
  /**
   * Settles after `loaded`. Empty when loading failed; one line with the reason when it cannot be determined.
   * Never rejects.
   */
  readonly difference: Promise<Difference>;
}

/** The worker's file in this folder; compiled code and source have different extensions. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./loadWorker.${extension}`, import.meta.url);
}

/** Starts loading `file`; `old` and `oldRules`: the table in use and its rules, for the difference. */
export function startReload(
  file: string,
  old: PackedTable | null,
  today: string = dayOf(new Date()),
  oldRules: readonly Rule[] = [],
): Reload {
  const loaded = new Settled<Loaded>();
  const difference = new Settled<Difference>();
  const fail = (why: string) => {
    loaded.resolve(notLoaded(file, why));
    difference.resolve({ ...NO_DIFFERENCE, lines: [`not known: the loader stopped (${escapeText(why)})`] });
  };
  const oldSettings = old?.settings ?? [];
  const shell =
    old === null ? null : { packed: { ...old, settings: [] }, settings: oldSettings.length, rules: oldRules };
  const job: LoadJob = { tlswardLoad: true, file, today, old: shell };
  const settings: Settings[] = [];
  try {
    // without the options of this process, because test runners preload modules with them
    const worker = new Worker(workerUrl(), { workerData: job, name: 'tlsward-load', execArgv: [] });
    worker.on('message', (message: LoadMessage) => {
      switch (message.kind) {
        case 'settings':
          settings.push(...message.settings);
          worker.postMessage('next');
          break;
        case 'loaded': {
          const { loaded: one } = message;
          loaded.resolve(one.ok ? { ...one, packed: { ...one.packed, settings } } : one);
          break;
        }
        case 'old':
          worker.postMessage(oldSettings.slice(message.from, message.from + SLICE));
          break;
        case 'difference':
          difference.resolve(message.difference);
          break;
      }
    });
    worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
    worker.on('messageerror', (error) => fail(error.message));
    // has no effect after a finished job, because both promises are settled
    worker.on('exit', (code) => fail(`it ended with code ${code}`));
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  return { loaded: loaded.promise, difference: difference.promise };
}

/** A promise with its functions; only the first call of one has an effect. */
class Settled<T> {
  resolve: (value: T) => void = () => {};
  readonly promise = new Promise<T>((resolve) => {
    this.resolve = resolve;
  });
}

/** Loads `file` in a worker, without a difference. */
export function loadInWorker(file: string, today?: string): Promise<Loaded> {
  return startReload(file, null, today).loaded;
}

function notLoaded(file: string, why: string): Loaded {
  const found = `a loader that stopped (${escapeText(why)})`;
  const problem = { file, line: 0, where: '', found, expected: 'a loaded configuration', hint: '' };
  return { ok: false, problems: [problem], notices: [], files: [] };
}
