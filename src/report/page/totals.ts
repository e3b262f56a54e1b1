/** Sums over the lists of a report that more than one part of the page shows. */
import type { Cause, Partner, Report, WeakSession } from '../report.ts';

export function addUp<Row>(rows: readonly Row[], count: (row: Row) => number): number {
  return rows.reduce((total, row) => total + count(row), 0);
}

/** Messages of a partner that did not meet the level of its row. */
export function notKept(partner: Partner): number {
  return partner.passed + partner.refused + partner.failed;
}

interface Totals {
  readonly plain: number;
  readonly required: number;
  readonly notKept: number;
}

export function totalsOf({ share, partners }: Report): Totals {
  const ways = [share.in, share.out];
  return {
    plain: addUp(ways, (way) => way.travelled.plain),
    required: addUp(partners, (partner) => partner.messages),
    notKept: addUp(partners, notKept),
  };
}

/** Is it a protocol older than TLS 1.2? Else it is an ageing cipher. */
export function isOld({ protocol }: WeakSession): boolean {
  return /^(?:SSLv\d|TLSv1(?:\.1)?)$/.test(protocol);
}

/** Did mail not arrive, or did it only pass below its level? */
export function isLoss(outcome: Cause['outcome']): boolean {
  return outcome !== 'let pass';
}
