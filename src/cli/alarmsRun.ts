/**
 * `tlsward alarms run`: the loop of src/alarms/run with this host's log, evidence, daemon, certificate and MTA.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Alarm } from '../alarms/alarmState.ts';
import type { Answer } from '../alarms/daemonFacts.ts';
import { runAlarms } from '../alarms/run/runAlarms.ts';
import { loadAlarms, type SavedAlarms, saveAlarms } from '../alarms/run/stateFile.ts';
import type { AlarmSettings } from '../config/keys/alarmSettings.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { escapeLine } from '../core/escape.ts';
import type { StatusReply } from '../daemon/controlReplies.ts';
import { packageVersion } from '../daemon/version.ts';
import { lineText } from '../evidence/lineText.ts';
import { codeOf } from '../files/systemError.ts';
import { Log } from '../log/log.ts';
import type { MailServer } from '../mta/handOver.ts';
import { askDaemon, ControlError } from '../net/controlClient.ts';
import { StreamStore } from '../recorder/store.ts';
import { ownCertificate } from './alarmIdentity.ts';
import { PartnerInventory } from './alarmInventory.ts';
import { OthersReported } from './alarmReported.ts';
import { EXIT } from './command.ts';
import type { LoadedTable } from './loadOrReport.ts';
import { stopSignal } from './stopSignal.ts';

const ASK_MS = 10_000;

/** The name of this host in alarms. */
export function hostOf({ hostName }: ServiceSettings): string {
  return hostName ?? hostname();
}

/** Where it looks, other than in the configuration. */
interface Places {
  /** Folder of main.cf. */
  readonly postfix: string | undefined;
  /** The inventory of `tlsward probe --all-required`. */
  readonly inventory: string;
  /** Reports of others are in tlsrpt/ below it. */
  readonly state: string;
}

/** Until SIGTERM or SIGINT; `file`: the configuration. Resolves to the exit status. */
export async function watch(
  file: string,
  { alarms: settings, service }: Pick<LoadedTable, 'alarms' | 'service'>,
  server: MailServer,
  { postfix, inventory: inventoryFile, state }: Places,
): Promise<number> {
  const host = hostOf(service);
  const log = new Log(service.logLevel);
  log.setFormat(service.logFormat);
  const stop = stopSignal();
  log.alarmsStart(packageVersion(), process.versions.node, file);
  const records = new AlarmRecords(service, host);
  const { partnerCertificateDays: days, windowMs } = settings;
  const inventory = new PartnerInventory({ file: inventoryFile, days, windowMs });
  const others = new OthersReported(state);
  try {
    await runAlarms({
      settings,
      host,
      evidence: service.evidence,
      saved: savedOrNone(settings, log),
      save: (saved) => saveAlarms(settings.state, saved),
      ask: () => askStatus(service),
      identity: () => ownCertificate(file, service, postfix),
      partners: (nowMs) => inventory.look(nowMs),
      reported: (before, nowMs) => others.look(before, nowMs),
      events: {
        log: ({ alarm, state }) => {
          if (state !== 'repeat') log.alarm({ ...fieldsOf(alarm), state });
          // it counts as told from now on
          log.flush();
        },
        record: ({ alarm, state }) => records.write(alarm, state),
        untold: (output, alarm, why) => log.alarmUntold(output, alarm?.kind ?? '', alarm?.subject ?? '', why),
        trouble: (what, why) => log.alarmsTrouble(what, why),
      },
      signal: stop.signal,
      mailServer: server,
    });
    return EXIT.yes;
  } finally {
    stop.release();
    records.close();
    log.flush();
  }
}

/** A state that cannot be read is begun anew, and said. */
function savedOrNone(settings: AlarmSettings, log: Log): SavedAlarms | null {
  try {
    return loadAlarms(settings.state);
  } catch (error) {
    log.alarmsTrouble('state', `${settings.state}: ${codeOf(error)}`);
    return null;
  }
}

function fieldsOf({
  kind,
  subject,
  severity,
  summary,
  since,
  count: n,
  domains,
  advice,
}: Alarm): Omit<Parameters<Log['alarm']>[0], 'state'> {
  return {
    kind,
    subject,
    severity,
    summary: escapeLine(summary, 2000),
    since: new Date(since).toISOString(),
    count: n,
    domains,
    advice,
  };
}

async function askStatus({ controlListen }: ServiceSettings): Promise<Answer> {
  const [control] = controlListen;
  if (control?.kind !== 'unix') return null;
  try {
    return { status: await askDaemon<StatusReply>(control.path, 'status', '', ASK_MS) };
  } catch (error) {
    return { error: error instanceof ControlError ? error.message : 'its answer cannot be read' };
  }
}

/** The stream `alarms` of the evidence; opened when there is something to write. */
class AlarmRecords {
  readonly #service: ServiceSettings;
  readonly #host: string;
  #store: StreamStore | null = null;

  constructor(service: ServiceSettings, host: string) {
    this.#service = service;
    this.#host = host;
  }

  /** '' when it is on the disk. */
  write({ kind, subject, summary }: Alarm, state: string): string {
    try {
      this.#store ??= this.#open();
      this.#store.tick();
      const text = escapeLine(summary, 2000);
      const fields = { kind, state, ...(subject === '' ? {} : { subject }), text };
      this.#store.append(lineText(new Date().toISOString(), 'alarm', this.#host, fields));
      return this.#store.commit() ? '' : this.#store.state.failure;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #open(): StreamStore {
    const { evidence, privacy, retentionDays, evidenceSyncMs } = this.#service;
    return new StreamStore({
      directory: evidence ?? '',
      stream: 'alarms',
      host: this.#host,
      privacy,
      retentionDays,
      syncs: evidenceSyncMs !== null,
      token: randomBytes(8).toString('hex'),
      // what was not written is owed, and written again
      unclean: 'ignore',
      reserveBytes: 0,
    });
  }

  close(): void {
    this.#store?.close();
  }
}
