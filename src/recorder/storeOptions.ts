/**
 * The settings of the writer of a stream, and what it tells of itself. A file of its own, because both threads need it.
 */
import type { STREAMS } from '../archive/layout.ts';
import type { Privacy } from '../evidence/pseudonym.ts';

export interface StoreOptions {
  /** The evidence directory, absolute. */
  readonly directory: string;
  readonly stream: (typeof STREAMS)[number];
  readonly host: string;
  readonly privacy: Privacy;
  /** null: days are kept for ever. */
  readonly retentionDays: number | null;
  /** False: fdatasync is never called. */
  readonly syncs: boolean;
  /** Tells this writer from others in the same process, hex; the same when its thread is started anew. */
  readonly token: string;
  /** Is a stream that was not stopped in order recorded as a gap? Not where its lines come again. */
  readonly unclean: 'gap' | 'ignore';
  /** Bytes of lines that wait or are not synced. Default 64 MiB. */
  readonly limitBytes?: number;
  /** Bytes of the reserve file. Default 16 MiB; 0: none. */
  readonly reserveBytes?: number;
}

/** For `status`. */
export interface StoreState {
  readonly day: string;
  /** Lines of the day that are synced. */
  readonly records: number;
  /** Bytes of lines that wait, or are not synced. */
  readonly waitingBytes: number;
  readonly limitBytes: number;
  /** Milliseconds since the epoch; 0: not yet. */
  readonly lastSyncMs: number;
  /** Failed system calls since the start. */
  readonly failures: number;
  /** What keeps lines from being written, synced and signed; '' while nothing does. */
  readonly failure: string;
  /** What else failed last: expired days, the reserve, a key for pseudonyms; '' if nothing. */
  readonly trouble: string;
  /** Gap records since the start, and lines that they speak of. */
  readonly gaps: number;
  readonly lost: number;
}
