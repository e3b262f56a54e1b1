/**
 * The messages between recorder.ts and its thread. A file of its own, so that the main thread does not import the
 * writer.
 */
import type { StoreOptions, StoreState } from './storeOptions.ts';

/** What the thread is started with. */
export interface WriterJob {
  readonly tlswardEvidence: true;
  readonly store: StoreOptions;
  /** Between two group commits; 0: after every write. */
  readonly commitMs: number;
}

export type ToWriter =
  /** Texts of records (evidence/lineText.ts), one a line, and how many they are. */
  | { readonly kind: 'lines'; readonly texts: string; readonly count: number }
  /** Records that were lost before they could be handed over. */
  | {
      readonly kind: 'lost';
      readonly from: string;
      readonly to: string;
      readonly count: number;
      readonly why: string;
    }
  | { readonly kind: 'close' };

export type FromWriter =
  /** It takes lines. */
  | { readonly kind: 'open'; readonly state: StoreState }
  /** It could not be opened, and is tried again. */
  | { readonly kind: 'shut'; readonly why: string }
  /** `taken`: texts that it has taken since its start; `done`: those of them that are synced, or counted as lost. */
  | { readonly kind: 'state'; readonly state: StoreState; readonly taken: number; readonly done: number }
  /** The last head of a day that ended. */
  | { readonly kind: 'head'; readonly day: string; readonly note: string }
  | { readonly kind: 'closed'; readonly ok: boolean };
