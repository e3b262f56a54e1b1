/**
 * `tlsward evidence export --partner DOMAIN --from DAY --to DAY`: what happened to the mail from and for one domain, as
 * rows for a spreadsheet or a script, or as a statement of one page.
 *
 * Exit status: 0 written, 1 written and a day of the evidence does not hold, 64 usage, 73 the file cannot be written,
 * 75 the evidence cannot be read.
 */

import { dirname } from 'node:path';
import { addDays } from '../archive/day.ts';
import { isDay } from '../archive/layout.ts';
import { verifyStream } from '../archive/verifyStream.ts';
import { quote } from '../config/ini/problem.ts';
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { packageVersion } from '../daemon/version.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { fileError } from '../files/systemError.ts';
import { csvLine } from '../trace/csv.ts';
import { gapsIn } from '../trace/gaps.ts';
import { PartnerCounts } from '../trace/partnerCounts.ts';
import { exceptionsOf, namedAddress } from '../trace/partnerFacts.ts';
import { COLUMNS, partnerRow } from '../trace/partnerRows.ts';
import { Evidence, type Range } from '../trace/places.ts';
import type { Key } from '../trace/recordKeys.ts';
import type { Statement, StreamHeads } from '../trace/statement.ts';
import { statementHtml } from '../trace/statementHtml.ts';
import { statementText } from '../trace/statementText.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, reportError, UsageError } from './command.ts';
import { keyedStreams, keyText } from './evidenceKeys.ts';
import { openPlaces } from './evidencePlaces.ts';
import { OutputFile } from './outputFile.ts';
import { Progress } from './progress.ts';

export interface ExportOptions {
  readonly partner?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly format?: string | undefined;
  readonly address?: readonly string[] | undefined;
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
}

const FORMATS = ['csv', 'json', 'text', 'html'] as const;
type Format = (typeof FORMATS)[number];

/** A record of the log may be written long after its time: so many days behind the range are looked at, too. */
const LATER_DAYS = 14;
/** A year and a day. */
const MAX_DAYS = 366;

interface Asked {
  readonly partner: string;
  readonly range: Range;
  readonly format: Format;
}

function askedOf(values: ExportOptions, today: string): Asked {
  const partner = values.partner === undefined ? null : canonicalDomain(values.partner);
  if (partner === null)
    throw new UsageError(
      values.partner === undefined
        ? '--partner is missing: the domain that the export is about'
        : `--partner: found ${quote(values.partner)}, expected a domain`,
    );
  const format = FORMATS.find((one) => one === (values.format ?? (values.json === true ? 'json' : 'text')));
  if (format === undefined)
    throw new UsageError(`--format: found ${quote(values.format ?? '')}, expected ${FORMATS.join(', ')}`);
  return { partner, format, range: rangeOf(values, today) };
}

/** The days of `--from` and `--to`. */
export function rangeOf({ from, to }: Pick<ExportOptions, 'from' | 'to'>, today: string): Range {
  for (const [name, day] of [
    ['--from', from],
    ['--to', to],
  ] as const) {
    if (day === undefined) throw new UsageError(`${name} is missing: a day such as 2026-11-30`);
    if (!isDay(day) || day > today)
      throw new UsageError(`${name}: found ${quote(day)}, expected a day up to ${today}, such as 2026-11-30`);
  }
  const range = { from: from!, to: to! };
  if (range.from > range.to || addDays(range.from, MAX_DAYS) < range.to)
    throw new UsageError(
      `--from ${range.from} --to ${range.to}: expected at most ${MAX_DAYS} days, the first one first`,
    );
  return range;
}

/** `tlsward evidence export`; see the file comment. */
export function runExport(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  values: ExportOptions,
  io: Io,
): number {
  const now = new Date().toISOString();
  const today = now.slice(0, 10);
  const asked = askedOf(values, today);
  const places = openPlaces(directories);
  if (typeof places === 'string') {
    reportError(io, values.json, places);
    return EXIT.cannotTell;
  }
  const evidence = new Evidence(places, today);
  const addresses = (values.address ?? []).map((address) => {
    const named = namedAddress(evidence, address);
    if (named === null) throw new UsageError(`--address: found ${quote(address)}, expected an address`);
    return named;
  });
  const names = new Map(
    addresses.flatMap(({ address, pseudonyms }) => pseudonyms.map((one) => [one, address])),
  );
  let output: OutputFile;
  try {
    output = new OutputFile(io, values.output);
  } catch (error) {
    return cannotWrite(io, values, error);
  }
  try {
    const { counts, days } = writeRows(
      evidence,
      asked,
      (address) => names.get(address) ?? address,
      output,
      io,
    );
    const heads = asked.format === 'csv' ? [] : headsOf(directories, keys, asked.range, days);
    const statement: Statement = {
      domain: asked.partner,
      ...asked.range,
      madeAt: now,
      version: packageVersion(),
      counts,
      exceptions: exceptionsOf(evidence, asked.partner, asked.range),
      gaps: gapsIn(evidence, asked.range),
      heads,
      unreadable: evidence.trouble.unreadable,
      addresses,
    };
    writeEnd(statement, asked.format, output);
    output.finish();
    return heads.some(({ days }) => days.some(({ result }) => result === 'fails')) ? EXIT.no : EXIT.yes;
  } catch (error) {
    output.abandon();
    if (!(error instanceof Error && 'code' in error)) throw error;
    const { code } = error as { code: unknown };
    if (['ENOSPC', 'EDQUOT', 'EEXIST'].includes(String(code))) return cannotWrite(io, values, error);
    reportError(io, values.json, `the evidence cannot be read (${fileError(error)})`);
    return EXIT.cannotTell;
  }
}

function cannotWrite(io: Io, { output = '', json }: ExportOptions, error: unknown): number {
  if (!(error instanceof Error && 'code' in error)) throw error;
  reportError(io, json, `${escapeText(output, 300)}: cannot be written (${fileError(error)})`);
  return EXIT.cannotCreate;
}

/** Rows are written as they are found, whatever their number; other formats only count. */
function writeRows(
  evidence: Evidence,
  { partner, range, format }: Asked,
  name: (address: string) => string,
  output: OutputFile,
  io: Io,
): { readonly counts: PartnerCounts; readonly days: ReadonlySet<string> } {
  const counts = new PartnerCounts(partner);
  const days = new Set<string>();
  const keys: Key[] = [
    { kind: 'domain', text: partner },
    { kind: 'address', text: partner },
  ];
  const progress = new Progress(io, 'records');
  if (format === 'csv') output.write(csvLine(COLUMNS));
  if (format === 'json') output.write('{"rows":[');
  let first = true;
  const read = { from: range.from, to: addDays(range.to, LATER_DAYS) };
  for (const found of evidence.find(() => keys, read)) {
    const day = found.record.time.slice(0, 10);
    if (day < range.from || day > range.to) continue;
    days.add(found.day);
    counts.add(found);
    progress.step(found.day);
    const row = format === 'csv' || format === 'json' ? partnerRow(found, partner, name) : null;
    if (row === null) continue;
    if (format === 'csv') output.write(csvLine(COLUMNS.map((column) => row[column])));
    else output.write(`${first ? '' : ','}\n${asciiJson(row)}`);
    first = false;
  }
  progress.end();
  return { counts, days };
}

function writeEnd(statement: Statement, format: Format, output: OutputFile): void {
  if (format === 'text') output.write(statementText(statement));
  if (format === 'html') output.write(statementHtml(statement));
  if (format !== 'json') return;
  const { counts, ...rest } = statement;
  const { from, to, rows, refusals, waits, records, tables } = counts;
  const counted = {
    fromPartner: { came: from.came, went: from.went },
    toPartner: { came: to.came, went: to.went },
    refusals,
    waits,
    records,
    rows,
    tables: Object.fromEntries(tables),
  };
  output.write(`\n],\n"statement":${asciiJson({ ...rest, counts: counted })}}\n`);
}

/** Every day of the range, and each later one that has records of it, recomputed and compared with its signed heads. */
function headsOf(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  { from, to }: Range,
  read: ReadonlySet<string>,
): StreamHeads[] {
  const all = new Set(read);
  for (let day = from; day <= to; day = addDays(day, 1)) all.add(day);
  const days = [...all].sort();
  return keyedStreams([...new Set(directories)], keys).map(({ name, folder, verifier, keyFrom }) => ({
    directory: dirname(folder),
    stream: name,
    key: typeof verifier === 'string' ? verifier : keyText(verifier),
    ownKey: keyFrom === 'option',
    days: typeof verifier === 'string' ? [] : verifyStream(folder, verifier, days),
  }));
}
