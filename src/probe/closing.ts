/** The closing line of a report: one sentence about levels and the row. Pure. */
import type { LevelReport, ProbeReport } from './report.ts';

/** One line: what holds today, what does not, and when what the row needs breaks. `more`: hosts not looked at. */
export function closingLine(
  levels: readonly LevelReport[],
  row: ProbeReport['row'],
  now: number,
  more: number,
): string {
  const [first] = levels;
  const rest = more === 0 ? '' : `; ${more} more MX hosts were not looked at`;
  // the level that asks for nothing is first
  if (first !== undefined && isUntried(first))
    return `no server was reached: ${first.says}; that says nothing about TLS${rest}`;
  const named = (ends: LevelReport['ends']): string =>
    levels
      .filter((one) => one.ends === ends)
      .map(({ level, how, until }) => `${level}${plainWords(level, how)}${untilWords(until)}`)
      .join(', ');
  const [hold, wait, unknown] = [named('sent'), named('waits'), named('unknown')];
  const parts = [
    hold === '' ? 'no level holds today' : `today mail leaves at ${hold}`,
    ...(wait === '' ? [] : [`it waits at ${wait}`]),
    ...(unknown === '' ? [] : [`it cannot be told for ${unknown}`]),
  ];
  if (row !== null) parts.push(`by its row ${rowWords(row, now)}`);
  return `${parts.join('; ')}${rest}`;
}

/** The first host that is this one: what was seen of it says nothing, because no mail of ours goes there. */
export function loopWords(hosts: ProbeReport['hosts']): string {
  const here = hosts.find(({ addresses }) => addresses.some(({ own }) => own));
  if (here === undefined) return '';
  const before = hosts.filter(({ preference }) => preference < here.preference).length;
  const which =
    before === 0 ? 'returns mail for it as a loop' : 'sends only to hosts that are preferred to it';
  return `; ${here.host} is this host: Postfix ${which}, unless inet_interfaces leaves the address out`;
}

/** A level that asks for TLS and does without it is not to be taken for one that had it. */
function plainWords(level: string, how: string): string {
  return how === 'plain' && level !== 'none' ? ' (in plaintext)' : '';
}

function untilWords(until: string | null): string {
  return until === null ? '' : ` (until ${until.slice(0, 10)})`;
}

function rowWords({ level, ends, how, code, says, until, host }: LevelReport, now: number): string {
  if (ends === 'waits') return `mail waits${level === '' ? '' : ` at ${level}`}, ${code} ${says}`;
  if (ends === 'unknown') return `it cannot be told for ${level}, ${says}`;
  if (until === null) return `${level} holds${plainWords(level, how)}`;
  const days = daysUntil(Date.parse(until), now);
  return `${level} holds until ${until.slice(0, 10)} (${days} days), when a certificate of ${host} expires`;
}

/** No server or no resolver answered: that says nothing about TLS. */
export function isUntried({ code }: { readonly code: string }): boolean {
  return code === '4.4.1' || code === '4.4.3';
}

/** Whole days, rounded down; negative when it is past. */
export function daysUntil(at: number, now: number): number {
  return Math.floor((at - now) / 86_400_000);
}
