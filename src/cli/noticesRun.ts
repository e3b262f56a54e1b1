/**
 * `tlsward notices run`: the loop of src/notices/run with this host's queue, table, records, MTA and log.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { dayOf } from '../archive/day.ts';
import { loadConfig } from '../config/load/load.ts';
import { escapeText } from '../core/escape.ts';
import { PolicyTable } from '../core/table.ts';
import { packageVersion } from '../daemon/version.ts';
import { withoutLocalParts } from '../evidence/lineText.ts';
import type { DeliveryRecord } from '../evidence/record.ts';
import { Log } from '../log/log.ts';
import { lifetimeOf, sendmailLifetime } from '../mta/queueLifetime.ts';
import { runProgram } from '../mta/runProgram.ts';
import { parseSendmailCf } from '../mta/sendmailCf.ts';
import type { SmtpPlace } from '../mta/smtpDialogue.ts';
import { submit } from '../mta/submit.ts';
import type { Begun, Told } from '../notices/ledger.ts';
import { type Outcome, outcomeOf } from '../notices/outcome.ts';
import { runNotices } from '../notices/run/runNotices.ts';
import { newNotices, type SavedNotices, saveNotices } from '../notices/run/stateFile.ts';
import { queueIdOf } from '../notices/waitingMessage.ts';
import { type Demand, demandOf } from '../queue/demand.ts';
import { takeLock } from '../recorder/lock.ts';
import { SYSTEM } from '../recorder/system.ts';
import { Evidence, openPlace } from '../trace/places.ts';
import { EXIT, type Io, reportError } from './command.ts';
import type { LoadedTable } from './loadOrReport.ts';
import { askQueue, type QueuePrograms } from './queueMessages.ts';
import { stopSignal } from './stopSignal.ts';

interface Telling {
  /** The file of the state, and what was in it. */
  readonly state: string;
  readonly saved: SavedNotices | null;
  readonly server: SmtpPlace;
  readonly programs: QueuePrograms;
}

/** Between two looks, as long as the time of waiting allows. */
const MOST_INTERVAL_MS = 60_000;
const LEAST_INTERVAL_MS = 1000;
/** After so long the table, and what the MTA is set to, are read anew when they are needed. */
const TABLE_MS = 300_000;
const LIFETIME_MS = 3_600_000;
const SENDMAIL_CF = '/etc/mail/sendmail.cf';
const POSTCONF = { timeoutMs: 10_000, maxBytes: 65_536 };
/** Messages whose records are looked for at one look, and days in which. */
const MAX_ASKED = 200;
const MAX_DAYS = 7;
const MAX_IDS = 5;
const DAY_MS = 86_400_000;

/** Until SIGTERM or SIGINT; `file`: the configuration. Resolves to the exit status. */
export async function tellAuthors(
  file: string,
  loaded: LoadedTable,
  { state, saved, server, programs }: Telling,
  io: Io,
): Promise<number> {
  const { service } = loaded;
  const { notifySenderAfterMs: afterMs, notifyDomains, localDomains } = service;
  const domains = notifyDomains.length > 0 ? notifyDomains : localDomains;
  if (afterMs === null || domains.length === 0) {
    const missing = afterMs === null ? 'notify-sender-after' : 'notify-domains';
    reportError(io, false, `tlsward notices: ${missing} of [service] is not set, so nobody is told`);
    return EXIT.config;
  }
  let release: () => void;
  try {
    mkdirSync(dirname(state), { recursive: true, mode: 0o700 });
    release = takeLock(SYSTEM, dirname(state), randomBytes(8).toString('hex'));
  } catch (error) {
    reportError(io, false, `tlsward notices: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.cannotTell;
  }
  const host = (service.hostName ?? hostname()).replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 253);
  const log = new Log(service.logLevel);
  log.setFormat(service.logFormat);
  const stop = stopSignal();
  const table = new CurrentTable(file, loaded);
  const lifetime = new Lifetime(service.postconf, programs.folder);
  log.noticesStart(packageVersion(), process.versions.node, file);
  try {
    await runNotices({
      afterMs,
      intervalMs: Math.max(LEAST_INTERVAL_MS, Math.min(MOST_INTERVAL_MS, afterMs / 5)),
      domains,
      host,
      saved: saved ?? newNotices(Date.now()),
      save: (one) => saveNotices(state, one),
      queue: async (take) => {
        await askQueue(programs, Date.now(), take);
      },
      demandOf: (domain, rule) => table.demandOf(domain, rule),
      lifetime: () => lifetime.get(),
      outcomes: (told, now) => (service.evidence === null ? null : recorded(service.evidence, told, now)),
      post: (to, text) => submit(server, { host, to, text }),
      events: {
        sent: (begun, unsure) => log.noticeSent({ ...fieldsOf(begun), queueIds: idsOf(begun), unsure }),
        refused: (begun, why, givenUp) =>
          log.noticeRefused({ ...fieldsOf(begun), why: withoutLocalParts(why), givenUp }),
        leftOut: (counts) => log.noticesLeftOut(counts),
        trouble: (what, why) => log.noticesTrouble(what, withoutLocalParts(why)),
      },
      signal: stop.signal,
    });
    return EXIT.yes;
  } finally {
    stop.release();
    release();
    log.flush();
  }
}

function fieldsOf({ kind, author, told }: Begun): { kind: string; domain: string; messages: number } {
  return { kind, domain: author.domain, messages: told.length };
}

function idsOf({ told }: Begun): string[] {
  return told.slice(0, MAX_IDS).map(({ key }) => escapeText(queueIdOf(key), 64));
}

/** The table as it is on disk, for which the daemon is not asked: it may be what is down. */
class CurrentTable {
  readonly #file: string;
  #table: PolicyTable;
  #readAt = Date.now();

  constructor(file: string, { packed, hash }: LoadedTable) {
    this.#file = file;
    this.#table = new PolicyTable(packed, 1, hash);
  }

  demandOf(domain: string, rule: string): Demand {
    if (Math.abs(Date.now() - this.#readAt) > TABLE_MS) this.#read();
    return demandOf(domain, rule, this.#table);
  }

  /** With mistakes the one before stays, as in the daemon. */
  #read(): void {
    this.#readAt = Date.now();
    const loaded = loadConfig(this.#file);
    if (loaded.ok) this.#table = new PolicyTable(loaded.packed, 1, loaded.hash);
  }
}

/** How long the MTA of this host tries. */
class Lifetime {
  readonly #postconf: string | null;
  readonly #folder: string | undefined;
  #value: number | null = null;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(postconf: string | null, folder: string | undefined) {
    this.#postconf = postconf;
    this.#folder = folder;
  }

  async get(): Promise<number | null> {
    if (Math.abs(Date.now() - this.#readAt) < LIFETIME_MS) return this.#value;
    this.#readAt = Date.now();
    this.#value = (await this.#ofPostfix()) ?? ofSendmail();
    return this.#value;
  }

  async #ofPostfix(): Promise<number | null> {
    if (this.#postconf === null) return null;
    const base = this.#folder === undefined ? [] : ['-c', this.#folder];
    const ran = await runProgram(this.#postconf, [...base, '-h', 'maximal_queue_lifetime'], POSTCONF);
    return ran.ok ? lifetimeOf(ran.stdout) : null;
  }
}

function ofSendmail(): number | null {
  try {
    return sendmailLifetime(parseSendmailCf(SENDMAIL_CF, readFileSync(SENDMAIL_CF, 'utf8')));
  } catch {
    return null;
  }
}

/** null: no collector writes records here. Throws the error of open(2) or read(2). */
function recorded(
  directory: string,
  told: readonly Told[],
  now: number,
): ReadonlyMap<string, Outcome> | null {
  const place = openPlace(directory);
  if (!place.streams.some(({ name }) => name === 'collector')) return null;
  const asked = told.slice(0, MAX_ASKED);
  const found = new Map<string, Outcome>();
  if (asked.length === 0) return found;
  const records = new Map<string, DeliveryRecord[]>(asked.map(({ key }) => [queueIdOf(key), []]));
  const keys = [...records.keys()].map((text) => ({ kind: 'queueId', text }) as const);
  const oldest = Math.max(now - (MAX_DAYS - 1) * DAY_MS, Math.min(...asked.map(({ arrived }) => arrived)));
  const range = { from: dayOf(oldest), to: dayOf(now) };
  for (const { stream, record } of new Evidence([place], dayOf(now)).find(() => keys, range))
    if (stream === 'collector' && record.type === 'delivery') records.get(record.queueId)?.push(record);
  for (const { key, arrived, recipients } of asked) {
    const waited = recipients.map(({ domain }) => domain);
    found.set(key, outcomeOf(records.get(queueIdOf(key)) ?? [], arrived, waited));
  }
  return found;
}
