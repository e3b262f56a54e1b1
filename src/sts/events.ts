/**
 * What the finder of MTA-STS policies tells: events as they happen, one domain when asked, and numbers.
 *
 * All is plain data for the log, `status` and `explain`. Words in `why` are ours: what a DNS server, a policy host or a
 * policy file said is not quoted. Times are milliseconds since the epoch.
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
      /** A policy from before stays in force; `mode` is its mode. With `none` RFC 8461 section 10.2 wants no alarm. */
      readonly kept: boolean;
      readonly mode: StsMode | null;
    }
  /** A policy that could not be fetched anew has come to its end. */
  | {
      readonly kind: 'expired';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      readonly lastFailure: StsTrouble;
    }
  /** Patterns of a policy that are not compared (deliver/auto.ts), the first few of them; told once for each text. */
  | {
      readonly kind: 'patterns';
      readonly domain: string;
      readonly id: string;
      readonly mode: StsMode;
      /** Canonical. */
      readonly patterns: readonly string[];
      /** All that are not compared; `left`: those that are. */
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
      /** When DNS was last asked for the id, and answered. */
      readonly lastChecked: number;
      /** Of the last attempt to fetch it anew, if that failed. */
      readonly lastFailure: StsTrouble | null;
    }
  /** No policy, and until when that is believed. */
  | {
      readonly kind: 'remembered';
      readonly domain: string;
      readonly fact: StsFact;
      readonly until: number;
    };

/** Since the start, except where a state is counted. */
interface Counts {
  /** Questions, and those answered by a policy that was kept or by what was remembered. */
  asked: number;
  fromCache: number;
  fromMemory: number;
  /** TXT look-ups, and what those without a policy came to. */
  records: number;
  absent: number;
  unknown: number;
  fetches: number;
  failed: number;
  /** Turned away because too many look-ups were under way. */
  tooMany: number;
}

export interface StsCounters extends Readonly<Counts> {
  /** Now: policies kept, of them those whose last fetch failed, domains remembered, domains being looked up. */
  readonly policies: number;
  readonly failing: number;
  readonly remembered: number;
  readonly running: number;
  /** Now: fetches under way and those that wait for room, policy hosts that hang, bytes of the policies kept. */
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
