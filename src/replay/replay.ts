/**
 * Recorded mail through another table: reads the records of a range of days, and counts what that table would have
 * answered. Reads each line once; what it keeps is bounded in changes.ts, inbound.ts and outbound.ts.
 */
import { linesFile } from '../archive/layout.ts';
import { EndlessLineError, linesOf } from '../archive/readDay.ts';
import { outboundClass } from '../trace/classes.ts';
import type { Place, Range } from '../trace/places.ts';
import { readRecord } from '../trace/readRecord.ts';
import type { Candidate } from './candidate.ts';
import { Changes, type Group, type Totals } from './changes.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';

export interface Replayed {
  /** Records that were read. */
  readonly records: number;
  /** Lines that are none. */
  readonly unreadable: number;
  readonly totals: Readonly<Record<'in' | 'out', Readonly<Totals>>>;
  /** What would be different, then what cannot be told. */
  readonly groups: readonly Group[];
  /** Messages that would have been rejected, or put off and were not, or would have waited. */
  readonly stopped: number;
  /** Answers and deliveries that no table changes. */
  readonly inside: number;
  /** Attempts to deliver after which the message did not leave; they are not judged. */
  readonly attempts: number;
  /** Answers that this very table gave and would not give again, with the codes of some: a mistake of tlsward. */
  readonly contradicted: number;
  readonly contradictions: readonly string[];
  /** Records that are missing, or may be: gaps, and how many records they name. */
  readonly gaps: number;
  readonly missing: number;
}

/** Records between two steps. */
const STEP = 10_000;
/** Characters of a line in which its type stands; a time and a number come before it. */
const HEAD = 120;
const TYPE = /"type":"([a-z]+)"/;

/**
 * Yields the day that is read, often; returns the result. `partner`: only mail from it, and to it. Throws the error of
 * open(2) or read(2).
 */
export function* replay(
  places: readonly Place[],
  { from, to }: Range,
  candidate: Candidate,
  partner: string | null,
): Generator<string, Replayed> {
  const changes = new Changes();
  const inbound = new Inbound(candidate, changes);
  const outbound = new Outbound(candidate, changes);
  const count = { records: 0, unreadable: 0, gaps: 0, missing: 0 };
  for (const { directory, streams } of places) {
    const days = [...new Set(streams.flatMap((stream) => stream.days))].filter(
      (day) => day >= from && day <= to,
    );
    // the daemon's answers of a day come before the deliveries of that day
    for (const day of days.sort())
      for (const { folder, days: own } of streams) {
        if (!own.includes(day)) continue;
        yield day;
        try {
          for (const line of linesOf(linesFile(folder, day))) {
            if (++count.records % STEP === 0) yield day;
            add(line);
          }
        } catch (error) {
          if (!(error instanceof EndlessLineError)) throw error;
          count.unreadable++;
        }
      }

    function add(line: Uint8Array): void {
      const bytes = Buffer.from(line.buffer, line.byteOffset, line.length);
      const type = TYPE.exec(bytes.toString('latin1', 0, HEAD))?.[1];
      if (type !== 'verdict' && type !== 'delivery' && type !== 'map' && type !== 'gap') return;
      if (partner !== null && type !== 'gap' && !bytes.includes(partner)) return;
      const record = readRecord(line);
      if (record === null) count.unreadable++;
      else if (record.type === 'verdict') {
        if (partner === null || record.senderDomain === partner) inbound.add(record, directory);
      } else if (record.type === 'delivery') {
        if (partner === null || record.recipientDomain === partner)
          outbound.add(record, directory, outboundClass(record) === 'inside');
      } else if (record.type === 'map') outbound.answered(record, directory);
      else if (record.type === 'gap') {
        count.gaps++;
        count.missing += record.count ?? 0;
      }
    }
  }
  const { groups, totals } = changes;
  const stopped = groups.filter(isStopped).reduce((sum, group) => sum + group.count, 0);
  const { contradicted, contradictions } = inbound;
  const { attempts } = outbound;
  const inside = inbound.inside + outbound.inside;
  return { ...count, totals, groups, stopped, inside, attempts, contradicted, contradictions };
}

/** What was refused for good, and would be put off instead, is no more refused than before. */
function isStopped({ kind, before }: Group): boolean {
  return kind === 'rejected' || kind === 'waits' || (kind === 'deferred' && !before.startsWith('reject'));
}
