/**
 * The figures of a report, by name, as each of its forms shows them to its reader: JSON, CSV, the text for a terminal, the
 * page in a browser; and as they must be. Read by what a person goes by: the names of columns and rows.
 *
 *   in tls13, out refused, in sessions        of the shares
 *   partner bank.example in kept              of those with required TLS
 *   cause bank.example in refused: plaintext  of what was not kept
 *   plain open.example in                     of plaintext still in use
 */
import { readCsv } from '../../../report/readCsv.ts';
import type { OpenPage } from '../browser.ts';
import type { ExpectedDay } from './expected.ts';

export type Figures = Record<string, number>;

const WAYS = ['in', 'out'] as const;
const LEVELS = ['tls13', 'tls12', 'older', 'plain', 'unknown'] as const;
const PARTNER = ['messages', 'kept', 'passed', 'refused', 'failed'] as const;

/** Sorted by name, without those that are 0: a form may leave these out. */
function sorted(figures: Figures): Figures {
  const all = Object.entries(figures).filter(([, value]) => value !== 0);
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A number as it is written for a person: `1,234`. */
function number(text: string | undefined): number {
  const found = Number((text ?? '').replaceAll(/[,\s\u00a0]/g, '') || Number.NaN);
  if (Number.isNaN(found)) throw new Error(`no number: ${text}`);
  return found;
}

export function expectedFigures(day: ExpectedDay, inside: number): Figures {
  const figures: Figures = { 'out inside': inside, 'in sessions': day.sessions, 'in tls': day.tlsSessions };
  for (const way of WAYS) {
    const total = day.total(way);
    for (const level of LEVELS) figures[`${way} ${level}`] = total.travelled[level];
    figures[`${way} refused`] = total.refused + total.putOff;
    figures[`${way} failed`] = total.waiting;
    figures[`${way} other`] = total.otherFailed;
    for (const [domain, one] of day.ways[way]) {
      const { kept, passed, refused, putOff, waiting, travelled } = one;
      const name = `partner ${domain} ${way}`;
      figures[`${name} messages`] = kept + passed + refused + putOff + waiting;
      figures[`${name} kept`] = kept;
      figures[`${name} passed`] = passed;
      figures[`${name} refused`] = refused + putOff;
      figures[`${name} failed`] = waiting;
      figures[`plain ${domain} ${way}`] = travelled.plain;
      for (const [cause, count] of one.causes) figures[`cause ${domain} ${way} ${cause}`] = count;
    }
  }
  return sorted(figures);
}

/** The address behind a cause is another figure. */
const causeWords = (text: string): string => text.replace(/, most (?:from|with) \S+$/, '');

interface Share {
  readonly travelled: Record<string, number>;
  readonly refused: number;
  readonly failed: number;
  readonly otherFailed: number;
  readonly inside: number;
  readonly sessions: { readonly all: number; readonly tls: number } | null;
}

/** What `--json` gives, as far as it is compared. */
export interface JsonReport {
  readonly share: Readonly<Record<string, Share>>;
  readonly partners: readonly (Record<(typeof PARTNER)[number], number> & { domain: string; way: string })[];
  readonly causes: readonly {
    readonly domain: string;
    readonly way: string;
    readonly outcome: string;
    readonly cause: string;
    readonly messages: number;
  }[];
  readonly plain: readonly { readonly domain: string; readonly in: number; readonly out: number }[];
  readonly gaps: readonly unknown[];
}

export function fromJson({ share, partners, causes, plain }: JsonReport): Figures {
  const figures: Figures = {};
  for (const way of WAYS) {
    const { travelled, refused, failed, otherFailed, inside, sessions } = share[way]!;
    for (const [level, count] of Object.entries(travelled)) figures[`${way} ${level}`] = count;
    Object.assign(figures, {
      [`${way} refused`]: refused,
      [`${way} failed`]: failed,
      [`${way} other`]: otherFailed,
      [`${way} inside`]: inside,
      [`${way} sessions`]: sessions?.all ?? 0,
      [`${way} tls`]: sessions?.tls ?? 0,
    });
  }
  for (const one of partners)
    for (const name of PARTNER) figures[`partner ${one.domain} ${one.way} ${name}`] = one[name];
  for (const { domain, way, outcome, cause, messages } of causes)
    figures[`cause ${domain} ${way} ${outcome}: ${causeWords(cause)}`] = messages;
  for (const one of plain) for (const way of WAYS) figures[`plain ${one.domain} ${way}`] = one[way];
  return sorted(figures);
}

export function fromCsv(text: string): Figures {
  const figures: Figures = {};
  for (const row of readCsv(text)) {
    const { part, way = '', domain = '' } = row;
    const cell = (name: string): number => (row[name] === '' ? 0 : number(row[name]));
    if (part === 'share') {
      for (const name of [...LEVELS, 'refused', 'failed', 'inside', 'sessions'])
        figures[`${way} ${name}`] = cell(name);
      figures[`${way} other`] = cell('other_failed');
      figures[`${way} tls`] = cell('tls_sessions');
    } else if (part === 'partners')
      for (const name of PARTNER) figures[`partner ${domain} ${way} ${name}`] = cell(name);
    else if (part === 'causes')
      figures[`cause ${domain} ${way} ${row.outcome}: ${causeWords(row.cause ?? '')}`] = cell('messages');
    else if (part === 'plain') for (const one of WAYS) figures[`plain ${domain} ${one}`] = cell(one);
  }
  return sorted(figures);
}

/** Rows of both forms for a person, and what they stand for. */
const SHARE_ROWS: Readonly<Record<string, string>> = {
  'TLS 1.3': 'tls13',
  'TLS 1.2': 'tls12',
  'older TLS': 'older',
  plaintext: 'plain',
  unknown: 'unknown',
  refused: 'refused',
  'refused, put off': 'refused',
  failed: 'failed',
  'failed for TLS': 'failed',
  'other returns': 'other',
  'failed otherwise': 'other',
  'inside this host': 'inside',
};

/** The part of the text between its heading and the next one. */
function part(text: string, heading: string): string[] {
  const lines = text.split('\n');
  const begin = lines.indexOf(heading);
  if (begin < 0) return [];
  const length = lines.slice(begin + 1).findIndex((line) => /^[A-Z][A-Z ,0-9]+$/.test(line));
  return lines.slice(begin + 1, length < 0 ? undefined : begin + 1 + length);
}

/** Columns stand two blanks apart; a name that is too long stands in a line of its own. */
const cellsOf = (line: string): string[] => line.split(/ {2,}/);

export function fromText(text: string): Figures {
  const figures: Figures = {};
  let way = '';
  for (const line of part(text, 'PROTECTED SHARE')) {
    const [name = '', count] = cellsOf(line);
    if (name === 'Inbound') way = 'in';
    if (name === 'Outbound') way = 'out';
    const figure = SHARE_ROWS[name];
    if (figure !== undefined) figures[`${way} ${figure}`] = number(count);
    const [, tls, all] = /([\d,]+) of ([\d,]+) sessions with TLS/.exec(line) ?? [];
    if (all !== undefined) Object.assign(figures, { 'in sessions': number(all), 'in tls': number(tls) });
  }
  for (const line of part(text, 'PARTNERS WITH REQUIRED TLS')) {
    const [domain = '', one = '', , ...counts] = cellsOf(line);
    if (one !== 'in' && one !== 'out') continue;
    for (const [i, name] of PARTNER.entries())
      figures[`partner ${domain} ${one} ${name}`] = number(counts[i]);
  }
  const causes = part(text, 'WHY MESSAGES WERE NOT KEPT');
  for (const [i, line] of causes.entries()) {
    const [domain = '', one = '', outcome = '', count] = cellsOf(line);
    if (one !== 'in' && one !== 'out') continue;
    figures[`cause ${domain} ${one} ${outcome}: ${causeWords(causes[i + 1]!.trim())}`] = number(count);
  }
  for (const line of part(text, 'PLAINTEXT STILL IN USE')) {
    const [domain = '', came = '', went = ''] = cellsOf(line);
    if (!/^[\d,]+$/.test(came)) continue;
    Object.assign(figures, { [`plain ${domain} in`]: number(came), [`plain ${domain} out`]: number(went) });
  }
  return sorted(figures);
}

/** `inside` and sessions stand in sentences of the page. */
export async function fromPage(page: OpenPage): Promise<Figures> {
  const figures: Figures = {};
  for (const [way, caption] of [
    ['in', 'Inbound messages by TLS level'],
    ['out', 'Outbound messages by TLS level'],
  ] as const)
    for (const [name = '', count] of await page.readTable(caption)) {
      const figure = SHARE_ROWS[name];
      if (figure !== undefined) figures[`${way} ${figure}`] = number(count);
    }
  for (const [domain = '', way = '', , ...counts] of await page.readTable('Messages = kept'))
    if (way === 'in' || way === 'out')
      for (const [i, name] of PARTNER.entries())
        figures[`partner ${domain} ${way} ${name}`] = number(counts[i]);
  for (const [domain = '', way = '', outcome, count, cause = ''] of await page.readTable(
    'with the example shows',
  ))
    if (way === 'in' || way === 'out')
      figures[`cause ${domain} ${way} ${outcome}: ${causeWords(cause)}`] = number(count);
  for (const [domain = '', came = '', went = ''] of await page.readTable('that travelled in plaintext'))
    if (/^[\d,]+$/.test(came) && domain.includes('.'))
      Object.assign(figures, { [`plain ${domain} in`]: number(came), [`plain ${domain} out`]: number(went) });
  return sorted(figures);
}

/** Those that the page says in tables. */
export function inTables(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).filter(([name]) => !/ (?:inside|sessions|tls)$/.test(name)),
  );
}
