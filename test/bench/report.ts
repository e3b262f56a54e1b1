/**
 * What a row found, and how it is printed.
 *
 * A finding is one goal with the figure measured for it; `met` null means that it is stated for information. Details
 * are tables of absolute figures under a row's heading. The summary at the end lists the findings alone.
 */

export interface Finding {
  readonly work: string;
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean | null;
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

/** A finding that a figure must be at least the goal. */
export function atLeast(work: string, what: string, goal: number, measured: number, unit = ''): Finding {
  const met = measured >= goal;
  return { work, what, goal: `>= ${goal}${unit}`, measured: `${figure(measured)}${unit}`, met };
}

/** A finding that a figure must not be above the goal. */
export function atMost(work: string, what: string, goal: number, measured: number, unit = ''): Finding {
  const met = measured <= goal;
  return { work, what, goal: `<= ${goal}${unit}`, measured: `${figure(measured)}${unit}`, met };
}

/** A figure stated for information. */
export function noted(work: string, what: string, measured: number, unit = ''): Finding {
  return { work, what, goal: '', measured: `${figure(measured)}${unit}`, met: null };
}

/** Three significant digits, no exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

export function summary(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ work, what, goal, measured, met }) => [
    `${work}: ${what}`,
    measured,
    goal,
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  return columns([['work', 'measured', 'goal', ''], ...rows]);
}
