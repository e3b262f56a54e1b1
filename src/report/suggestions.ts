/**
 * What the table could demand more, from what was seen to hold: domains whose mail always used TLS, levels that were met
 * although no row asked for them, rows that observe and would have kept nothing back. Pure.
 *
 * A suggestion is never weaker than the row that stands: it begins as a copy of that row and only raises. It needs
 * records of LEAST_DAYS days and LEAST_MESSAGES messages of a way; one message that was plaintext, unknown, refused or
 * returned for want of TLS, in either way, is enough to suggest nothing. Requirements that the records cannot show to
 * be met, such as the name in a client certificate, are not suggested.
 */
import { canonicalDomain } from '../core/domain.ts';
import { ANSWERED_LEVELS, type AnsweredLevel, DEFAULTS, type Settings } from '../core/settings.ts';
import { atLeast, GUARANTEES, mandatory } from '../deliver/level.ts';
import type { Counts, Level, Way } from '../tally/counts.ts';
import type { PartnerTally, RowTally, Tallies } from '../tally/tallies.ts';
import type { Standing, StandingTable } from './standing.ts';
import { sum } from './words.ts';

/** Days with records of the way. */
export const LEAST_DAYS = 7;
/** Messages of the way. */
export const LEAST_MESSAGES = 20;

/** Keys of a row, in the order in which they are written. */
const KEYS = ['receive', 'deliver', 'deliver-floor', 'mode'] as const;
type Raise = Readonly<Partial<Record<(typeof KEYS)[number], string>>>;

export interface Suggestion {
  /** `require`: no row demands it yet; `enforce`: a row observes it. */
  readonly kind: 'require' | 'enforce';
  readonly pattern: string;
  readonly in: number;
  readonly out: number;
  readonly weakest: Level | null;
  readonly raise: Raise;
  /** The row whose keys are kept; null: only what is built in. */
  readonly base: Standing | null;
  /** `FILE:LINE` of the pattern's own row, which the lines replace; '' when it has none. */
  readonly instead: string;
}

interface Both {
  readonly in?: PartnerTally;
  readonly out?: PartnerTally;
}

/** By domain, both ways. */
export function byDomain(partners: readonly PartnerTally[]): Map<string, Both> {
  const found = new Map<string, Both>();
  for (const one of partners) {
    const known = found.get(one.domain);
    if (one.way === 'in')
      found.set(one.domain, { in: one, ...(known?.out === undefined ? {} : { out: known.out }) });
    else found.set(one.domain, { ...(known?.in === undefined ? {} : { in: known.in }), out: one });
  }
  return found;
}

/** Nothing travelled below TLS 1.2 or unknown, and nothing was kept from travelling for want of TLS. */
function isClean(counts: Counts): boolean {
  const { plain, unknown, older, refused, putOff, returned, waiting, passed } = counts;
  return plain + unknown + older + refused + putOff + returned + waiting + passed === 0;
}

/** Enough to say that it holds. */
function holds(counts: Counts | undefined, days: number): counts is Counts {
  return counts !== undefined && days >= LEAST_DAYS && isClean(counts) && sum(counts) >= LEAST_MESSAGES;
}

/** What can be asked for, the domains with most mail first; rows that observe come behind. */
export function suggestionsOf(tallies: Tallies, table: StandingTable): Suggestion[] {
  const domains = byDomain(tallies.partners);
  const required: Suggestion[] = [];
  for (const [domain, both] of domains) {
    if (canonicalDomain(domain) !== domain) continue;
    const standing = table.rowOf(domain);
    if (standing?.exception === true || standing?.settings.mode === 'observe') continue;
    if (standing !== null && namesItself(standing, domain)) continue;
    const raise = raiseOf(both, standing, tallies, table);
    if (Object.keys(raise).length === 0) continue;
    required.push({ kind: 'require', pattern: domain, ...figures(both), raise, ...from(standing, domain) });
  }
  required.sort((a, b) => b.in + b.out - (a.in + a.out));
  return [...required, ...table.observed.flatMap((row) => enforced(row, domains, tallies, table))];
}

/** A copy of the row for this domain would accept fewer names in certificates than the row does: mail could be refused. */
function namesItself({ pattern, settings }: Standing, domain: string): boolean {
  const { receive, clientNames, fingerprints } = settings;
  return pattern !== domain && receive === 'verify' && clientNames.length + fingerprints.length === 0;
}

function from(standing: Standing | null, pattern: string): Pick<Suggestion, 'base' | 'instead'> {
  if (standing === null) return { base: null, instead: '' };
  return { base: standing, instead: standing.pattern === pattern ? standing.at : '' };
}

function figures({ in: came, out: went }: Both): Pick<Suggestion, 'in' | 'out' | 'weakest'> {
  const levels = [came?.weakest, went?.weakest];
  const weakest = levels.includes('tls12') ? 'tls12' : levels.includes('tls13') ? 'tls13' : null;
  return { in: came === undefined ? 0 : sum(came), out: went === undefined ? 0 : sum(went), weakest };
}

function raiseOf(both: Both, standing: Standing | null, tallies: Tallies, table: StandingTable): Raise {
  const { in: came, out: went } = both;
  if ((came !== undefined && !isClean(came)) || (went !== undefined && !isClean(went))) return {};
  const settings = standing?.settings ?? DEFAULTS;
  const { recordedDays } = tallies;
  const open = settings.receive === 'none' || settings.receive === 'may';
  return {
    ...(open && holds(came, recordedDays.in) ? { receive: 'encrypt' } : {}),
    ...(table.delivers && holds(went, recordedDays.out) ? deliverRaise(settings, went, table) : {}),
  };
}

/** The strictest level that is at least what stands and that everything met. */
function deliverRaise(settings: Settings, went: PartnerTally, table: StandingTable): Raise {
  const verified = went.verified === sum(went);
  // without `deliver` the level of the MTA itself applies: it must be known not to be stricter
  const stands = settings.deliver ?? table.mtaLevel ?? went.row?.level ?? '';
  switch (stands) {
    case 'none':
    case 'may':
      return { deliver: 'encrypt' };
    case 'dane':
      if (verified) return { deliver: 'dane-only' };
      return table.finds ? { deliver: 'auto', 'deliver-floor': 'encrypt' } : {};
    case 'auto': {
      if (!table.finds) return {};
      if (verified && settings.deliverFloor !== 'verify') return { 'deliver-floor': 'verify' };
      return settings.deliverFloor === 'none' ? { 'deliver-floor': 'encrypt' } : {};
    }
    default:
      return {};
  }
}

/** A row that observes: nothing that came would have been kept back, and what leaves met its level. */
function enforced(
  row: Standing,
  domains: ReadonlyMap<string, Both>,
  { rows, recordedDays }: Tallies,
  table: StandingTable,
): Suggestion[] {
  const { pattern, settings, exception } = row;
  if (exception || (settings.receive !== 'encrypt' && settings.receive !== 'verify')) return [];
  // an exception takes the mode of its row: what it asks for would come into force, too
  if (table.exceptions.some((one) => covers(pattern, one.pattern))) return [];
  // of the pattern on any line: lines move when another row is put above them
  const seen = rows.filter((one) => one.way === 'in' && one.pattern === pattern);
  const kept = seen.filter(({ at }) => at === row.at).reduce((total, one) => total + one.kept, 0);
  if (recordedDays.in < LEAST_DAYS || kept < LEAST_MESSAGES || seen.some((one) => !met(one))) return [];
  const went = domains.get(pattern)?.out;
  const { deliver } = settings;
  // enforcing puts `deliver` in force, too
  if (deliver !== null && table.delivers) {
    if (deliver === 'auto' || deliver === 'dane' || !notBelow(deliver, table.mtaLevel)) return [];
    if (mandatory(deliver)) {
      if (!holds(went, recordedDays.out)) return [];
      if (GUARANTEES[deliver].includes('authenticated') && went.verified < sum(went)) return [];
    }
  }
  return [
    {
      kind: 'enforce',
      pattern,
      in: kept,
      out: went === undefined ? 0 : sum(went),
      weakest: null,
      raise: { mode: 'enforce' },
      base: row,
      instead: row.at,
    },
  ];
}

/** Does the row apply where the pattern has none of its own? */
function covers(row: string, pattern: string): boolean {
  const name = pattern.slice(pattern.lastIndexOf('@') + 1);
  return row === '*' || row === name || (row.startsWith('.') && name.endsWith(row));
}

/** While the row observes, the level of the MTA itself applies: it must be known not to be stricter. */
function notBelow(deliver: AnsweredLevel, mtaLevel: string | null): boolean {
  const known = ANSWERED_LEVELS.find((level) => level === mtaLevel);
  return known !== undefined && atLeast(deliver, known);
}

function met({ passed, requiredRefused, requiredPutOff }: RowTally): boolean {
  return passed + requiredRefused + requiredPutOff === 0;
}

/** The rows as lines to paste: short rows first, then sections, with a comment that says which line each replaces. */
export function suggestionLines(suggestions: readonly Suggestion[]): string[] {
  const short = suggestions.filter(isShort);
  const lines =
    short.length === 0 ? [] : ['[domains]', ...short.map(({ pattern }) => `${pattern} = encrypt`)];
  for (const one of suggestions) if (!isShort(one)) lines.push(...sectionLines(one));
  return lines;
}

/** The built-in policy `encrypt` says all of it. */
function isShort({ raise, base, instead }: Suggestion): boolean {
  return (
    instead === '' &&
    isOpen(base) &&
    raise.receive === 'encrypt' &&
    raise.deliver === 'encrypt' &&
    Object.keys(raise).length === 2
  );
}

function isOpen(base: Standing | null): boolean {
  const [root = ''] = base?.settings.lineage ?? [];
  return base === null || root === 'built-in may' || root === 'built-in none';
}

function sectionLines({ pattern, raise, base, instead }: Suggestion): string[] {
  const kept = base === null ? [] : base.lines.filter((line) => !(keyOf(line) in raise));
  return [
    ...(instead === '' ? [] : [`; in place of ${instead}`]),
    `[domain ${pattern}]`,
    ...kept,
    ...KEYS.flatMap((key) => (raise[key] === undefined ? [] : [`${key} = ${raise[key]}`])),
  ];
}

function keyOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf('='))).trim();
}

/** `receive encrypt, deliver encrypt`. */
export function raiseWords(raise: Raise): string {
  return KEYS.flatMap((key) => (raise[key] === undefined ? [] : [`${key} = ${raise[key]}`])).join(', ');
}

/** Which way a suggestion is about, for `--direction`. */
export function concernsWay({ raise }: Suggestion, way: Way): boolean {
  return way === 'in'
    ? 'receive' in raise || 'mode' in raise
    : 'deliver' in raise || 'deliver-floor' in raise;
}
