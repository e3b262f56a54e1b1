/**
 * The ratios that contrib/doc/speed.md gives: measured on a quiet machine, by name of the table of goals.
 *
 * `npm run bench -- --check` compares CPU ratios with these, and test/bench/speed.test.ts compares the table of the document.
 */
import { goalOf } from './goals.ts';
import type { Finding } from './report.ts';
import { figure } from './report.ts';

export const DOCUMENTED: Readonly<Record<string, number>> = {};

/** A ratio worse than this share of the documented one is a regression: less is the noise of other machines. */
const SHARE = 0.7;

/**
 * What is worse than 70 % of the documented ratio, one line each. Only CPU ratios to a peer of the same run count: rates
 * depend on what else the machine does.
 */
export function belowDocumented(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ name, measured }) => {
    const documented = DOCUMENTED[name];
    if (documented === undefined || !name.includes('.cpu.')) return [];
    const limit = documented / SHARE;
    if (measured <= limit) return [];
    return [
      `${name}: ${figure(measured)}, documented ${figure(documented)}, at most ${figure(limit)} (${goalOf(name).what})`,
    ];
  });
}
