/**
 * `tlsward tlsrpt send`: reports about TLS sessions to the domains that ask for them (RFC 8460), one a day and domain, from
 * the records of the collector. Without `--day` it is about yesterday (UTC), and about the day before where something of it
 * is still to be sent.
 *
 * Exit status: 0 nothing is left to do, or its time has not come; 65 the records cannot be read; 73 the state cannot be
 * written; 75 something will be tried again, or another process is at it; 78 the configuration does not ask for reports.
 */
import { hostname } from 'node:os';
import { addDays } from '../archive/day.ts';
import { isDay } from '../archive/layout.ts';
import { quote } from '../config/ini/problem.ts';
import { canonicalDomain, nameMatches } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { systemServers } from '../dns/resolvConf.ts';
import { StubResolver } from '../dns/stubResolver.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { handOverOnce, MAIL_SERVER, type Way } from '../mta/handOver.ts';
import { submitterOf } from '../tlsrpt/send/reportJson.ts';
import { DayFiles, type Plan } from '../tlsrpt/send/run/dayFiles.ts';
import { postReport } from '../tlsrpt/send/run/post.ts';
import type { Lookups, Rules } from '../tlsrpt/send/run/prepare.ts';
import { makePlan, type SendCounts, sendDay } from '../tlsrpt/send/run/sendDay.ts';
import { countableAt, expiresAt } from '../tlsrpt/send/schedule.ts';
import type { SentLine } from '../tlsrpt/send/sentLog.ts';
import type { Place } from '../trace/places.ts';
import { asciiJson } from './asciiJson.ts';
import {
  type CommandValues,
  ConfigError,
  configFile,
  EXIT,
  type Io,
  paint,
  reportError,
  UsageError,
} from './command.ts';
import type { COMMANDS } from './commands.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';
import { type LoadedTable, loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { smtpPlaceOf } from './smtpPlace.ts';
import { stopSignal } from './stopSignal.ts';
import { dryRun } from './tlsrptDryRun.ts';
import { sendToSelf } from './tlsrptToSelf.ts';

export type SendValues = CommandValues<(typeof COMMANDS)['tlsrpt']>;

export interface SendSetting {
  readonly rules: Rules;
  readonly lookups: Lookups & { readonly resolver: StubResolver };
  readonly places: readonly Place[];
  readonly files: DayFiles;
  readonly only: ReadonlySet<string> | null;
  readonly spreadMs: number;
  readonly way: Way;
  readonly ehlo: string;
}

/** A day longer ago is not sent: what says that it was may be gone. */
const MAX_DAYS_AGO = 10;
const HOUR_MS = 3_600_000;
const MAX_SPREAD_HOURS = 20;

/** See the file comment. */
export async function runSend(values: SendValues, io: Io): Promise<number> {
  const now = Date.now();
  const today = new Date(now).toISOString().slice(0, 10);
  const asked = values.day === undefined ? null : dayOf(values.day, today, values['dry-run'] ?? false);
  const file = configFile(values, io.env);
  mustExist(file);
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  const rules = rulesOf(loaded);
  if (rules === null || (loaded.service.tlsrptSend === 'no' && values['dry-run'] !== true))
    throw new ConfigError(
      rules === null
        ? 'tlsrpt-organization and tlsrpt-contact of [service] are needed: who reports, and from which address'
        : 'tlsrpt-send of [service] is no: with mail or https reports are sent (--dry-run shows them)',
    );
  const way = wayOf(values);
  if (values['to-self'] !== undefined)
    return await sendToSelf(values, { rules, way, ehlo: ehloOf(rules) }, io);
  const places = openPlaces(evidenceDirectories(values, io.env));
  if (typeof places === 'string') {
    reportError(io, values.json, places);
    return EXIT.data;
  }
  const servers = loaded.service.resolver.length > 0 ? loaded.service.resolver : await systemServers();
  const resolver = new StubResolver({ servers, trusted: false });
  const setting: SendSetting = {
    rules,
    lookups: { resolver, opening: loaded.service.stsTestOpening },
    places,
    files: new DayFiles(values.state),
    only: domainsOf(values.domain),
    spreadMs: spreadOf(values.spread),
    way,
    ehlo: ehloOf(rules),
  };
  try {
    if (values['dry-run'])
      return await dryRun(setting, asked ?? addDays(today, -1), values.json ?? false, io);
    return await sendAll(setting, asked, today, values.json ?? false, io);
  } catch (error) {
    if (!(error instanceof SyntaxError) && codeOf(error) === '') throw error;
    return troubleOf(error, values.json, io);
  } finally {
    resolver.close();
  }
}

function troubleOf(error: unknown, json: boolean | undefined, io: Io): number {
  if (codeOf(error) === 'ELOCKED') {
    reportError(io, json, 'another process sends reports just now');
    return EXIT.cannotTell;
  }
  const path = error instanceof Error && 'path' in error ? `${escapeText(String(error.path), 300)}: ` : '';
  const what = error instanceof SyntaxError ? escapeText(error.message, 300) : fileError(error);
  const read =
    error instanceof Error && 'syscall' in error && error.syscall === 'open' && path.endsWith('.jsonl: ');
  reportError(io, json, `${path}${what}`);
  return read ? EXIT.data : EXIT.cannotCreate;
}

async function sendAll(
  setting: SendSetting,
  asked: string | null,
  today: string,
  json: boolean,
  io: Io,
): Promise<number> {
  const release = setting.files.lock();
  const stop = stopSignal();
  let again = false;
  try {
    const days = asked === null ? [addDays(today, -2), addDays(today, -1)] : [asked];
    for (const day of days) {
      const plan = await planFor(setting, day, day === days.at(-1));
      if (plan === null || stop.signal.aborted) continue;
      const counts = await sendOne(setting, plan, stop.signal, json, io);
      again ||= counts.again > 0;
    }
  } finally {
    stop.release();
    release();
  }
  return again || stop.signal.aborted ? EXIT.cannotTell : EXIT.yes;
}

/** That of the day, made now if it may be; null: there is none. */
async function planFor(setting: SendSetting, day: string, make: boolean): Promise<Plan | null> {
  const { files, places, rules, lookups, spreadMs } = setting;
  const known = files.plan(day);
  if (known !== null || !make || Date.now() < countableAt(day, spreadMs)) return known;
  const { head, entries } = await makePlan(places, day, submitterOf(rules.reporter), lookups);
  // of a day without records more may come, when a disk is back
  if (head.sources.length > 0) await files.writePlan(head, entries);
  return { head, entries };
}

async function sendOne(
  setting: SendSetting,
  { head, entries }: Plan,
  signal: AbortSignal,
  json: boolean,
  io: Io,
): Promise<SendCounts> {
  const { files, rules, lookups, only, spreadMs, way, ehlo } = setting;
  const { day } = head;
  const log = files.sent(day);
  const writer = files.writer(day);
  try {
    const counts = await sendDay(head, entries, {
      day,
      rules,
      lookups,
      mail: (to, message) => handOverOnce(to, ehlo, message, way),
      post: (destination, gzip) => postReport(destination, gzip, lookups),
      only,
      // what is late is not spread
      spreadMs: Date.now() >= expiresAt(day) ? 0 : spreadMs,
      log,
      writer,
      now: Date.now,
      signal,
      say: (line) => sayLine(day, line, json, io),
    });
    if (!json) io.out(`${day}: ${summary(counts)}\n`);
    return counts;
  } finally {
    writer.close();
  }
}

const COLOURS: Partial<Record<SentLine['state'], 'green' | 'yellow' | 'red'>> = {
  taken: 'green',
  refused: 'yellow',
  later: 'yellow',
  unknown: 'red',
  'given-up': 'red',
};

function sayLine(day: string, line: SentLine, json: boolean, io: Io): void {
  const colour = COLOURS[line.state];
  if (colour === undefined && line.state !== 'none') return;
  // of most domains there is no record, which is no news
  if (line.state === 'none' && line.why === '') return;
  if (json) {
    io.out(`${asciiJson({ ok: colour === 'green' || colour === undefined, day, ...line })}\n`);
    return;
  }
  const to = line.to === '' ? '' : ` to ${escapeText(line.to, 300)}`;
  const why = line.why === '' ? '' : ` (${line.why})`;
  const text = `${day} ${line.domain}: ${line.state}${to}${why}`;
  io.out(`${colour === undefined ? text : paint(io, colour, text)}\n`);
}

function summary({ sent, none, givenUp, again, waiting }: SendCounts): string {
  const parts = [`${count(sent, 'report')} sent`];
  if (none > 0) parts.push(`${count(none, 'domain')} without one`);
  if (again > 0) parts.push(`${again} to try again`);
  if (waiting > 0) parts.push(`${waiting} at a later hour`);
  if (givenUp > 0) parts.push(`${givenUp} given up`);
  return parts.join(', ');
}

/** null: who reports is not said. */
function rulesOf({ service }: LoadedTable): Rules | null {
  const { tlsrptOrganization: organization, tlsrptContact: contact, tlsrptSend, localDomains } = service;
  if (organization === null || contact === null) return null;
  const reporter = { organization, contact, host: service.hostName ?? hostname() };
  const own = [...localDomains, submitterOf(reporter)];
  const isOwn = (domain: string): boolean => own.some((one) => nameMatches(one, domain));
  return { reporter, https: tlsrptSend === 'https', isOwn };
}

function ehloOf({ reporter }: Rules): string {
  return reporter.host.replace(/[^A-Za-z0-9.-]/g, '-').replace(/^[.-]+/, '') || 'localhost';
}

/** `any`: nothing is sent, so it may be long ago. */
function dayOf(text: string, today: string, any: boolean): string {
  const oldest = any ? '' : addDays(today, -MAX_DAYS_AGO);
  if (isDay(text) && text < today && text >= oldest) return text;
  const from = any ? '' : `, from ${oldest} on`;
  throw new UsageError(`--day: found ${quote(text)}, expected a day (UTC) that is over${from}`);
}

function spreadOf(text: string): number {
  const hours = /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (hours <= MAX_SPREAD_HOURS) return hours * HOUR_MS;
  throw new UsageError(`--spread: found ${quote(text)}, expected hours from 0 to ${MAX_SPREAD_HOURS}`);
}

function domainsOf(texts: readonly string[] | undefined): ReadonlySet<string> | null {
  if (texts === undefined) return null;
  const domains = texts.map((text) => {
    const domain = canonicalDomain(text);
    if (domain === null)
      throw new UsageError(`--domain: found ${quote(text)}, expected a domain such as bank.example`);
    return domain;
  });
  return new Set(domains);
}

function wayOf({ sendmail, smtp }: SendValues): Way {
  if (sendmail !== undefined && smtp !== undefined)
    throw new UsageError('--sendmail and --smtp exclude each other');
  if (sendmail !== undefined) return { sendmail };
  return { smtp: smtp === undefined ? MAIL_SERVER.smtp : smtpPlaceOf(smtp) };
}
