/**
 * The records of some types in a day's file: of a million lines there may be a hundred of them, and the others are passed
 * by without parsing.
 */
import { MAX_LINE_BYTES } from '../archive/layout.ts';
import { chunksOf, EndlessLineError } from '../archive/readDay.ts';
import type { EvidenceRecord, RecordType } from '../evidence/record.ts';
import { codeOf } from '../files/systemError.ts';
import { readRecord } from '../trace/readRecord.ts';

const LF = 10;
const COMMA = 0x2c;
const HEAD_BYTES = '{"v":1,"n":'.length;
const MAX_DIGITS = 16;
/** From the end of the number to the name of the type. */
const TO_TYPE = ',"time":"2026-11-30T01:02:03.456Z",'.length;

/**
 * In the order of the lines; a line that is not as the writer writes it is looked at, whatever its type. Throws the error
 * of open(2) or read(2), unless there is no such file.
 */
export function* recordsOfTypes(file: string, types: readonly RecordType[]): Generator<EvidenceRecord> {
  const names = types.map((type) => Buffer.from(`"type":"${type}"`));
  try {
    for (const { bytes, start, end } of chunksOf(file))
      for (let at = start; at < end; ) {
        const stop = bytes.indexOf(LF, at);
        const looked = stop - at <= MAX_LINE_BYTES && mayBe(bytes, at, names);
        const record = looked ? readRecord(bytes.subarray(at, stop)) : null;
        if (record !== null && types.includes(record.type)) yield record;
        at = stop + 1;
      }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && !(error instanceof EndlessLineError)) throw error;
  }
}

const TYPE = Buffer.from('"type":"');

function mayBe(bytes: Buffer, start: number, names: readonly Buffer[]): boolean {
  let at = start + HEAD_BYTES;
  for (const last = at + MAX_DIGITS; at < last && bytes[at] !== COMMA; ) at++;
  const type = at + TO_TYPE;
  return !isAt(bytes, type, TYPE) || names.some((name) => isAt(bytes, type, name));
}

function isAt(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}
