/**
 * The lines of several streams as one, in order of time. Each line comes as it stands in its file, so that it can still
 * be proven; the order within a stream is kept even where its clock was set back.
 */
import { linesFile } from '../archive/layout.ts';
import { linesOf } from '../archive/readDay.ts';
import type { Place, Range } from './places.ts';

interface Head {
  readonly place: Place;
  readonly lines: Iterator<Uint8Array>;
  line: Uint8Array;
  time: string;
}

const TIME = Buffer.from('"time":"');
const TIME_BYTES = 24;

/** Valid until the next one is asked for. Throws the error of open(2) or read(2). */
export function* mergedLines(
  places: readonly Place[],
  range: Range,
): Generator<{ readonly place: Place; readonly line: Uint8Array }> {
  const heads: Head[] = [];
  for (const place of places)
    for (const stream of place.streams) {
      const head = { place, lines: linesIn(stream, range), line: new Uint8Array(), time: '' };
      if (advance(head)) heads.push(head);
    }
  while (heads.length > 0) {
    let first = heads[0]!;
    for (const head of heads) if (head.time < first.time) first = head;
    yield first;
    if (!advance(first)) heads.splice(heads.indexOf(first), 1);
  }
}

function* linesIn({ folder, days }: Place['streams'][number], { from, to }: Range): Generator<Uint8Array> {
  for (const day of days) if (day >= from && day <= to) yield* linesOf(linesFile(folder, day));
}

/** Takes the next line; a line without a time comes with the one before it. */
function advance(head: Head): boolean {
  const next = head.lines.next();
  if (next.done === true) return false;
  head.line = next.value;
  const line = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
  const at = line.indexOf(TIME);
  if (at >= 0 && at < 64)
    head.time = line.toString('latin1', at + TIME.length, at + TIME.length + TIME_BYTES);
  return true;
}
