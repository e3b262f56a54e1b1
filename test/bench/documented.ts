/**
 * The figures that contrib/doc/speed.md gives, by name of the table of goals: documented.json, and the table made of it.
 *
 *   npm run bench -- --json >FILE && node build/test/bench/documented.js FILE
 *
 * takes the figures over from a run on a quiet machine: it writes documented.json and the table between the two marks in
 * speed.md. Figures that the run does not have stay as they are. `npm run bench -- --check` compares CPU ratios with
 * them, and test/bench/documented.test.ts compares the document.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { root } from '../root.ts';
import { GOALS, goalOf, goalText, meets } from './goals.ts';
import type { Finding } from './report.ts';
import { figure } from './report.ts';

const FILE = new URL('test/bench/documented.json', root);
const PAGE = new URL('contrib/doc/speed.md', root);
/** What stands before and after the table in the document. */
const MARKS = ['<!-- figures of test/bench/documented.json -->\n', '<!-- end of figures -->\n'] as const;

type Figures = Readonly<Record<string, number>>;

/** What documented.json says. */
export function documented(): Figures {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Figures;
}

/** The table of speed.md: every goal in the order of goals.ts for which there is a figure. */
export function speedTable(figures: Figures): string {
  const lines = Object.entries(GOALS).flatMap(([name, goal]) => {
    const measured = figures[name];
    if (measured === undefined) return [];
    const met = meets(goal, measured);
    const cells = [
      `\`${name}\``,
      goal.what,
      `${figure(measured)}${goal.unit}`,
      goalText(goal),
      met === null ? '' : met ? 'met' : 'missed',
    ];
    return [`| ${cells.join(' | ')} |`.replace(/ {2,}/g, ' ')];
  });
  return [
    '| name | ratio or figure | measured | goal | |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

/** The document with its table made anew; throws when a mark is missing. */
export function pageWith(page: string, figures: Figures): string {
  const [from, to] = MARKS.map((mark) => page.indexOf(mark));
  if (from! < 0 || to! < from!) throw new Error('speed.md has no place for the figures');
  const head = page.slice(0, from! + MARKS[0].length);
  return `${head}\n${speedTable(figures)}\n${page.slice(to)}`;
}

/** A ratio worse than this share of the documented one is a regression: less is the noise of a machine. */
const SHARE = 0.7;

/**
 * What is worse than 70 % of the documented ratio, one line each. Only CPU ratios to a peer of the same run count: rates
 * depend on what else the machine does.
 */
export function belowDocumented(findings: readonly Finding[], figures: Figures = documented()): string[] {
  return findings.flatMap(({ name, measured }) => {
    const expected = figures[name];
    if (expected === undefined || !name.includes('.cpu.')) return [];
    const limit = expected / SHARE;
    if (measured <= limit) return [];
    const numbers = `${figure(measured)}, documented ${figure(expected)}, at most ${figure(limit)}`;
    return [`${name}: ${numbers} (${goalOf(name).what})`];
  });
}

/** Takes over the figures of a run. */
function takeOver(file: string): void {
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as {
    rows: Readonly<Record<string, { readonly measured: number | null }>>;
  };
  const figures: Record<string, number> = { ...documented() };
  for (const [name, { measured }] of Object.entries(rows)) {
    goalOf(name);
    if (measured !== null) figures[name] = Number(measured.toPrecision(3));
  }
  const kept = Object.keys(GOALS).flatMap((name) =>
    figures[name] === undefined ? [] : [[name, figures[name]]],
  );
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  writeFileSync(PAGE, pageWith(readFileSync(PAGE, 'utf8'), documented()));
}

if (argv[1] === fileURLToPath(import.meta.url)) takeOver(argv[2]!);
