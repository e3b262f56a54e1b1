/**
 * `tlsward report`: how mail was protected, with whom it failed and what to do, from the records of one host or several, as
 * text, as one HTML file, as CSV or as JSON; by mail; or counted again and compared.
 *
 * Exit status: 0 reported, 1 the counts of `--check` differ, 64 usage, 73 it cannot be written or sent, 75 the records
 * cannot be read, 78 there is no configuration.
 */
import { hostname } from 'node:os';
import { quote } from '../config/ini/problem.ts';
import { loadConfig } from '../config/load/load.ts';
import { escapeText } from '../core/escape.ts';
import { fileError } from '../files/systemError.ts';
import { reportCsv } from '../report/csv.ts';
import { makeReport, type ReportFacts } from '../report/makeReport.ts';
import { reportPage } from '../report/page/page.ts';
import type { Report, Way } from '../report/report.ts';
import { shellWord } from '../report/shellWords.ts';
import type { StandingTable } from '../report/standing.ts';
import { reportText } from '../report/text.ts';
import type { Place, Range } from '../trace/places.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';
import { othersReports } from './othersReports.ts';
import { OutputFile } from './outputFile.ts';
import { checkCounts } from './reportCheck.ts';
import { begunToday, countDays, daysOf, lastHeads, partnerOf } from './reportGround.ts';
import { addressesOf, mailReport } from './reportMail.ts';
import { mtaLevelOf, standingTable } from './standingTable.ts';

const DEFAULT_STATE = '/var/lib/tlsward';
const FORMATS = ['text', 'html', 'csv', 'json'] as const;
type Format = (typeof FORMATS)[number];

interface Asked {
  readonly range: Range;
  readonly partner: string | null;
  readonly way: Way | null;
  readonly today: string;
}

/** `tlsward report`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.report);
  const json = values.json ?? false;
  const made = new Date().toISOString();
  const today = made.slice(0, 10);
  const range = daysOf(values, today);
  const partner = partnerOf(values.partner);
  const way = wayOf(values.direction);
  const format = formatOf(values.format, json);
  const mail = addressesOf(values.mail ?? []);
  for (const one of ['output', 'check'] as const)
    if (mail.length > 0 && values[one] !== undefined)
      throw new UsageError(`--mail and --${one} exclude each other`);
  const directories = evidenceDirectories(values, io.env);
  const places = openPlaces(directories);
  if (typeof places === 'string') {
    reportError(io, json, places);
    return EXIT.cannotTell;
  }
  const first = values.until === undefined && begunToday(places, today);
  const asked = { range: first ? daysOf({ ...values, until: today }, today) : range, partner, way, today };
  try {
    if (values.check) return checkCounts(places, asked.range, json, io);
    const { postconf, ...standing } = await tableOf(configFile(values, io.env));
    const command = commandOf(asked, values.evidence ?? [], values.state);
    const { reported, trouble: reportedTrouble } = await othersReports(values.state, asked.range, postconf);
    const facts = { ...standing, made, command, reported, reportedTrouble };
    const report = reportOf(places, asked, facts, io);
    if (mail.length > 0) return await mailReport(report, mail, hostname(), { io, json });
    return write(report, format, values.output, json, io);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `the evidence cannot be read (${fileError(error)})`);
    return EXIT.cannotTell;
  }
}

function wayOf(direction: string | undefined): Way | null {
  if (direction === undefined) return null;
  if (direction === 'in' || direction === 'out') return direction;
  throw new UsageError(`--direction: found ${quote(direction)}, expected in or out`);
}

function formatOf(format: string, json: boolean): Format {
  const found = FORMATS.find((one) => one === format);
  if (found === undefined)
    throw new UsageError(`--format: found ${quote(format)}, expected ${FORMATS.join(', ')}`);
  return json && found === 'text' ? 'json' : found;
}

/** The table and the program that is Postfix's, if the configuration can be read without a mistake. */
async function tableOf(file: string): Promise<{
  readonly table: StandingTable | null;
  readonly tableTrouble: string;
  readonly postconf: string | null;
}> {
  const loaded = loadConfig(file);
  if (loaded.ok) {
    const { postconf } = loaded.service;
    return { table: standingTable(loaded, await mtaLevelOf(postconf)), tableTrouble: '', postconf };
  }
  const tableTrouble = `tlsward check --config ${escapeText(file, 300)} says why`;
  return { table: null, tableTrouble, postconf: null };
}

function reportOf(
  places: readonly Place[],
  { range, partner, way, today }: Asked,
  facts: Omit<ReportFacts, 'partner' | 'way' | 'heads'>,
  io: Io,
): Report {
  const tallies = countDays(places, range, { today, partner, io });
  return makeReport(tallies, { ...facts, partner, way, heads: lastHeads(places, range) });
}

/** The command that makes the report again. */
function commandOf({ range, partner, way }: Asked, directories: readonly string[], state: string): string {
  const words = ['tlsward report', `--since ${range.from}`, `--until ${range.to}`];
  if (partner !== null) words.push(`--partner ${partner}`);
  if (way !== null) words.push(`--direction ${way}`);
  for (const one of directories) words.push(`--evidence ${folderWord(one)}`);
  if (state !== DEFAULT_STATE) words.push(`--state ${folderWord(state)}`);
  return words.join(' ');
}

function folderWord(folder: string): string {
  return (/^[A-Za-z0-9_./@:-]+$/.test(folder) ? folder : shellWord(folder)) ?? 'DIRECTORY';
}

function formatted(report: Report, format: Format): string {
  switch (format) {
    case 'text':
      return reportText(report);
    case 'html':
      return reportPage(report);
    case 'csv':
      return reportCsv(report);
    case 'json':
      return `${asciiJson({ ok: true, ...report })}\n`;
  }
}

function write(report: Report, format: Format, file: string | undefined, json: boolean, io: Io): number {
  let output: OutputFile | null = null;
  try {
    output = new OutputFile(io, file);
    output.write(formatted(report, format));
    output.finish();
    return EXIT.yes;
  } catch (error) {
    output?.abandon();
    if (!(error instanceof Error && 'code' in error) || file === undefined) throw error;
    reportError(io, json, `${escapeText(file, 300)}: cannot be written (${fileError(error)})`);
    return EXIT.cannotCreate;
  }
}
