/**
 * Reload: the configuration is read again in a worker, and what was read replaces what is in force. With a mistake in it
 * nothing changes, and `status` says so.
 */

import { formatNotice, formatProblem } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import { keysAtStart } from '../config/keys/serviceKeys.ts';
import type { Loaded } from '../config/load/load.ts';
import type { startReload } from '../config/load/loadInWorker.ts';
import type { Difference } from '../config/load/tableDiff.ts';
import { count } from '../core/plural.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Log } from '../log/log.ts';
import { KeyFileError, type UsableKeys } from '../mark/keyFile.ts';
import { readMarkKeys } from './active.ts';
import type { ReloadReply } from './controlReplies.ts';

/** A configuration without mistakes. */
export type LoadedConfig = Extract<Loaded, { ok: true }>;

/** Mistakes that an answer to `reload` holds. */
const MAX_PROBLEMS = 1000;

interface ReloadParts {
  /** Path of the configuration. */
  readonly config: string;
  readonly log: Log;
  readonly clock: () => Date;
  readonly startReload: typeof startReload;
  /** Puts what was read in force and returns its table; `begun`: of performance.now(). */
  readonly apply: (loaded: LoadedConfig, marks: UsableKeys, begun: number) => Promise<PolicyTable>;
  /** Called when the old table is of no more use, before the answer. */
  readonly release: () => void;
}

export class Reloading {
  /** What is in force. */
  loaded: LoadedConfig;
  loadedAt = new Date();
  /** '' unless the last reload was refused. */
  lastReload = '';
  readonly #parts: ReloadParts;
  #running: Promise<ReloadReply> | null = null;

  constructor(loaded: LoadedConfig, parts: ReloadParts) {
    this.loaded = loaded;
    this.#parts = parts;
  }

  /** One at a time; resolves to the answer to the control command `reload`. */
  async reload(): Promise<ReloadReply> {
    while (this.#running !== null) await this.#running;
    this.#running = this.#reload();
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #reload(): Promise<ReloadReply> {
    const begun = performance.now();
    const { config, log, clock, startReload, apply, release } = this.#parts;
    const old = this.loaded;
    const { loaded: pending, difference } = startReload(config, old.packed, dayOf(clock()), old.rules);
    const loaded = await pending;
    if (!loaded.ok) return this.#refused(loaded.problems.map(formatProblem));
    const { service } = loaded;
    let marks: UsableKeys;
    try {
      marks = await readMarkKeys(service, 'reload');
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      return this.#refused([error.message]);
    }
    const table = await apply(loaded, marks, begun);
    this.loaded = loaded;
    this.loadedAt = new Date();
    this.lastReload = '';
    const restartNeeded = keysAtStart(old.service, service);
    if (restartNeeded.length > 0) log.listenersUnchanged(restartNeeded);
    const changes: Difference = await difference;
    release();
    log.configChanged(changes.added, changes.removed, changes.changed, changes.lines);
    const notices = [...loaded.notices.map(formatNotice), ...marks.notices];
    const { generation, rows, hash } = table;
    return { ok: true, generation, rows, hash, changes, notices, restartNeeded };
  }

  #refused(problems: readonly string[]): ReloadReply {
    const mistakes = count(problems.length, 'mistake');
    this.lastReload = `refused ${new Date().toISOString()}: ${mistakes}, first: ${problems[0] ?? ''}`;
    this.#parts.log.configRejected(this.#parts.config, problems);
    // `check` prints all of them
    return { ok: false, problems: problems.slice(0, MAX_PROBLEMS), count: problems.length };
  }
}
