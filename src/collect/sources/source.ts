/**
 * What every source of lines gives: batches, each with the place where reading goes on after it.
 */
import type { LogLine } from '../logLine.ts';

/** A line, with its place in the source: reading again from there gives it again. */
export interface SourceLine {
  readonly position: string;
  /** A line of a system log, or one that is taken apart already. */
  readonly line: string | LogLine;
}

/** Lines that are gone before they could be read. */
interface Lost {
  readonly why: string;
  /** null: not known. */
  readonly count: number | null;
}

export interface Batch {
  /** Lost before `lines`. */
  readonly lost: readonly Lost[];
  readonly lines: readonly SourceLine[];
  /** Place of what follows; reading from there gives nothing of this batch again. */
  readonly next: string;
  /** Nothing more is there now, as far as it can be told. */
  readonly caughtUp: boolean;
  /** Says that the lines are safe; only sources with confirmation have it. */
  readonly confirm?: () => void;
}

export interface Source {
  /** `journal`, `file` or `stdin`, as in records. */
  readonly kind: string;
  /** Which file or journal, so that a place in another one is not taken for one in this. */
  readonly name: string;
  /** How long nothing comes when everything was read, in milliseconds; 0: it knows at once. */
  readonly silenceMs: number;
  /** Does reading from the place of a line give that line again? */
  readonly givesLineAgain: boolean;
  /** Places of lines that are recorded, and may come again anywhere; left out where reading from a place is enough. */
  remember?(positions: ReadonlySet<string>): void;
  /** Is what was there still there? Left out where only reading tells. */
  has?(place: string): boolean;
  /**
   * Batches from a place on; `from`: null at the first start. A place that is no more gives a `Lost` and the
   * oldest lines there are. Ends when `signal` is aborted, or, when only what is there is wanted, after it.
   */
  batches(from: string | null, signal: AbortSignal): AsyncGenerator<Batch>;
}

/** The source cannot be read; the message says why. */
export class SourceError extends Error {}
