/**
 * What a report is made of: the tallies of all days and streams that were asked for, put together (mergeTallies.ts).
 *
 * A count of 0 where nothing was recorded says nothing: `recordedDays` tells on how many days of the range there are
 * records of the daemon (mail in) and of `tlsward collect` (mail out).
 */
import type { Counts, Level, Way } from './counts.ts';

/** Mail with one domain in one way; '<>' is the null sender, '' an address without a domain. */
export interface PartnerTally extends Counts {
  readonly domain: string;
  readonly way: Way;
  /** The weakest level of what travelled; null: nothing did. */
  readonly weakest: Level | null;
  /** Of plaintext that travelled; '' without any. ISO 8601. */
  readonly lastPlain: string;
  /** The row that decided last, or what was demanded last; null: none is known. */
  readonly row: LastRow | null;
  /** The row or level that required TLS last; null: none did. */
  readonly required: LastRow | null;
  /** Under a requirement, and not `kept`; days that have any, in order. */
  readonly notKept: readonly { readonly day: string; readonly count: number }[];
}

/** A row as records name it. */
export interface LastRow {
  /** `.gov.example`; '' when the records name none: the MTA's own log told the level. */
  readonly pattern: string;
  /** `FILE:LINE`; ''. */
  readonly at: string;
  /** Inbound `none`, `may`, `encrypt`, `verify`; outbound the levels of Postfix. */
  readonly level: string;
  readonly observed: boolean;
  readonly time: string;
}

export type Outcome = 'refused' | 'put off' | 'returned' | 'waiting' | 'let pass';

/** Why messages under a requirement were not kept, or were refused; one for each domain, way, outcome and cause. */
export interface CauseTally {
  readonly domain: string;
  readonly way: Way;
  readonly outcome: Outcome;
  /** In words: `certificate expired`, `plaintext`. */
  readonly cause: string;
  readonly count: number;
  /** ISO 8601. */
  readonly first: string;
  readonly last: string;
  /** What `tlsward trace` finds the last of them by: a code, or a queue id; '' when there is none. */
  readonly example: string;
  /** The other side: the client, or the server, that it happened with most often, `203.0.113.40`; '' if unknown. */
  readonly peer: string;
}

/** Sessions under TLS by what they used, as messages per recipient that travelled. */
export interface CipherTally {
  readonly way: Way;
  /** `TLSv1.2`, as the MTA says it. */
  readonly protocol: string;
  readonly cipher: string;
  readonly count: number;
  /** The domains with most of it, and how many others there are at least. */
  readonly domains: readonly { readonly domain: string; readonly count: number }[];
  readonly otherDomains: number;
}

/** Mail that travelled under one row of the table. */
export interface RowTally extends Counts {
  readonly way: Way;
  readonly pattern: string;
  readonly at: string;
  readonly level: string;
  readonly mode: string;
  readonly first: string;
  readonly last: string;
}

/** An exception as the daemon recorded it: when it came into force, changed and went. In order of time. */
export interface ExceptionTally {
  readonly time: string;
  readonly host: string;
  readonly change: 'set' | 'changed' | 'removed' | 'in-force';
  readonly pattern: string;
  readonly until: string;
  readonly reason: string;
  /** `receive encrypt → may`. */
  readonly changes: readonly string[];
  /** `FILE:LINE`, which is the `at` of the rows that it made: see `rows`. */
  readonly at: string;
}

/** Time of which records are missing, or may be. */
export interface GapTally {
  readonly directory: string;
  readonly stream: string;
  readonly host: string;
  /** ISO 8601, or a day. */
  readonly from: string;
  readonly to: string;
  /** Records that are missing; null: not known. */
  readonly count: number | null;
  readonly why: string;
}

interface SessionCounts {
  readonly all: number;
  readonly tls: number;
}

export interface Tallies {
  /** Days, both included. */
  readonly from: string;
  readonly to: string;
  readonly hosts: readonly string[];
  /** Lines that are records, and lines that are none. */
  readonly records: number;
  readonly unreadable: number;
  readonly total: Readonly<Record<Way, Counts>>;
  /** Every day of the range, in order, with or without records. */
  readonly days: readonly ({ readonly day: string } & Readonly<Record<Way, Counts>>)[];
  readonly recordedDays: Readonly<Record<Way, number>>;
  /** Connections of SMTP; null where the records do not tell them apart (no port of the client; mail out). */
  readonly sessions: Readonly<Record<Way, SessionCounts | null>>;
  /** By harm, then by volume. */
  readonly partners: readonly PartnerTally[];
  /** Mail with domains beyond the limit; it is in `total` and in `days`, and in no list. */
  readonly others: Readonly<Record<Way, Counts>>;
  readonly causes: readonly CauseTally[];
  /** Messages whose cause is beyond the limit of `causes`. */
  readonly otherCauses: number;
  /** All that was seen, good ones too, the most frequent first. */
  readonly ciphers: readonly CipherTally[];
  readonly rows: readonly RowTally[];
  readonly exceptions: readonly ExceptionTally[];
  readonly gaps: readonly GapTally[];
  /** By host: the last table that decided, and since when. */
  readonly tables: readonly { readonly host: string; readonly hash: string; readonly since: string }[];
  /** The streams that were read. */
  readonly streams: readonly StreamRead[];
  /** Sentences: limits that were reached, and what therefore is not told apart. */
  readonly notes: readonly string[];
}

interface StreamRead {
  readonly directory: string;
  readonly stream: string;
  readonly folder: string;
  /** Days that were read, in order. */
  readonly days: readonly string[];
  /** Of them: counted from the lines now, because there was no tally that fits. */
  readonly counted: readonly string[];
}
