/**
 * `tlsward alarms`: what is firing, as the last look of `tlsward alarms run` left it; `run`: the process that looks;
 * `test`: a test through every output of the configuration.
 *
 *   tlsward alarms [--json]
 *   tlsward alarms run
 *   tlsward alarms test [--json]
 *
 * Exit status of the list: 0 nothing fires, 1 something does, 75 it cannot be told: nothing has looked lately. Of `test`:
 * 0 every output took it, 1 one did not. Of `run`: 0 stopped as asked.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Alarm } from '../alarms/alarmState.ts';
import type { Answer } from '../alarms/daemonFacts.ts';
import { alarmJson, alertOf } from '../alarms/notices.ts';
import { runAlarms } from '../alarms/run/runAlarms.ts';
import { loadAlarms, type SavedAlarms, saveAlarms } from '../alarms/run/stateFile.ts';
import { tellAlertmanager, tellCommand, tellMail } from '../alarms/run/tell.ts';
import type { AlarmSettings } from '../config/keys/alarmSettings.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { escapeLine, escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { StatusReply } from '../daemon/controlReplies.ts';
import { packageVersion } from '../daemon/version.ts';
import { lineText } from '../evidence/lineText.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { Log } from '../log/log.ts';
import { MAIL_SERVER, type MailServer } from '../mta/handOver.ts';
import { askDaemon, ControlError } from '../net/controlClient.ts';
import { StreamStore } from '../recorder/store.ts';
import { ownCertificate } from './alarmIdentity.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { type LoadedTable, loadOrReport } from './loadOrReport.ts';

const ASK_MS = 10_000;
/** Looks that may be missing before nobody looks any more. */
const LATE_LOOKS = 4;
const LATE_MS = 120_000;

/** `tlsward alarms`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.alarms);
  const [what = 'list'] = positionals;
  if (!['list', 'run', 'test'].includes(what))
    throw new UsageError(`found "${escapeText(what)}", expected run or test, or nothing`);
  const file = configFile(values, io.env);
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  const { alarms, service } = loaded;
  const server = { ...MAIL_SERVER, sendmail: values.sendmail };
  if (what === 'run') return await watch(file, { alarms, service }, server, values['postfix-config']);
  const host = hostOf(service);
  if (what === 'test') return await test(alarms, host, server, values.json, io);
  return list(alarms, values.json, io);
}

function hostOf({ hostName }: ServiceSettings): string {
  return hostName ?? hostname();
}

/** Has nobody looked for so long that what the file says is no more than history? */
export function isLate({ lookedAt }: SavedAlarms, { intervalMs }: AlarmSettings, nowMs: number): boolean {
  return nowMs - lookedAt > Math.max(LATE_MS, LATE_LOOKS * intervalMs);
}

function list(settings: AlarmSettings, json: boolean | undefined, io: Io): number {
  let saved: SavedAlarms | null;
  try {
    saved = loadAlarms(settings.state);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    reportError(
      io,
      json,
      `tlsward alarms: ${escapeText(settings.state, 300)}: cannot be read (${fileError(error)})`,
    );
    return EXIT.cannotTell;
  }
  const hint = 'systemctl enable --now tlsward-alarms';
  if (saved === null) {
    reportError(io, json, `tlsward alarms: nothing has looked yet: ${hint}`);
    return EXIT.cannotTell;
  }
  const shown = saved.alarms.filter(({ phase }) => phase !== 'over');
  const firing = shown.filter(({ phase }) => phase === 'firing');
  const late = isLate(saved, settings, Date.now());
  const lookedAt = new Date(saved.lookedAt).toISOString();
  const { host } = saved;
  if (json) {
    const alarms = shown.map((alarm) => alarmJson(alarm, stateOf(alarm), host));
    io.out(
      `${asciiJson({ ok: !late && firing.length === 0, lookedAt, late, host, failing: saved.failing, alarms })}\n`,
    );
  } else {
    if (late)
      io.out(`${paint(io, 'red', `nobody has looked since ${lookedAt}`)}: systemctl status tlsward-alarms\n`);
    const colour = firing.length === 0 ? 'green' : 'red';
    const words = firing.length === 0 ? 'no alarm' : count(firing.length, 'alarm');
    io.out(`${paint(io, colour, words)}; last look ${lookedAt}\n`);
    for (const alarm of shown) io.out(textOf(alarm, io));
  }
  if (late) return EXIT.cannotTell;
  return firing.length === 0 ? EXIT.yes : EXIT.no;
}

function stateOf({ phase }: Alarm): 'firing' | 'pending' {
  return phase === 'firing' ? 'firing' : 'pending';
}

function textOf(alarm: Alarm, io: Io): string {
  const { kind, severity, summary, since, noDataSince, inhibitedBy, advice, phase } = alarm;
  const colour = phase !== 'firing' ? 'bold' : severity === 'critical' ? 'red' : 'yellow';
  const notes = [
    `since ${new Date(since).toISOString()}`,
    ...(phase === 'firing' ? [] : ['not for long enough yet']),
    ...(noDataSince === null ? [] : [`no data since ${new Date(noDataSince).toISOString()}`]),
    ...(inhibitedBy === '' ? [] : [`explained by ${inhibitedBy}`]),
  ];
  const head = `\n${paint(io, colour, `${severity} ${kind}`)}: ${escapeLine(summary, 2000)}\n  ${notes.join('; ')}\n`;
  return `${head}${advice.map((line) => `  ${escapeLine(line, 500)}\n`).join('')}`;
}

async function test(
  settings: AlarmSettings,
  host: string,
  server: MailServer,
  json: boolean | undefined,
  io: Io,
): Promise<number> {
  const now = Date.now();
  const alarm = testAlarm(now);
  const notice = { alarm, state: 'firing', audience: 'people' } as const;
  const { mail, command, alertmanager, repeatMs } = settings;
  const told: { readonly output: string; readonly to: string; readonly why: string }[] = [];
  if (mail !== null)
    told.push({
      output: 'mail',
      to: mail,
      why: await tellMail(notice, mail, { host, repeatMs, nowMs: now }, server),
    });
  if (command !== null)
    told.push({ output: 'command', to: command.join(' '), why: await tellCommand(notice, command, host) });
  if (alertmanager !== null) {
    // over by itself in a minute
    const why = await tellAlertmanager(alertmanager, [alertOf(alarm, host, now + 60_000)]);
    told.push({ output: 'alertmanager', to: alertmanager, why });
  }
  const ok = told.length > 0 && told.every(({ why }) => why === '');
  if (json) io.out(`${asciiJson({ ok, told })}\n`);
  else if (told.length === 0)
    io.out('nobody is told but the log: [alarms] has neither mail nor command nor alertmanager\n');
  else
    for (const { output, to, why } of told) {
      const words =
        why === '' ? paint(io, 'green', 'taken') : paint(io, 'red', `not taken: ${escapeText(why, 500)}`);
      io.out(`${output} ${escapeText(to, 300)}: ${words}\n`);
    }
  return ok ? EXIT.yes : EXIT.no;
}

function testAlarm(now: number): Alarm {
  return {
    kind: 'test',
    subject: '',
    severity: 'warning',
    summary: 'this is a test of the alarms of tlsward',
    count: 0,
    domains: [],
    advice: ['nothing: whoever reads this is told of alarms'],
    phase: 'firing',
    since: now,
    badSince: now,
    firedAt: now,
    goodSince: null,
    noDataSince: null,
    inhibitedBy: '',
    toldAt: null,
  };
}

async function watch(
  file: string,
  { alarms: settings, service }: Pick<LoadedTable, 'alarms' | 'service'>,
  server: MailServer,
  postfix: string | undefined,
): Promise<number> {
  const host = hostOf(service);
  const log = new Log(service.logLevel);
  log.setFormat(service.logFormat);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  log.alarmsStart(packageVersion(), process.versions.node, file);
  const records = new AlarmRecords(service, host);
  try {
    await runAlarms({
      settings,
      host,
      evidence: service.evidence,
      saved: savedOrNone(settings, log),
      save: (saved) => saveAlarms(settings.state, saved),
      ask: () => askStatus(service),
      identity: () => ownCertificate(file, service, postfix),
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
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeListener(signal, end);
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
