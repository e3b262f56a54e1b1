/** Lines of evidence for tests: finished as the writer does, read back, and checked by the schema. */
import { Ajv } from 'ajv';
import type { Test } from 'tap';
import { escapeLine } from '../../src/core/escape.ts';
import { finishedLine } from '../../src/evidence/lineText.ts';
import { addressOf } from '../../src/evidence/pseudonym.ts';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { recordSchema } from '../../src/evidence/recordSchema.ts';

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(recordSchema());

/** Fails unless the schema knows the record. */
export function checkRecord(t: Test, record: unknown): void {
  const valid = validate(record);
  const { type } = record as EvidenceRecord;
  // of the types only the one that is meant is interesting
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'const');
  // a name of a test must be one line of plain text
  t.ok(valid, valid ? type : escapeLine(`${type}: ${JSON.stringify([errors.slice(0, 20), record])}`, 4000));
}

/** The record of a text that a producer hands over, with whole addresses; checked by the schema. */
export function recordOf(t: Test, text: string, n = 0): EvidenceRecord {
  t.notOk(text.includes('\n'), 'one line');
  const line = finishedLine(n, text, (address) => addressOf(address, 'full', null));
  const record = JSON.parse(line ?? '') as EvidenceRecord;
  checkRecord(t, record);
  return record;
}
