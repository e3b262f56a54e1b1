/**
 * What the collector counts since its start, and the small file by which the daemon hears of it (contrib/doc/http.md):
 * numbers only, by a fixed set of names, so it has a bound whatever the log holds. No I/O.
 */
import { PROTOCOLS } from '../core/tls.ts';
import type { Produced } from './produced.ts';

/**
 * How a recipient's mail left: `plain`; a version of TLS; `otherTls`: another version, or TLS whose version was not
 * reported; `local`: without a connection; `unknown`: nobody reported it.
 */
const TLS_NAMES = ['plain', ...PROTOCOLS, 'otherTls', 'local', 'unknown'] as const;
const OUTCOMES = ['sent', 'deferred', 'bounced', 'expired'] as const;

type TlsName = (typeof TLS_NAMES)[number];
type Deliveries = Record<TlsName, Record<(typeof OUTCOMES)[number], number>>;

/** Name of the file, in the folder of the stream. */
export const COUNTERS_NAME = 'collect.counters';
/** Its longest length. */
export const MAX_COUNTERS_BYTES = 16_384;

export interface CollectorFigures {
  /** Milliseconds since the epoch, like all times here. */
  readonly startedAtMs: number;
  readonly writtenAtMs: number;
  /** Lines that were read; those that are read again after a restart, too. */
  readonly lines: number;
  /** Lines that look like a delivery and could not be read. */
  readonly unreadable: number;
  /** Records that were made of the log, and those of them that say that something is missing. */
  readonly records: number;
  readonly gapRecords: number;
  /** Time of the newest line; null: none was read yet. */
  readonly newestLineMs: number | null;
  /** How far reading is behind; null: not known yet. */
  readonly lagMs: number | null;
  /** Attempts, one for each recipient, by TLS and outcome. */
  readonly deliveries: Readonly<Record<TlsName, Readonly<Record<(typeof OUTCOMES)[number], number>>>>;
}

export class CollectorCounters {
  readonly #startedAtMs: number;
  readonly #deliveries = noDeliveries();
  #lines = 0;
  #unreadable = 0;
  #records = 0;
  #gapRecords = 0;
  #newestLineMs: number | null = null;
  #lagMs: number | null = null;
  #waits = false;

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  /** Records that are new, not those that are there from before a restart. */
  made(records: readonly Produced[]): void {
    this.#records += records.length;
    for (const { type, fields } of records) {
      if (type === 'gap') this.#gapRecords++;
      if (type !== 'delivery') continue;
      const outcome = OUTCOMES.find((one) => one === fields.outcome);
      if (outcome !== undefined) this.#deliveries[tlsNameOf(fields.tls)][outcome]++;
    }
  }

  /** After a batch of `lines` lines; `newestLineMs`: of the last line so far; `isEnd`: nothing more is there. */
  read(lines: number, unreadable: number, newestLineMs: number | null, isEnd: boolean, nowMs: number): void {
    this.#lines += lines;
    this.#unreadable += unreadable;
    this.#newestLineMs = newestLineMs;
    // a quiet log ends with an old line, which is no lag
    if (lines === 0 && isEnd) this.#lagMs = 0;
    else if (lines > 0 && newestLineMs !== null) this.#lagMs = Math.max(0, nowMs - newestLineMs);
  }

  /** The disk refuses records, so that nothing is read. */
  waiting(waits: boolean): void {
    this.#waits = waits;
  }

  figures(nowMs: number): CollectorFigures {
    const newest = this.#newestLineMs;
    return {
      startedAtMs: this.#startedAtMs,
      writtenAtMs: nowMs,
      lines: this.#lines,
      unreadable: this.#unreadable,
      records: this.#records,
      gapRecords: this.#gapRecords,
      newestLineMs: newest,
      lagMs: this.#waits && newest !== null ? Math.max(0, nowMs - newest) : this.#lagMs,
      deliveries: this.#deliveries,
    };
  }
}

function noDeliveries(): Deliveries {
  const none = () => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
  return Object.fromEntries(TLS_NAMES.map((name) => [name, none()])) as Deliveries;
}

function tlsNameOf(tls: Produced['fields'][string]): TlsName {
  const { state, protocol, how } = tls as Readonly<Record<string, unknown>>;
  if (state === 'plain') return 'plain';
  if (state !== 'tls') return how === 'local' ? 'local' : 'unknown';
  return PROTOCOLS.find((version) => version === protocol) ?? 'otherTls';
}

/** The file: one line of JSON. */
export function countersText(figures: CollectorFigures): string {
  return `${JSON.stringify({ v: 1, ...figures })}\n`;
}

/** null: it is no such file, or one of another release. */
export function parseCounters(text: string): CollectorFigures | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { v, deliveries, ...rest } = value as Readonly<Record<string, unknown>>;
  const own = noDeliveries();
  const counted = COUNTED.every((name) => isCount(rest[name]));
  const known = ['newestLineMs', 'lagMs'].every((name) => rest[name] === null || isCount(rest[name]));
  if (v !== 1 || !counted || !known || typeof deliveries !== 'object' || deliveries === null) return null;
  for (const name of TLS_NAMES)
    for (const outcome of OUTCOMES) {
      const found = (deliveries as { [tls: string]: { [outcome: string]: unknown } | null })[name]?.[outcome];
      if (!isCount(found)) return null;
      own[name][outcome] = found;
    }
  const number = (name: string): number => rest[name] as number;
  return {
    startedAtMs: number('startedAtMs'),
    writtenAtMs: number('writtenAtMs'),
    lines: number('lines'),
    unreadable: number('unreadable'),
    records: number('records'),
    gapRecords: number('gapRecords'),
    newestLineMs: rest.newestLineMs as number | null,
    lagMs: rest.lagMs as number | null,
    deliveries: own,
  };
}

const COUNTED = ['startedAtMs', 'writtenAtMs', 'lines', 'unreadable', 'records', 'gapRecords'];

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
