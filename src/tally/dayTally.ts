/**
 * One day of one stream, counted: what DAY.tally holds as JSON (tallyFile.ts). Numbers that are 0, and lists that are
 * empty, are left out of partners, because there may be 20,000 of them.
 *
 * What the end of the day leaves open is not counted in any partner but listed, so that the next day can close it
 * (mergeTallies.ts): messages of which only recipients were answered for, and recipients that wait for TLS.
 */
import type { Counts, Way } from './counts.ts';
import type { Item, ItemRow } from './item.ts';
import type { ExceptionTally, Outcome } from './tallies.ts';

/** Index of a row in `rows`, and when it applied last. */
export type RowAt = readonly [row: number, time: string];

export interface DayCause {
  readonly outcome: Outcome;
  readonly cause: string;
  readonly count: number;
  readonly first: string;
  readonly last: string;
  readonly example: string;
  /** Addresses of the other side, those with most first, at most three. */
  readonly peers: readonly (readonly [address: string, count: number])[];
}

/** Mail with one domain in one way. */
export interface DayLeg {
  readonly counts: Partial<Counts>;
  readonly lastPlain?: string;
  readonly row?: RowAt;
  readonly required?: RowAt;
  readonly causes?: readonly DayCause[];
  /** Messages whose cause found no room. */
  readonly otherCauses?: number;
  /** Index in `ciphers`, count, index, count ... */
  readonly ciphers?: readonly number[];
}

export interface DayPartner {
  readonly domain: string;
  readonly in?: DayLeg;
  readonly out?: DayLeg;
}

export interface DayRow extends ItemRow {
  readonly way: Way;
  readonly counts: Partial<Counts>;
  readonly first: string;
  readonly last: string;
}

/** What is missing, as records of the day say. */
export interface DayGap {
  readonly type: 'gap' | 'torn' | 'clock' | 'day';
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly count: number | null;
  readonly why: string;
}

/** A message that a record of the next day may replace or close. */
export interface OpenItem {
  /** By what it is found (keyOf.ts). */
  readonly key: string;
  readonly item: Item;
}

export interface DayTally {
  readonly day: string;
  readonly records: number;
  readonly unreadable: number;
  readonly hosts: readonly string[];
  readonly partners: readonly DayPartner[];
  /** Mail with domains that `partners` leaves out. */
  readonly others: Readonly<Record<Way, Partial<Counts>>>;
  readonly rows: readonly DayRow[];
  readonly ciphers: readonly string[];
  /** Of `others`. */
  readonly otherCiphers: Readonly<Record<Way, readonly number[]>>;
  readonly exceptions: readonly ExceptionTally[];
  readonly gaps: readonly DayGap[];
  readonly tables: readonly DayTable[];
  /** Connections of clients; `unknown`: answers whose connection is not known. */
  readonly sessions: { readonly all: number; readonly tls: number; readonly unknown: number };
  /** Inbound: recipients that were accepted shortly before the end of the day, of messages that go on. */
  readonly open: readonly OpenItem[];
  /** Keys of answers about whole messages shortly after its beginning. */
  readonly early: readonly string[];
  /** Outbound: recipients that waited for TLS when the day ended. */
  readonly waiting: readonly OpenItem[];
  /** Recipients whose message is older than the day, and of which something was heard: key and how many. */
  readonly ended: readonly (readonly [key: string, count: number])[];
  /** Recipients that were given up, and why they waited stands in an earlier day. */
  readonly expired: readonly OpenItem[];
  /** Limits that were reached: what they cut off is said in `notes` of the report. */
  readonly cut: readonly Cut[];
}

/** As it is read from its file: its partners come piece by piece, once. */
export type ReadTally = Omit<DayTally, 'partners'> & { readonly partners: Iterable<DayPartner> };

/** By host: the tables of the day. */
export interface DayTable {
  readonly host: string;
  /** The first one that decided. */
  readonly first: string;
  readonly firstTime: string;
  /** The last one, and since when it decided without a break. */
  readonly last: string;
  readonly since: string;
}

export type Cut = 'partners' | 'rows' | 'causes' | 'hosts' | 'events' | 'open' | 'waiting' | 'told';
