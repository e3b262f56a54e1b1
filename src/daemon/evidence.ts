/**
 * What the daemon records as evidence: verdicts, what it demands of next hops, map answers that make mail wait, reloads,
 * exceptions, start and stop.
 *
 * With `evidence-failure = defer` a verdict is given only while records can be written; otherwise no listener hears
 * of it, and mail waits. With `continue` mail goes on, and a record that could not be made or written becomes a gap. Nothing here waits for a disk (src/recorder).
 */
import { hostname } from 'node:os';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { ExceptionRow } from '../config/load/exceptionSections.ts';
import type { Difference } from '../config/load/tableDiff.ts';
import { escapeText } from '../core/escape.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import { formatPosition } from '../core/position.ts';
import type { PolicyTable } from '../core/table.ts';
import { type FieldValue, lineText, Mailbox, withoutLocalParts } from '../evidence/lineText.ts';
import type { RecordType } from '../evidence/record.ts';
import { listed } from '../log/listed.ts';
import type { Log } from '../log/log.ts';
import type { VerdictFields, VerdictRecord } from '../log/verdictFields.ts';
import { Recorder, type RecorderStatus } from '../recorder/recorder.ts';
import { DayTallier } from '../tally/dayTallier.ts';
import { deliverHead } from './headDelivery.ts';
import type { MapRecord } from './mapListeners.ts';
import { ToldAnswers } from './toldAnswers.ts';
import { verdictText } from './verdictEvidence.ts';

/** The evidence of `status`; null when none is kept. */
export interface EvidenceStatus extends RecorderStatus {
  readonly onFailure: ServiceSettings['evidenceFailure'];
  /** Answers that were not given because they could not have been recorded. */
  readonly held: number;
}

/** Exceptions that are recorded one by one at a time. */
const MAX_EXCEPTIONS = 1000;
/** How long a start waits for the stream, and a stop for the disk. */
const OPEN_MS = 5000;
const CLOSE_MS = 5000;

export class Evidence {
  readonly #recorder: Recorder | null;
  readonly #host: string;
  readonly #log: Log;
  readonly #table: () => PolicyTable;
  readonly #told = new ToldAnswers();
  readonly #tallier: DayTallier | null;
  /** What is in force: a reload may change what is done on failure, and where heads go. */
  settings: ServiceSettings;
  #held = 0;
  #mistakes = 0;

  /** `table`: the one in force. */
  constructor(settings: ServiceSettings, log: Log, table: () => PolicyTable) {
    this.settings = settings;
    this.#log = log;
    this.#table = table;
    this.#host = settings.hostName ?? hostname();
    const { evidence: directory } = settings;
    this.#tallier = directory === null ? null : new DayTallier(directory, 'daemon');
    this.#recorder = directory === null ? null : this.#open(directory);
    // it may have been stopped when the day ended
    this.#tallier?.ended(dayBefore(Date.now()));
  }

  #open(directory: string): Recorder {
    const { privacy, retentionDays, evidenceSyncMs: syncMs } = this.settings;
    const options = {
      directory,
      stream: 'daemon',
      host: this.#host,
      privacy,
      retentionDays,
      syncMs,
    } as const;
    return new Recorder(options, {
      onHead: (day, note) => {
        this.#log.evidenceHead(day, note);
        this.#tallier?.ended(day);
        void deliverHead(day, note, this.settings, this.#host, this.#log);
      },
      onTrouble: (why) => {
        if (why === '') this.#log.evidenceWell(directory);
        else this.#log.evidenceTrouble(directory, why, this.settings.evidenceFailure);
      },
    });
  }

  /** Resolves when records can be written, or it is known that they cannot be for now. */
  async opened(): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === null) return;
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, OPEN_MS);
    });
    await Promise.race([recorder.opened, late]);
    clearTimeout(limit);
  }

  /** False while an answer could not be recorded and therefore must not be given; such answers are counted. */
  mayAnswer(): boolean {
    if (this.#recorder === null || this.settings.evidenceFailure !== 'defer' || this.#recorder.works)
      return true;
    this.#held++;
    return false;
  }

  /** `fields`: those of the log line; null for a plain accept. */
  verdict(record: VerdictRecord, fields: VerdictFields | null): void {
    this.#make(() => verdictText(record, fields, this.#host));
  }

  /** An answer to a table question: each that makes mail wait, and what a row demands where that is new. */
  mapAnswer({ map, key, status, reply, row }: MapRecord): void {
    if (this.#recorder === null) return;
    if (
      status === 'OK' ? row === null || !this.#told.isNew(map, key, reply, Date.now()) : status === 'NOTFOUND'
    )
      return;
    this.#make(() =>
      this.#text('map', {
        leg: 'outbound',
        map: escapeText(map),
        key: key.includes('@') ? new Mailbox(key) : escapeText(key.toLowerCase()),
        status,
        reply: withoutLocalParts(escapeText(reply, 1024)),
        row: row === null ? undefined : { pattern: pattern(row.pattern), at: formatPosition(row.at) },
        table: tableFacts(this.#table()),
      }),
    );
  }

  start(version: string, config: string, exceptions: readonly ExceptionRow[]): void {
    const table = this.#table();
    this.#make(() =>
      this.#text('start', {
        version,
        node: process.versions.node,
        config,
        table: tableFacts(table),
        rows: table.rows,
      }),
    );
    for (const one of exceptions.slice(0, MAX_EXCEPTIONS)) this.#exception('in-force', one);
  }

  /** A reload that is in force, and the exceptions before and after it. */
  reloaded(changes: Difference, before: readonly ExceptionRow[], after: readonly ExceptionRow[]): void {
    const table = this.#table();
    const { added, removed, changed, lines } = changes;
    this.#told.clear();
    this.#make(() =>
      this.#text('reload', {
        ok: true,
        table: tableFacts(table),
        rows: table.rows,
        added,
        removed,
        changed,
        lines: lines.length === 0 ? undefined : shown(lines),
      }),
    );
    for (const [change, one] of exceptionChanges(before, after).slice(0, MAX_EXCEPTIONS))
      this.#exception(change, one);
  }

  /** A reload that was refused. */
  refused(problems: readonly string[]): void {
    this.#make(() =>
      this.#text('reload', { ok: false, table: tableFacts(this.#table()), lines: shown(problems) }),
    );
  }

  #exception(change: 'set' | 'changed' | 'removed' | 'in-force', row: ExceptionRow): void {
    this.#make(() =>
      this.#text('exception', {
        change,
        pattern: pattern(row.pattern),
        until: row.until,
        reason: withoutLocalParts(escapeText(row.reason, 300)),
        contact: row.contact === null ? undefined : pattern(row.contact),
        changes: row.changes.length === 0 ? undefined : shown(row.changes),
        at: formatPosition(row),
      }),
    );
  }

  #text(type: RecordType, fields: Readonly<Record<string, FieldValue>>): string {
    return lineText(new Date().toISOString(), type, this.#host, fields);
  }

  /** A record that cannot be made is a mistake of ours: with `defer` the session fails safe, else it is a gap. */
  #make(text: () => string): void {
    if (this.#recorder === null) return;
    try {
      this.#recorder.record(text());
    } catch (error) {
      if (this.settings.evidenceFailure === 'defer') throw error;
      this.#recorder.missed('a record could not be made');
      if (this.#mistakes++ === 0) this.#log.bug('evidence', error);
    }
  }

  /** The last record; resolves when all are synced, or cannot be in time. */
  async stop(): Promise<void> {
    if (this.#recorder === null) return;
    this.#make(() => this.#text('stop', {}));
    await Promise.all([this.#recorder.close(CLOSE_MS), this.#tallier?.close()]);
  }

  get status(): EvidenceStatus | null {
    if (this.#recorder === null) return null;
    return { ...this.#recorder.status, onFailure: this.settings.evidenceFailure, held: this.#held };
  }

  get memory(): readonly MemoryUse[] {
    if (this.#recorder === null || this.#tallier === null) return [];
    return [this.#recorder.memory, this.#told.memory, this.#tallier.memory];
  }
}

const DAY_MS = 86_400_000;

function dayBefore(nowMs: number): string {
  return new Date(nowMs - DAY_MS).toISOString().slice(0, 10);
}

function tableFacts({ hash, generation }: PolicyTable): {
  readonly hash: string;
  readonly generation: number;
} {
  return { hash, generation };
}

function pattern(text: string): Mailbox | string {
  return text.includes('@') ? new Mailbox(text) : escapeText(text);
}

function shown(lines: readonly string[]): string[] {
  return listed(lines.slice(0, 100), 100, lines.length, 16_384).map(withoutLocalParts);
}

type Change = readonly ['set' | 'changed' | 'removed', ExceptionRow];

/** Which exceptions came, changed and went; where in a file they stand does not matter. */
function exceptionChanges(before: readonly ExceptionRow[], after: readonly ExceptionRow[]): Change[] {
  const was = new Map(before.map((one) => [one.pattern, one]));
  const is = new Set(after.map(({ pattern }) => pattern));
  const content = ({ until, reason, contact, changes }: ExceptionRow): string =>
    JSON.stringify([until, reason, contact, changes]);
  const found: Change[] = [];
  for (const one of after) {
    const old = was.get(one.pattern);
    if (old === undefined) found.push(['set', one]);
    else if (content(old) !== content(one)) found.push(['changed', one]);
  }
  for (const one of before) if (!is.has(one.pattern)) found.push(['removed', one]);
  return found;
}
