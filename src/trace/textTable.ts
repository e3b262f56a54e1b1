/** Rows as lines of a fixed pitch. Pure. */
import { escapeLine } from '../core/escape.ts';

const MAX_CELL = 200;

/** Numbers to the right, all else to the left; texts are escaped. */
export function tableLines(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns, ...rows].map((row) => row.map((cell) => escapeLine(cell, MAX_CELL)));
  const widths = columns.map((_, i) => all.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), 0));
  return all.map((row) =>
    row
      .map((cell, i) => (/^[0-9]+$/.test(cell) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
