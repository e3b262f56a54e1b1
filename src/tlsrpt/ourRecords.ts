/**
 * What our own records say of the hours of a report: the verdicts about mail from the addresses whose sessions are
 * said to have failed, and what the MTA refused from them. A session that broke before any mail leaves no such record;
 * that there is none says nothing by itself.
 *
 * Every day of the hours is read once; only lines about one of the addresses are parsed.
 */
import { addDays } from '../archive/day.ts';
import { linesFile } from '../archive/layout.ts';
import { chunksOf } from '../archive/readDay.ts';
import { formatAddress, parseAddress } from '../core/network.ts';
import type { EvidenceRecord } from '../evidence/record.ts';
import type { Place } from '../trace/places.ts';
import { readRecord } from '../trace/readRecord.ts';
import type { KeptReport } from './keptReport.ts';

/** Addresses that are looked for, and days that are read. */
const MAX_ADDRESSES = 100;
const MAX_DAYS = 8;
const CLIENT = Buffer.from('"client":"');
/** Longest address as text, `[IPv6 with an IPv4 end]`. */
const MAX_CLIENT = 64;
const LF = 10;
const QUOTE = 0x22;

/** Of one address, in the hours of the report. */
export interface OurRecords {
  readonly address: string;
  /** Verdicts by the TLS of the session; `refused` of them refused or put off. */
  readonly tls: number;
  readonly plain: number;
  readonly unknown: number;
  readonly refused: number;
  /** Of what the MTA itself refused. */
  readonly refusals: number;
  /** ISO 8601; '' without a record. */
  readonly first: string;
  readonly last: string;
  /** Of the last verdict, for `tlsward lookup`; ''. */
  readonly code: string;
}

export interface Joined {
  readonly records: readonly OurRecords[];
  /** Addresses of failures that were not looked for. */
  readonly moreAddresses: number;
  /** Days of the hours of which there are no records at all. */
  readonly missingDays: readonly string[];
}

type Counts = { -readonly [Name in keyof OurRecords]: OurRecords[Name] };

/** Throws the error of open(2) or read(2). */
export function ourRecords(
  { start, end, policies }: Pick<KeptReport, 'start' | 'end' | 'policies'>,
  places: readonly Place[],
): Joined {
  const failures = policies.flatMap((policy) => policy.failures);
  const addresses = [...new Set(failures.flatMap(({ sendingAddress }) => canonical(sendingAddress) ?? []))];
  const records = new Map<string, Counts>();
  for (const address of addresses.slice(0, MAX_ADDRESSES)) records.set(address, { ...NONE, address });
  const days: string[] = [];
  for (let day = start.slice(0, 10); day <= end.slice(0, 10) && days.length < MAX_DAYS; day = addDays(day, 1))
    days.push(day);
  const missingDays: string[] = [];
  for (const day of days) {
    const streams = places.flatMap((place) => place.streams).filter((stream) => stream.days.includes(day));
    if (streams.length === 0) missingDays.push(day);
    for (const { folder } of streams)
      for (const record of recordsOf(linesFile(folder, day), records))
        if (record.time >= start && record.time.slice(0, 19) <= end.slice(0, 19)) take(records, record);
  }
  return {
    records: [...records.values()],
    moreAddresses: Math.max(0, addresses.length - MAX_ADDRESSES),
    missingDays,
  };
}

const NONE = {
  tls: 0,
  plain: 0,
  unknown: 0,
  refused: 0,
  refusals: 0,
  first: '',
  last: '',
  code: '',
} as const;

function canonical(text: string): string | null {
  const bytes = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  return bytes === null ? null : formatAddress(bytes);
}

/** The lines that name one of the addresses as the client. */
function* recordsOf(file: string, wanted: ReadonlyMap<string, unknown>): Generator<EvidenceRecord> {
  if (wanted.size === 0) return;
  for (const { bytes, start, end } of chunksOf(file)) {
    const lines = bytes.subarray(0, end);
    for (let at = lines.indexOf(CLIENT, start); at >= 0; at = lines.indexOf(CLIENT, at + 1)) {
      const from = at + CLIENT.length;
      const to = lines.indexOf(QUOTE, from);
      if (to < 0 || to - from > MAX_CLIENT) continue;
      const client = canonical(lines.toString('latin1', from, to));
      if (client === null || !wanted.has(client)) continue;
      const begin = Math.max(start, lines.lastIndexOf(LF, at) + 1);
      const record = readRecord(lines.subarray(begin, lines.indexOf(LF, at)));
      if (record !== null) yield record;
    }
  }
}

function take(records: ReadonlyMap<string, Counts>, record: EvidenceRecord): void {
  if (record.type !== 'verdict' && record.type !== 'refusal') return;
  const counts = records.get(canonical(record.client ?? '') ?? '');
  if (counts === undefined) return;
  if (record.type === 'refusal') counts.refusals++;
  else {
    counts[record.tls.state]++;
    if (record.action === 'reject' || record.action === 'defer') counts.refused++;
    if (record.time >= counts.last) counts.code = record.code;
  }
  if (counts.first === '' || record.time < counts.first) counts.first = record.time;
  if (record.time > counts.last) counts.last = record.time;
}
