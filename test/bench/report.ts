/**
 * What a row found, and how it is printed.
 *
 * A finding is a name of the table of goals (goals.ts) with the figure measured for it. Details are tables of absolute
 * figures under a row's heading. The summary at the end lists the findings alone, as text or as one JSON object.
 */
import { goalOf, goalText, meets } from './goals.ts';

export interface Finding {
  /** In the table of goals. */
  readonly name: string;
  readonly measured: number;
}

export type Say = (line: string) => void;

/** Lines of a table with columns as wide as they need; the first column is flush left, the others right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Three significant digits, no exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** Lines with name, words, figure, goal, and whether it is met. */
export function summary(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ name, measured }) => {
    const goal = goalOf(name);
    const met = meets(goal, measured);
    return [
      name,
      `${figure(measured)}${goal.unit}`,
      goalText(goal),
      met === null ? '' : met ? 'met' : 'MISSED',
      goal.what,
    ];
  });
  // words are read from the left
  const lines = columns([['name', 'measured', 'goal', ''], ...rows.map((row) => row.slice(0, 4))]);
  return lines.map((line, n) =>
    n === 0 ? line : `${line.padEnd(lines[0]!.length + 16)}  ${rows[n - 1]![4]}`,
  );
}

/** `rows` of the object that `--json` prints: by name. A figure that could not be measured is null. */
export function jsonRows(findings: readonly Finding[]): Record<string, object> {
  return Object.fromEntries(
    findings.map(({ name, measured }) => {
      const goal = goalOf(name);
      const figures = { measured: Number.isFinite(measured) ? measured : null, goal: goalText(goal) };
      return [name, { what: goal.what, ...figures, met: meets(goal, measured) }];
    }),
  );
}
