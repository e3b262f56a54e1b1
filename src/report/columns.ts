/**
 * Sentences and tables for a terminal of 80 columns. Pure. A name that is too wide for its column has a line of its own, so
 * that no name is cut, and no number stands where it does not belong.
 */
import { escapeLine } from '../core/escape.ts';
import { wrapWords } from '../core/wrapWords.ts';

const WIDTH = 80;
/** Longest cell; a domain has at most 253 characters, an address in a pattern 64 more. */
const MAX_CELL = 400;
const GAP = '  ';

/** Words of a sentence in lines that are not longer than the width; a word is never broken. */
export function wrap(text: string, indent = '', width = WIDTH): string[] {
  return wrapWords(escapeLine(text, 20_000), width - indent.length)
    .filter((line) => line !== '')
    .map((line) => indent + line);
}

const ACTS = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A line to paste: as it is, whatever its script, without what a terminal acts on. */
export function pasteLine(text: string): string {
  return text.replace(ACTS, '?');
}

/** One column: its title; numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly right?: true;
}

/** Cells by row; `below`: a line of text under the row. */
export interface Row {
  readonly cells: readonly string[];
  readonly below?: string;
}

/** The lines of a table, its titles first. The first column gets what the others leave. */
export function tableLines(columns: readonly Column[], rows: readonly Row[]): string[] {
  const shown = rows.map(({ cells }) => cells.map((cell) => escapeLine(cell, MAX_CELL)));
  const widths = columns.map(({ title }, i) =>
    shown.reduce((width, cells) => Math.max(width, cells[i]?.length ?? 0), title.length),
  );
  const others = widths.slice(1).reduce((total, width) => total + GAP.length + width, 0);
  widths[0] = Math.max(columns[0]?.title.length ?? 0, Math.min(widths[0] ?? 0, WIDTH - others));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ right }, i) =>
        right ? (cells[i] ?? '').padStart(widths[i]!) : (cells[i] ?? '').padEnd(widths[i]!),
      )
      .join(GAP)
      .trimEnd();
  const lines = [line(columns.map(({ title }) => title))];
  for (const [i, cells] of shown.entries()) {
    const [first = ''] = cells;
    if (first.length > widths[0]) lines.push(first, line(['', ...cells.slice(1)]));
    else lines.push(line(cells));
    const { below = '' } = rows[i]!;
    if (below !== '') lines.push(...wrap(below, '    '));
  }
  return lines;
}
