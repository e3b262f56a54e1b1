/**
 * The options of the MTA-STS policy finder: which resolver it asks, where it stores policies, where it
 * reports events, and its limits.
 */
import type { Resolver } from '../dns/resolver.ts';
import type { StsOpening } from './addressFilter.ts';
import type { StsEvent } from './events.ts';
import type { StsFetched } from './policyRequest.ts';

export interface StsLimits {
  /** Cached policies, and the bytes of their text and parsed form, counted as two per character. */
  readonly policies: number;
  readonly bytes: number;
  /** Domains without a policy that are remembered. */
  readonly remembered: number;
  readonly rememberedBytes: number;
  /** Policy files being fetched at once. */
  readonly fetches: number;
  /** Domains being looked up at once, fetches included. */
  readonly lookups: number;
  /** For one fetch, in milliseconds. */
  readonly deadlineMs: number;
}

export const STS_LIMITS: StsLimits = {
  policies: 10_000,
  bytes: 64 * 1024 * 1024,
  remembered: 10_000,
  rememberedBytes: 16 * 1024 * 1024,
  fetches: 256,
  lookups: 1024,
  deadlineMs: 15_000,
};

export interface StsOptions {
  readonly resolver: Resolver;
  /** Where policies survive a restart (folder.ts); null: nowhere. */
  readonly folder: string | null;
  readonly opening: StsOpening | null;
  /** Called as things happen; must not throw. */
  readonly event: (event: StsEvent) => void;
  /** Milliseconds since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** Milliseconds, from any zero, by a clock that is never set. Default: the process's, or a given `now`. */
  readonly monotonic?: () => number;
  readonly limits?: Partial<StsLimits>;
  /** PEM of the CAs to trust instead of Node's own list. */
  readonly ca?: string;
  /** How a policy is fetched. Default: over HTTPS (fetch.ts). */
  readonly fetch?: (domain: string, signal: AbortSignal) => Promise<StsFetched>;
}
