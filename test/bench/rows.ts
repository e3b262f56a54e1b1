/** All rows of the benchmark, in the order in which they are measured. */
import type { Row } from './bed.ts';
import { collectRow } from './collect-row.ts';
import { evidenceRow } from './evidence-row.ts';
import { flatRow } from './flat-row.ts';
import { memoryRow } from './memory-row.ts';
import { millionRow } from './million-row.ts';
import { milterRows } from './milter-rows.ts';
import { postfixRow } from './postfix-row.ts';
import { recipientsRow } from './recipients-row.ts';
import { recordRow } from './record-row.ts';
import { requestRows } from './request-rows.ts';
import { selfcheckRow } from './selfcheck-row.ts';
import { startRow } from './start-row.ts';

export const ROWS: readonly Row[] = [
  selfcheckRow,
  ...milterRows,
  recipientsRow,
  ...requestRows,
  postfixRow,
  evidenceRow,
  startRow,
  memoryRow,
  millionRow,
  recordRow,
  collectRow,
  flatRow,
];

/** Rows that run for minutes: the short form leaves them out unless they are named. */
export const LONG_ROWS: ReadonlySet<string> = new Set([flatRow.name]);
