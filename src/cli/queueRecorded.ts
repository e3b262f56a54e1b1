/**
 * The mail that waits by the records of the collector, for who must not ask the MTA (`tlsward queue --recorded`, the live
 * page). Lines of deliveries that were made are passed by without parsing, unless their message waits.
 */
import { addDays } from '../archive/day.ts';
import { linesFile, MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import { RecordedWaiting } from '../queue/recorded.ts';
import type { Place } from '../trace/places.ts';
import { readRecord } from '../trace/readRecord.ts';

/** Days that are read: mail waits five days by default. */
const MAX_DAYS = 6;
const LF = 10;
const QUOTE = 0x22;
const DEFERRED = Buffer.from('"outcome":"deferred"');
const QUEUE_ID = Buffer.from('"queueId":"');
const MAX_ID = 64;

/** null: no collector has written records here. `today`: YYYY-MM-DD. Throws the error of open(2) or read(2). */
export function recordedWaiting(places: readonly Place[], today: string): RecordedWaiting | null {
  const streams = places.flatMap((place) => place.streams.filter(({ name }) => name === 'collector'));
  if (streams.length === 0) return null;
  const waiting = new RecordedWaiting();
  const from = addDays(today, 1 - MAX_DAYS);
  for (const { folder, days } of streams)
    for (const day of days.filter((one) => one >= from && one <= today))
      scanDay(linesFile(folder, day), waiting);
  return waiting;
}

function scanDay(file: string, waiting: RecordedWaiting): void {
  try {
    for (const { bytes, start, end } of chunksOf(file)) {
      let deferred = bytes.indexOf(DEFERRED, start);
      for (let at = start; at < end; ) {
        const stop = bytes.indexOf(LF, at);
        if (deferred >= 0 && deferred < at) deferred = bytes.indexOf(DEFERRED, at);
        const matters = (deferred >= at && deferred < stop) || waiting.has(queueIdIn(bytes, at, stop));
        const record = matters && stop - at <= MAX_LINE_BYTES ? readRecord(bytes.subarray(at, stop)) : null;
        if (record?.type === 'delivery') waiting.add(record);
        at = stop + 1;
      }
    }
  } catch (error) {
    if (!(error instanceof EndlessLineError)) throw error;
  }
}

/** The queue id of a line as the collector writes it: near its begin; '' without one. */
function queueIdIn(bytes: Buffer, start: number, stop: number): string {
  const line = bytes.subarray(start, Math.min(stop, start + 512));
  const begin = line.indexOf(QUEUE_ID);
  if (begin < 0) return '';
  const from = begin + QUEUE_ID.length;
  const end = line.indexOf(QUOTE, from);
  return end < 0 || end - from > MAX_ID ? '' : line.toString('latin1', from, end);
}
