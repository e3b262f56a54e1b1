/**
 * Reload: the configuration is read again in a worker and replaces the one in force. If it has a mistake,
 * nothing changes, and `status` says so.
 */

import { formatNotice, type ShownProblem, shownProblem } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import { keysAtStart } from '../config/keys/serviceKeys.ts';
import type { Loaded } from '../config/load/load.ts';
import type { startReload } from '../config/load/loadInWorker.ts';
import type { Difference } from '../config/load/tableDiff.ts';
import { count } from '../core/plural.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Log } from '../log/log.ts';
import { KeyFileError, type UsableKeys } from '../mark/keyFile.ts';
import { keyProblem, readMarkKeys } from './active.ts';
import type { ReloadReply } from './controlReplies.ts';

/** A configuration without mistakes. */
export type LoadedConfig = Extract<Loaded, { ok: true }>;

const DIFFERS = 'the files are no longer those that were asked for; the old table stays';

/** The most mistakes in a reply to `reload`. */
const MAX_PROBLEMS = 1000;

interface ReloadParts {
  /** Path of the configuration. */
  readonly config: string;
  readonly log: Log;
  readonly clock: () => Date;
  readonly startReload: typeof startReload;
  /**
   * Puts the configuration in force and returns its table; `begun`: when the reload began (performance.now).
   */
  readonly apply: (loaded: LoadedConfig, marks: UsableKeys, begun: number) => Promise<PolicyTable>;
  /** Called when a reload is in force and its changes are known; `before`: what was in force. */
  readonly reloaded: (before: LoadedConfig, loaded: LoadedConfig, changes: Difference) => void;
  /** Called with the mistakes for which a reload was refused. */
  readonly refused: (problems: readonly string[]) => void;
  /** Called when the old table is no longer used, before the answer. */
  readonly release: () => void;
}

export class Reloading {
  /** What is in force. */
  loaded: LoadedConfig;
  loadedAt = new Date();
  /** Reloads since the start. */
  readonly counters = { accepted: 0, refused: 0 };
  /** '' unless the last reload was refused. */
  lastReload = '';
  readonly #parts: ReloadParts;
  /** The settings at the start of the process. */
  readonly #started: LoadedConfig['service'];
  #running: Promise<ReloadReply> | null = null;

  constructor(loaded: LoadedConfig, parts: ReloadParts) {
    this.loaded = loaded;
    this.#started = loaded.service;
    this.#parts = parts;
  }

  /**
   * One reload at a time; resolves to the reply to the control command `reload`. `hash`: only this configuration is put in
   * force; '' for whatever is read.
   */
  reload(hash = ''): Promise<ReloadReply> {
    return this.#alone(() => this.#reload(hash));
  }

  /** The reply that `reload` would give, without a reload. */
  tryReload(): Promise<ReloadReply> {
    return this.#alone(() => this.#try());
  }

  async #alone(work: () => Promise<ReloadReply>): Promise<ReloadReply> {
    while (this.#running !== null) await this.#running;
    this.#running = work();
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #reload(hash: string): Promise<ReloadReply> {
    const begun = performance.now();
    const { log, apply, release } = this.#parts;
    const read = await this.#read();
    if ('problems' in read) return this.#refused(read.problems);
    const { loaded, marks } = read;
    if (hash !== '' && loaded.hash !== hash) {
      await read.difference;
      release();
      return { ok: false, differs: true, error: DIFFERS, hash: loaded.hash };
    }
    const before = this.loaded;
    const table = await apply(loaded, marks, begun);
    this.loaded = loaded;
    this.loadedAt = new Date();
    this.lastReload = '';
    this.counters.accepted++;
    const { restartNeeded } = this;
    if (restartNeeded.length > 0) log.listenersUnchanged(restartNeeded);
    const changes: Difference = await read.difference;
    release();
    log.configChanged(changes.added, changes.removed, changes.changed, changes.lines);
    this.#parts.reloaded(before, loaded, changes);
    return { ok: true, generation: table.generation, ...found(loaded, marks, changes), restartNeeded };
  }

  /** The reply that a reload would give now; nothing is put in force, kept or logged. */
  async #try(): Promise<ReloadReply> {
    const read = await this.#read();
    if ('problems' in read) return { dryRun: true, ...refusal(read.problems) };
    const { loaded, marks } = read;
    const changes = await read.difference;
    this.#parts.release();
    const restartNeeded = this.#differing(loaded);
    return { ok: true, dryRun: true, ...found(loaded, marks, changes), restartNeeded };
  }

  async #read(): Promise<Read | { readonly problems: readonly ShownProblem[] }> {
    const { config, clock, startReload } = this.#parts;
    const { loaded: pending, difference } = startReload(
      config,
      this.loaded.packed,
      dayOf(clock()),
      this.loaded.rules,
    );
    const loaded = await pending;
    if (!loaded.ok) return { problems: loaded.problems.map(shownProblem) };
    try {
      return { loaded, difference, marks: await readMarkKeys(loaded.service, 'reload') };
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      return { problems: [keyProblem(error)] };
    }
  }

  /** Keys whose values in force differ from the file, because only a restart applies them. */
  get restartNeeded(): string[] {
    return this.#differing(this.loaded);
  }

  #differing({ service }: LoadedConfig): string[] {
    return keysAtStart(this.#started, service);
  }

  #refused(problems: readonly ShownProblem[]): ReloadReply {
    const mistakes = count(problems.length, 'mistake');
    this.counters.refused++;
    this.lastReload = `refused ${new Date().toISOString()}: ${mistakes}, first: ${problems[0]?.text ?? ''}`;
    const texts = problems.map(({ text }) => text);
    this.#parts.log.configRejected(this.#parts.config, texts);
    this.#parts.refused(texts);
    return refusal(problems);
  }
}

/** A configuration without mistakes, and how it differs from the one in force. */
interface Read {
  readonly loaded: LoadedConfig;
  readonly marks: UsableKeys;
  readonly difference: Promise<Difference>;
}

function found({ packed, hash, notices }: LoadedConfig, marks: UsableKeys, changes: Difference) {
  return { rows: packed.rows, hash, changes, notices: [...notices.map(formatNotice), ...marks.notices] };
}

/** `check` prints all of them. */
function refusal(problems: readonly ShownProblem[]): ReloadReply {
  return { ok: false, problems: problems.slice(0, MAX_PROBLEMS), count: problems.length };
}
