/**
 * `tlsward collect`: reads the log of the MTA and records how each message left: a process of its own, because
 * the daemon in the way of mail must not depend on it.
 *
 *   tlsward collect [--journal | --file FILE | --stdin] [--once]
 *
 * Runs until SIGTERM or SIGINT, or, with `--once`, until everything that is there was read. Exit status: 0 stopped
 * as asked, 65 FILE cannot be read, 69 the journal cannot be read, 73 the evidence cannot be written, 78 mistakes
 * in the configuration, or it names no directory for evidence.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Collector } from '../collect/collector.ts';
import { CollectorCounters } from '../collect/counters.ts';
import { CountersFile } from '../collect/run/countersFile.ts';
import { type CollectorEvents, type RecordWriter, runCollector } from '../collect/run/runCollector.ts';
import { recordTlsrpt } from '../collect/run/tlsrptRecords.ts';
import { unfitDescriptor } from '../collect/sources/datagrams.ts';
import { FileSource } from '../collect/sources/fileSource.ts';
import { JournalSource } from '../collect/sources/journalSource.ts';
import { type Source, SourceError } from '../collect/sources/source.ts';
import { StdinSource } from '../collect/sources/stdinSource.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { packageVersion } from '../daemon/version.ts';
import { lineText } from '../evidence/lineText.ts';
import { fileError } from '../files/systemError.ts';
import { inheritedSockets } from '../net/listen.ts';
import { StreamStore } from '../recorder/store.ts';
import type { StoreOptions } from '../recorder/storeOptions.ts';
import { DayTallier } from '../tally/dayTallier.ts';
import {
  type CommandValues,
  configFile,
  EXIT,
  type Io,
  parseCommand,
  reportError,
  UsageError,
  unreadable,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';
import { stopSignal } from './stopSignal.ts';

const REPORT_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** `tlsward collect`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.collect);
  const chosen = [values.journal ?? false, values.file !== undefined, values.stdin ?? false];
  if (chosen.filter(Boolean).length > 1)
    throw new UsageError('--journal, --file and --stdin exclude each other');
  const loaded = loadOrReport(configFile(values, io.env), values.json, io);
  if (loaded === null) return EXIT.config;
  // the table is not needed, and may be large
  const { service } = loaded;
  const directory = service.evidence;
  if (directory === null) {
    reportError(io, false, 'tlsward collect: [service] names no directory: evidence = DIRECTORY is missing');
    return EXIT.config;
  }
  let source: Source;
  try {
    source = sourceOf(values);
  } catch (error) {
    return unreadable(io, false, values.file ?? '', error);
  }
  const tallier = tallierOf(directory, io);
  let store: StreamStore;
  try {
    store = openStore(directory, service, tallier);
  } catch (error) {
    reportError(io, false, `tlsward collect: ${escapeText(directory, 300)}: ${reasonOf(error)}`);
    return EXIT.cannotCreate;
  }
  // it may have been stopped when the day ended
  tallier.ended(new Date(Date.now() - DAY_MS).toISOString().slice(0, 10));
  try {
    return await collect(source, store, service, values, io, tallier);
  } finally {
    await tallier.close();
  }
}

/** Counts each day when it has ended, for `tlsward report`. */
function tallierOf(directory: string, io: Io): DayTallier {
  return new DayTallier(directory, 'collector', (day, why) => {
    if (why !== '')
      io.err(`tlsward collect: ${day} is counted when a report is asked for: ${escapeText(why, 300)}\n`);
  });
}

function sourceOf(values: CommandValues<typeof COMMANDS.collect>): Source {
  const once = values.once ?? false;
  if (values.file !== undefined) return new FileSource({ path: values.file, once });
  if (values.stdin) return new StdinSource(process.stdin, (text) => void process.stdout.write(text));
  return new JournalSource(once);
}

function openStore(directory: string, service: ServiceSettings, tallier: DayTallier): StreamStore {
  const options: StoreOptions = {
    directory,
    stream: 'collector',
    host: hostOf(service),
    privacy: service.privacy,
    retentionDays: service.retentionDays,
    syncs: service.evidenceSyncMs !== null,
    token: randomBytes(8).toString('hex'),
    // what was not written is read again
    unclean: 'ignore',
  };
  return new StreamStore(options, { onDayEnd: (day) => tallier.ended(day) });
}

function hostOf({ hostName }: ServiceSettings): string {
  return hostName ?? hostname();
}

/** The file that is written was removed or replaced: what is written to it reaches nobody. */
class FileGoneError extends Error {}

const GONE = 'the file of the day was removed or replaced';

/** Nothing counts as written, and no line is confirmed, when its file is not there any more. */
function guarded(store: StreamStore): RecordWriter {
  return {
    append: (texts) => store.append(texts),
    tick: () => store.tick(),
    commit: () => {
      const written = store.commit();
      if (!store.isThere) throw new FileGoneError(GONE);
      return written;
    },
  };
}

/** Ends with a gap in a new file; the next start reads on from what is left of the state. */
function beginAnew(
  gone: StreamStore,
  directory: string,
  service: ServiceSettings,
  tallier: DayTallier,
): StreamStore {
  gone.abandon();
  const store = openStore(directory, service, tallier);
  const now = new Date().toISOString();
  store.lost(now, now, 0, GONE);
  return store;
}

async function collect(
  source: Source,
  opened: StreamStore,
  service: ServiceSettings,
  { file, once = false }: { readonly file?: string | undefined; readonly once?: boolean | undefined },
  io: Io,
  tallier: DayTallier,
): Promise<number> {
  const host = hostOf(service);
  let store = opened;
  const writer = guarded(store);
  const stop = stopSignal();
  const own = (type: 'start' | 'stop', fields = {}): number =>
    store.append(lineText(new Date().toISOString(), type, host, fields));
  own('start', { version: packageVersion(), node: process.versions.node });
  // what it refuses now is written with the first records
  store.commit();
  let last: Collector | null = null as Collector | null;
  const counters = new CollectorCounters(Date.now());
  // what somebody reads in once is not what leaves now
  const told = once
    ? null
    : new CountersFile(store.folder, counters, (error) =>
        io.err(`tlsward collect: its counters cannot be written: ${reasonOf(error)}\n`),
      );
  const tlsrpt = recordDatagrams(writer, host, stop.signal, io);
  try {
    await runCollector({
      source,
      stream: store.folder,
      host,
      writer,
      events: eventsOf(io, once, (collector) => {
        last = collector;
      }),
      signal: stop.signal,
      counters,
      commitEveryMs: service.evidenceSyncMs ?? 1000,
    });
    if (once) io.out(`${countsOf(last)}\n`);
    return EXIT.yes;
  } catch (error) {
    if (error instanceof FileGoneError) {
      reportError(io, false, `tlsward collect: ${escapeText(store.folder, 300)}: ${error.message}`);
      try {
        store = beginAnew(store, service.evidence ?? '', service, tallier);
      } catch {
        // its folder may have gone, too; the next start says so
      }
      return EXIT.cannotCreate;
    }
    if (!(error instanceof SourceError)) return unreadable(io, false, file ?? source.name, error);
    reportError(io, false, `tlsward collect: ${escapeText(error.message, 500)}`);
    return EXIT.unavailable;
  } finally {
    stop.release();
    stop.abort();
    await tlsrpt;
    await told?.close();
    own('stop');
    if (!store.close())
      reportError(io, false, `tlsward collect: not all was written: ${store.state.failure}`);
  }
}

/** What Postfix reports of handshakes, where tlsward-tlsrpt.socket handed its socket over. Never rejects. */
async function recordDatagrams(
  writer: RecordWriter,
  host: string,
  signal: AbortSignal,
  io: Io,
): Promise<void> {
  const [fd] = inheritedSockets(io.env, process.pid).get('tlsrpt') ?? [];
  if (fd === undefined) return;
  const say = (text: string): void => io.err(`tlsward collect: tlsrpt: ${text}\n`);
  try {
    const unfit = unfitDescriptor(fd);
    if (unfit !== null) return say(unfit);
    let told = 0;
    const onForeign = (foreign: number): void => {
      // ever more rarely
      if (foreign < 2 * told) return;
      told = foreign;
      say(`${count(foreign, 'datagram')} cannot be read`);
    };
    await recordTlsrpt({ fd, host, writer, signal, onForeign });
  } catch (error) {
    say(`cannot be read on: ${reasonOf(error)}`);
  }
}

/** What is worth a line on standard error. */
function eventsOf(io: Io, once: boolean, keep: (collector: Collector) => void): CollectorEvents {
  const say = (text: string): void => io.err(`tlsward collect: ${escapeText(text, 1000)}\n`);
  let reported = Date.now();
  let seen = 0;
  return {
    started: (from) => {
      if (!once) say(from === null ? 'starts at the beginning' : 'goes on where it stopped');
    },
    unreadable: (sample, count) => {
      if (count <= seen) return;
      seen = count;
      say(`a line that looks like a delivery cannot be read (${count} so far): ${sample}`);
    },
    lost: (why) => say(`a gap: ${why}`),
    waiting: (waits) =>
      say(
        waits ? 'records cannot be written; the log is read on when they can' : 'records are written again',
      ),
    stateNotSaved: (error) => say(`its state cannot be saved: ${reasonOf(error)}`),
    committed: (collector) => {
      keep(collector);
      if (Date.now() - reported < REPORT_MS) return;
      reported = Date.now();
      say(wordsOf(collector));
    },
  };
}

function countsOf(collector: Collector | null): string {
  const { lines, records } = collector?.counts ?? { lines: 0, records: 0 };
  return `${lines} lines, ${records} records`;
}

function wordsOf({ counts, join }: Collector): string {
  const memory = join.memory.map(({ name, used, limit }) => `${name} ${used} of ${limit} bytes`);
  const { lines, records, foreign, disbelieved } = counts;
  return `${lines} lines, ${records} records, ${foreign} other lines, ${disbelieved} stamps not believed; ${memory.join(', ')}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? fileError(error) : escapeText(error.message, 500);
}
