/**
 * CSV (RFC 4180) that is safe to open in a spreadsheet: a cell that would begin a formula gets a `'` in front, also
 * where white space stands before it, and characters that a terminal would act on are escaped.
 */
import { escapeLine } from '../core/escape.ts';

/** Longest cell: spreadsheets take 32,767 characters. */
const MAX_CELL = 32_000;
const FORMULA = /^[\s\u0000]*[=+\-@\t\r]/;

/** Where a spreadsheet that separates by semicolons, as in many countries, would begin a cell with a formula. */
const NEXT_FORMULA = /;"?[\s\u0000]*"?(?=[=+\-@])/g;

export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const begun = FORMULA.test(value) ? `'${value}` : value;
  const guarded = begun.includes(';') ? begun.replace(NEXT_FORMULA, "$&'") : begun;
  const text = escapeLine(guarded, MAX_CELL);
  return /[",\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
