/**
 * Parses JSON of a stranger, after one look at its bytes: how deep it is nested and how many values it can have at
 * most. So `JSON.parse` is never given what would take more memory than a report of the largest size does, some
 * 200 MiB.
 */
import { escapeText } from '../core/escape.ts';
import { ReportRefused } from './refusal.ts';

const MAX_DEPTH = 16;
/** Objects and lists: 10,000 policies with 5 each and 100,000 rows, and as much again. */
const MAX_CONTAINERS = 300_000;
/** Commas: a row has up to 8 values. */
const MAX_COMMAS = 2_000_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The value. Throws ReportRefused. */
export function parseJson(bytes: Buffer): unknown {
  measure(bytes);
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw new ReportRefused('json-syntax', escapeText(why, 100), 'an object as RFC 8460 section 4.4 has it');
  }
}

function measure(bytes: Buffer): void {
  let depth = 0;
  let containers = 0;
  let commas = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        containers++;
        if (++depth > MAX_DEPTH)
          throw new ReportRefused('json-depth', `more than ${MAX_DEPTH} levels`, 'at most that');
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
      case 0x2c:
        commas++;
        break;
    }
  }
  if (containers > MAX_CONTAINERS || commas > MAX_COMMAS) {
    const found = `${containers} objects and lists, ${commas} commas`;
    throw new ReportRefused('json-values', found, `at most ${MAX_CONTAINERS} and ${MAX_COMMAS}`);
  }
}

/** Offset of the quote that closes the string at `at`; the end of the text when there is none. */
function endOfString(bytes: Buffer, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}
