/** Days of records for tests, counted without files. */
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { TallyBuilder } from '../../src/tally/buildTally.ts';
import { type Counts, noCounts, type Way } from '../../src/tally/counts.ts';
import type { DayTally } from '../../src/tally/dayTally.ts';
import { Merger } from '../../src/tally/mergeTallies.ts';
import type { PartnerTally, Tallies } from '../../src/tally/tallies.ts';
import { Told } from '../../src/tally/told.ts';
import { readRecord } from '../../src/trace/readRecord.ts';
import { delivery, type MadeRecord, verdict } from '../trace/madeDays.ts';

export const DAY = '2026-11-20';

export const at = (time: string, day = DAY): string => `${day}T${time}.000Z`;

/** What the policy service answers about one recipient. */
export const rcpt = (time: string, fields: Readonly<Record<string, unknown>> = {}, day = DAY): MadeRecord =>
  verdict(at(time, day), { protocol: 'policy', stage: 'RCPT', ...fields });

/** What the milter answers about a message. */
export const message = (
  time: string,
  fields: Readonly<Record<string, unknown>> = {},
  day = DAY,
): MadeRecord => verdict(at(time, day), fields);

export const sent = (time: string, fields: Readonly<Record<string, unknown>> = {}, day = DAY): MadeRecord =>
  delivery(at(time, day), { demanded: undefined, ...fields });

export const PLAIN = { state: 'plain' };
export const UNKNOWN = { state: 'unknown' };
export const TLS12 = { state: 'tls', protocol: 'TLSv1.2', cipher: 'AES256-SHA', bits: 256, peer: 'trusted' };

/** A delivery that failed in the words of Postfix. */
export const failed = (
  time: string,
  reply: string,
  fields: Readonly<Record<string, unknown>> = {},
  day = DAY,
): MadeRecord => sent(time, { outcome: 'deferred', dsn: '4.7.5', reply, tls: UNKNOWN, ...fields }, day);

export const NO_STARTTLS = 'TLS is required, but was not offered by host mx.example.org[198.51.100.7]';

/** As a line of the file would have it: addresses without their brackets. */
export function recordOf(made: MadeRecord, n = 1): EvidenceRecord {
  const text = JSON.stringify({ v: 1, n, host: 'mx.example.org', ...made }).replaceAll(
    /"<([^">]+)>"/g,
    '"$1"',
  );
  const record = readRecord(Buffer.from(text));
  if (record === null) throw new Error(`no record: ${text}`);
  return record;
}

/** `told`: records of the daemon for what was demanded. */
export function tallyOf(
  records: readonly MadeRecord[],
  day = DAY,
  told: readonly MadeRecord[] = [],
): DayTally {
  const answers = new Told();
  for (const [n, made] of told.entries()) answers.add(recordOf(made, n));
  const builder = new TallyBuilder(day, answers);
  for (const [n, made] of records.entries()) builder.add(recordOf(made, n));
  return builder.finish();
}

/** Tallies of one stream as one value; what a day holds is as it would come from its file. */
export function merged(stream: 'daemon' | 'collector', ...days: readonly DayTally[]): Tallies {
  const merger = new Merger(days[0]!.day, days.at(-1)!.day, null);
  for (const day of days) merger.add('evidence', stream, JSON.parse(JSON.stringify(day)) as DayTally);
  return merger.finish([]);
}

export const countedIn = (...records: readonly MadeRecord[]): Tallies => merged('daemon', tallyOf(records));

export const countedOut = (...records: readonly MadeRecord[]): Tallies =>
  merged('collector', tallyOf(records));

/** Those that are not 0. */
export function some(counts: Counts): Partial<Counts> {
  const names = Object.keys(noCounts()) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, counts[name]]).filter(([, value]) => value !== 0));
}

export function partner(tallies: Tallies, domain: string, way: Way): PartnerTally {
  const found = tallies.partners.find((one) => one.domain === domain && one.way === way);
  if (found === undefined) throw new Error(`no mail ${way} of ${domain}`);
  return found;
}
