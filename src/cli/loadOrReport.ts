/**
 * Reads the configuration for a command, and reports what is wrong with it in one form: every mistake as text
 * on standard error, or `{"ok":false,"problems":[...]}` on standard output with `--json`.
 */

import { formatProblem, type Problem, shownProblem } from '../config/ini/problem.ts';
import { type Loaded, loadConfig } from '../config/load/load.ts';
import type { Io } from './command.ts';

/** A configuration without mistakes. */
export type LoadedTable = Extract<Loaded, { ok: true }>;

/** The configuration; null when it has mistakes, which are then reported. */
export function loadOrReport(file: string, json: boolean | undefined, io: Io): LoadedTable | null {
  const loaded = loadConfig(file);
  if (loaded.ok) return loaded;
  reportProblems(loaded.problems, json, io);
  return null;
}

/** `heading`: a line above the mistakes, with its line end; only in the text form. */
export function reportProblems(
  problems: readonly Problem[],
  json: boolean | undefined,
  io: Io,
  heading = '',
): void {
  if (json) io.out(`${JSON.stringify({ ok: false, problems: problems.map(shownProblem) })}\n`);
  else io.err(`${heading}${problems.map((problem) => `${formatProblem(problem)}\n`).join('')}`);
}
