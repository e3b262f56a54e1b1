/**
 * Parses JSON of a stranger, after one look at its bytes: how deep it is nested and how many values it can have at
 * most. So `JSON.parse` is never given what would take more memory than a report of the largest size does, some
 * 200 MiB.
 */
import { escapeText } from '../core/escape.ts';
import { jsonSize } from '../core/jsonDepth.ts';
import { ReportRefused } from './refusal.ts';

const MAX_DEPTH = 16;
/** Objects and lists: 10,000 policies with 5 each and 100,000 rows, and as much again. */
const MAX_CONTAINERS = 300_000;
/** Commas: a row has up to 8 values. */
const MAX_COMMAS = 2_000_000;

/** The value. Throws ReportRefused. */
export function parseJson(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  measure(text);
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw new ReportRefused('json-syntax', escapeText(why, 100), 'an object as RFC 8460 section 4.4 has it');
  }
}

function measure(text: string): void {
  const { depth, containers, commas } = jsonSize(text, MAX_DEPTH);
  if (depth > MAX_DEPTH)
    throw new ReportRefused('json-depth', `more than ${MAX_DEPTH} levels`, 'at most that');
  if (containers > MAX_CONTAINERS || commas > MAX_COMMAS) {
    const found = `${containers} objects and lists, ${commas} commas`;
    throw new ReportRefused('json-values', found, `at most ${MAX_CONTAINERS} and ${MAX_COMMAS}`);
  }
}
