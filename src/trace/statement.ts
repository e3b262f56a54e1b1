/** What a statement about one domain is made of: the facts, and the sections in which text and HTML print them. */
import type { EvidenceRecord } from '../evidence/record.ts';
import type { Gap } from './gaps.ts';
import type { PartnerCounts } from './partnerCounts.ts';

/** What is known of the days of one stream, from the run that makes the statement. */
export interface StreamHeads {
  readonly directory: string;
  readonly stream: string;
  /** The key by which heads were checked, `NAME+HASH`; or why there is none. */
  readonly key: string;
  /** Was the key one that the asker brought, not the one beside the lines? */
  readonly ownKey: boolean;
  readonly days: readonly {
    readonly day: string;
    readonly result: 'holds' | 'fails' | 'cannot-tell' | 'gone';
    readonly lines: number;
    readonly proven: number;
    readonly head: { readonly size: number; readonly root: string } | null;
  }[];
}

export type ExceptionFact = Extract<EvidenceRecord, { type: 'exception' }>;

export interface Statement {
  readonly domain: string;
  readonly from: string;
  readonly to: string;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly version: string;
  readonly counts: PartnerCounts;
  readonly exceptions: readonly ExceptionFact[];
  readonly gaps: readonly Gap[];
  readonly heads: readonly StreamHeads[];
  /** Lines about the domain that are no records. */
  readonly unreadable: number;
  /** Addresses that were named, with the pseudonyms that stand for them. */
  readonly addresses: readonly { readonly address: string; readonly pseudonyms: readonly string[] }[];
}

interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Section {
  readonly title: string;
  readonly sentences: readonly string[];
  readonly tables: readonly Table[];
}

/** Rows of a table that are shown. */
const MAX_ROWS = 20;

/** The table, not longer than a page bears, with how many rows more there are. */
export function cut(table: Table): Table {
  const more = table.rows.length - MAX_ROWS;
  if (more <= 0) return table;
  const last = [`and ${more} more`, ...table.columns.slice(1).map(() => '')];
  return { ...table, rows: [...table.rows.slice(0, MAX_ROWS), last] };
}
