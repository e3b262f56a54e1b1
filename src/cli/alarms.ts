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
import type { Alarm } from '../alarms/alarmState.ts';
import { alarmJson, alertOf } from '../alarms/notices.ts';
import { loadAlarms, type SavedAlarms } from '../alarms/run/stateFile.ts';
import { tellAlertmanager, tellCommand, tellMail } from '../alarms/run/tell.ts';
import type { AlarmSettings } from '../config/keys/alarmSettings.ts';
import { escapeLine, escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { MAIL_SERVER, type MailServer } from '../mta/handOver.ts';
import { inventoryFile } from '../probe/inventoryFile.ts';
import { hostOf, watch } from './alarmsRun.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';

/** Looks that may be missing before nobody looks any more. */
const LATE_LOOKS = 4;
const LATE_MS = 300_000;

/** `tlsward alarms`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.alarms);
  const [what = 'list'] = positionals;
  if (!['list', 'run', 'test'].includes(what))
    throw new UsageError(`found "${escapeText(what)}", expected run or test, or nothing`);
  const file = configFile(values, io.env);
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  // the table is not needed, and may be large
  const { alarms, service } = loaded;
  const server = { ...MAIL_SERVER, sendmail: values.sendmail };
  if (what === 'run') {
    const { state } = values;
    const places = { postfix: values['postfix-config'], inventory: inventoryFile(state), state };
    return await watch(file, { alarms, service }, server, places);
  }
  const host = hostOf(service);
  if (what === 'test') return await test(alarms, host, server, values.json, io);
  return list(alarms, values.json, io);
}

/**
 * Has nobody looked for so long that what the file says is no more than history? Nor is a look that is yet to come one: a
 * clock was set back.
 */
export function isLate({ lookedAt }: SavedAlarms, { intervalMs }: AlarmSettings, nowMs: number): boolean {
  return Math.abs(nowMs - lookedAt) > Math.max(LATE_MS, LATE_LOOKS * intervalMs);
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
    const colour = firing.length > 0 ? 'red' : late ? 'bold' : 'green';
    const words = `${firing.length === 0 ? 'no alarm' : count(firing.length, 'alarm')}${late ? ' then' : ''}`;
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
