/**
 * What the MTA-STS policy finder reports: events as they happen, the state of one domain on request, and
 * counters.
 *
 * Everything is plain data for the log, `status` and `explain`. The texts in `why` are our own: text from a
 * DNS server, a policy host or a policy file is never quoted. Times are milliseconds since the epoch.
 */
import type { StsFact, StsFailure, StsMode } from '../core/publishedFacts.ts';
import type { StsTrouble } from './cache.ts';

export type StsEvent =
  | {
      readonly kind: 'fetched';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      readonly expiresAt: number;
    }
  | {
      readonly kind: 'failed';
      readonly domain: string;
      readonly id: string;
      readonly failure: StsFailure;
      readonly why: string;
      /**
       * The previous policy stays in force; `mode` is its mode. With `none` RFC 8461 section 10.2 asks for no
       * alert.
       */
      readonly kept: boolean;
      readonly mode: StsMode | null;
    }
  /** A policy that could not be refreshed has expired. */
  | {
      readonly kind: 'expired';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      readonly lastFailure: StsTrouble;
    }
  /**
   * The first few patterns of a policy that are not compared (deliver/auto.ts); reported once for each policy
   * text.
   */
  | {
      readonly kind: 'patterns';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      /** Canonical. */
      readonly patterns: readonly string[];
      /** The number of patterns that are not compared; `left`: the number that are. */
      readonly count: number;
      readonly left: number;
    }
  /** The folder, or a file in it. */
  | { readonly kind: 'cache'; readonly file: string; readonly why: string };

export type StsInspection =
  | {
      readonly kind: 'policy';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      readonly mx: readonly string[];
      readonly maxAgeSeconds: number;
      readonly fetchedAt: number;
      readonly expiresAt: number;
      readonly lastUsed: number;
      /** When DNS last answered a question for the id. */
      readonly lastChecked: number;
      /** The failure of the last refresh attempt, if it failed. */
      readonly lastFailure: StsTrouble | null;
    }
  /** No policy, and until when that is remembered. */
  | {
      readonly kind: 'remembered';
      readonly domain: string;
      readonly fact: StsFact;
      readonly until: number;
    };

/** Counted since the start, except for current states. */
interface Counts {
  /** Questions, and those answered from the cache. */
  asked: number;
  fromCache: number;
  fromMemory: number;
  /** TXT lookups, and the results of those without a policy. */
  records: number;
  absent: number;
  unknown: number;
  fetches: number;
  failed: number;
  /** Refused because too many lookups were in progress. */
  tooMany: number;
}

export interface StsCounters extends Readonly<Counts> {
  /**
   * Current: policies cached, those among them whose last fetch failed, domains in the negative cache,
   * domains being looked up.
   */
  readonly policies: number;
  readonly failing: number;
  readonly remembered: number;
  readonly running: number;
  /**
   * Current: fetches in progress and waiting for a place, policy hosts that hang, bytes of the cached
   * policies.
   */
  readonly fetching: number;
  readonly waiting: number;
  readonly hanging: number;
  readonly bytes: number;
}

export function startCounters(): Counts {
  return {
    asked: 0,
    fromCache: 0,
    fromMemory: 0,
    records: 0,
    absent: 0,
    unknown: 0,
    fetches: 0,
    failed: 0,
    tooMany: 0,
  };
}

/** A policy as a list shows it. */
export interface KeptPolicy {
  readonly domain: string;
  readonly mode: StsMode;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Why the last refresh failed; '' when it did not. */
  readonly trouble: string;
}
