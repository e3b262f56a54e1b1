/**
 * What a report says: one plain value, made from the records by a pure function and shown as page, text, CSV and JSON.
 * Every number of a page is a number of this value, so that all four say the same.
 *
 * Counted are messages per recipient: a message to three people counts three times. A message is in one of five levels
 * of TLS; `unknown` is one of its own. What was refused or failed did not travel and is in no level.
 */

import type { ByLevel, Level, Way } from '../tally/counts.ts';
import type { Reported } from '../tlsrpt/reportedFindings.ts';

export { type ByLevel, LEVELS, type Level, type Way } from '../tally/counts.ts';
export type { ReportedCause, Reporter } from '../tlsrpt/reported.ts';
export type { Reported, ReportedFinding } from '../tlsrpt/reportedFindings.ts';

/** A UTC day, `2026-11-30`. */
type Day = string;

/** Ways of mail: what travelled, and apart from it what did not. */
export interface WayCounts {
  readonly travelled: ByLevel;
  /** Inbound: answers that refused for good or put off, each attempt. Outbound: always 0. */
  readonly refused: number;
  /** Outbound: recipients that came back for want of TLS, or still wait for it. Inbound: always 0. */
  readonly failed: number;
  /** Outbound: recipients that came back for other reasons: an unknown user, a full mailbox. Inbound: always 0. */
  readonly otherFailed: number;
}

/** All mail of one way. */
export interface WayShare extends WayCounts {
  readonly days: readonly (WayCounts & { readonly day: Day })[];
  /** Connections of SMTP, and those of them with TLS; null where the records do not tell. */
  readonly sessions: { readonly all: number; readonly tls: number } | null;
  /** Messages that never left this host: to a local mailbox, to a filter. Not in any share. */
  readonly inside: number;
  /** Days of the report that have records of this way; 0: nothing is known of it, and no number says anything. */
  readonly recordedDays: number;
}

/** One line of the list on top: what to do, why, and what to paste. */
export interface Finding {
  /** `failing`, `refused`, `overdue`, `passed`, `plain`, `weak`, `gap`, `observe`, `ready`. */
  readonly kind: string;
  /** Was mail lost, or is it exposed? Such findings stand first. */
  readonly harm: boolean;
  readonly count: number;
  /** What is counted: `messages out, not delivered`. */
  readonly unit: string;
  readonly domains: readonly string[];
  /** One line. */
  readonly title: string;
  /** Sentences. */
  readonly text: string;
  /** A command, or rows of the table, to paste; '' when there is nothing to paste. */
  readonly paste: string;
  /** The part of the report with the rows behind the number, and the row in it: `causes`, `clinic.example`. */
  readonly rows: { readonly part: Part; readonly key: string };
}

const PARTS = ['share', 'partners', 'causes', 'plain', 'ready', 'weak', 'exceptions', 'gaps'] as const;
export type Part = (typeof PARTS)[number];

/** Mail with one partner in one way, under a row that requires TLS. `messages` is the sum of the four. */
export interface Partner {
  readonly domain: string;
  readonly way: Way;
  /** `encrypt`, `verify`, `secure`, `dane-only`, ... */
  readonly level: string;
  /** `FILE:LINE` of the row; '' when the records do not name it. */
  readonly at: string;
  readonly observed: boolean;
  readonly messages: number;
  /** The level was met. */
  readonly kept: number;
  /** It was not, or it cannot be told, and the message travelled: an exception, a row that observes or tags. */
  readonly passed: number;
  readonly refused: number;
  readonly failed: number;
  readonly weakest: Level | null;
  /** Not kept, by day, for the days that have any. */
  readonly notKept: readonly { readonly day: Day; readonly count: number }[];
}

/** Why messages were not kept: one line for each partner, way, outcome and cause. */
export interface Cause {
  readonly domain: string;
  readonly way: Way;
  readonly outcome: 'refused' | 'put off' | 'returned' | 'waiting' | 'let pass';
  readonly messages: number;
  /** In words: `certificate expired`, `plaintext from 203.0.113.40`. */
  readonly cause: string;
  readonly first: string;
  readonly last: string;
  /** What `tlsward trace` finds one of them by: a code or a queue id; '' when there is none. */
  readonly example: string;
}

/** A domain with mail in plaintext. */
export interface PlainDomain {
  readonly domain: string;
  readonly in: number;
  readonly out: number;
  /** Of all mail with the domain that travelled, 0 to 1. */
  readonly share: number;
  readonly last: string;
  /** The row that applies, `bank.example encrypt`; '' when none was named. */
  readonly row: string;
}

/** A domain that always used TLS and of which no row requires it. */
export interface ReadyDomain {
  readonly domain: string;
  readonly in: number;
  readonly out: number;
  readonly weakest: Level;
  /** The strictest level that would have kept nothing back; '' for a way without mail. */
  readonly receive: string;
  readonly deliver: string;
}

/** Messages under an old protocol or an ageing cipher. */
export interface WeakSession {
  readonly protocol: string;
  readonly cipher: string;
  readonly in: number;
  readonly out: number;
  /** The domains with most of it, and how many others there are. */
  readonly domains: readonly string[];
  readonly otherDomains: number;
  /** Why it is named. */
  readonly why: string;
}

export interface DatedException {
  readonly pattern: string;
  /** On the last day of the report. */
  readonly state: 'in force' | 'overdue' | 'removed' | 'ended';
  readonly until: Day;
  readonly changes: readonly string[];
  readonly reason: string;
  /** `FILE:LINE`. */
  readonly at: string;
  /** Messages that travelled below the level of the row in its time, as far as the records tell. */
  readonly passed: number;
}

export interface ReportGap {
  readonly where: string;
  readonly from: string;
  readonly to: string;
  /** null: not known. */
  readonly count: number | null;
  readonly why: string;
}

export interface Report {
  readonly hosts: readonly string[];
  /** Both included. */
  readonly from: Day;
  readonly to: Day;
  /** ISO 8601. */
  readonly made: string;
  /** What was asked for: one domain, one way. */
  readonly partner: string | null;
  readonly way: Way | null;
  /** The command that makes this report again. */
  readonly command: string;
  /** Records that were read; messages are fewer. */
  readonly records: number;
  /** Messages with domains that are not told apart because there are too many: in the shares, but in no list. */
  readonly unlisted: number;
  /** The last table that decided, by host. */
  readonly tables: readonly { readonly host: string; readonly hash: string; readonly since: string }[];
  /** The sentence on top: the parts of it that name harm are marked. */
  readonly answer: readonly { readonly text: string; readonly harm: boolean }[];
  readonly lead: string;
  readonly findings: readonly Finding[];
  readonly share: Readonly<Record<Way, WayShare>>;
  readonly partners: readonly Partner[];
  readonly causes: readonly Cause[];
  readonly plain: readonly PlainDomain[];
  readonly ready: readonly ReadyDomain[];
  /** Messages at least that a ready domain has. */
  readonly readyLeast: number;
  readonly weak: readonly WeakSession[];
  readonly exceptions: readonly DatedException[];
  readonly gaps: readonly ReportGap[];
  /** Sentences about what the figures cannot say: lines that are no records, a configuration that is not readable. */
  readonly notes: readonly string[];
  /** The last signed head of each stream, a note as it is mailed to an auditor; '' without one. */
  readonly heads: readonly { readonly stream: string; readonly day: Day; readonly note: string }[];
  /**
   * What others report about sessions to us (RFC 8460): their claims, which are in no other number of this value. null:
   * no report was ever read, or the report is about one partner, or about mail that left.
   */
  readonly reported: Reported | null;
}
