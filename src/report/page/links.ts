/**
 * Where a figure leads: the ids of the rows behind it. Ids are of our own making, a part and a number; the
 * name that a finding gives is only looked up, so that no text from outside becomes an address.
 */
import type { Part, Report } from '../report.ts';

export type RowLink = (part: Part, key: string) => string;

/** Rows that each table shows at most; all of them are in the CSV. */
export const MOST = {
  partners: 500,
  causes: 500,
  plain: 300,
  ready: 300,
  weak: 100,
  exceptions: 200,
  gaps: 200,
  notKept: 1000,
  reporters: 200,
  reportedCauses: 200,
  modes: 20,
} as const;

/**
 * Looks up the row of a part by what a finding calls it: a domain, a pattern, a time; the part itself if there
 * is none.
 */
export function rowLinks(report: Report): RowLink {
  const ids = new Map<string, string>();
  const add = (part: Part, index: number, ...keys: readonly string[]) => {
    for (const key of keys)
      if (!ids.has(`${part} ${key}`)) ids.set(`${part} ${key}`, `#${part}-${index + 1}`);
  };
  const each = <Row>(part: Exclude<Part, 'share'>, rows: readonly Row[], keys: (row: Row) => string[]) => {
    for (const [i, row] of rows.slice(0, MOST[part]).entries()) add(part, i, ...keys(row));
  };
  for (const way of ['in', 'out']) ids.set(`share ${way}`, `#share-${way}`);
  each('partners', report.partners, (row) => [`${row.domain} ${row.way}`, row.domain]);
  each('causes', report.causes, (row) => [`${row.domain} ${row.way}`, row.domain]);
  each('plain', report.plain, (row) => [row.domain]);
  each('ready', report.ready, (row) => [row.domain]);
  each('weak', report.weak, (row) => [...row.domains, row.protocol, row.cipher]);
  each('exceptions', report.exceptions, (row) => [row.pattern]);
  each('gaps', report.gaps, (row) => [row.from, row.where]);
  return (part, key) =>
    (key === '' ? undefined : ids.get(`${part} ${key}`)) ??
    (part === 'causes' && report.causes.length > 0
      ? '#causes-rows'
      : `#${part === 'causes' ? 'partners' : part}`);
}
