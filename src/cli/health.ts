/**
 * `tlsward health`: one line for Nagios, Icinga, Naemon, monit and the like.
 *
 *   TLSWARD OK - the daemon answers, no alarm | 'failing'=0;10;50;0 'alarms'=0;;;0 'age'=12s;;600;0
 *
 * Exit status by the convention of monitoring plugins, not by that of the other commands: 0 OK, 1 WARNING, 2 CRITICAL, 3
 * UNKNOWN, wrong arguments and mistakes in the configuration included.
 * Source: draft-kaestle-monitoring-plugins-interface-03, Monitoring Plugins Development Guidelines.
 */
import { loadAlarms, type SavedAlarms } from '../alarms/run/stateFile.ts';
import { quote } from '../config/ini/problem.ts';
import { loadConfig } from '../config/load/load.ts';
import { escapeLine, escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { statusFindings } from '../daemon/statusFindings.ts';
import { codeOf } from '../files/systemError.ts';
import { ControlError } from '../net/controlClient.ts';
import { isLate } from './alarms.ts';
import { ConfigError, configFile, type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask } from './daemon.ts';

const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
type Word = (typeof WORDS)[number];

const MAX_LINE = 1000;

interface Part {
  readonly word: Word;
  readonly text: string;
}

/** `tlsward health`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  try {
    const { values } = parseCommand(argv, COMMANDS.health);
    const limits = {
      warning: numberOf('--warning', values.warning),
      critical: numberOf('--critical', values.critical),
      maxAgeMs: values['max-age'] === undefined ? null : ageOf(values['max-age']),
    };
    const { saved, trouble } = savedOf(configFile(values, io.env), limits.maxAgeMs !== null);
    const parts = [await daemon(values, io), ...trouble, ...alarms(saved, limits, Date.now())];
    const worst = WORDS[Math.max(...parts.map(({ word }) => rank(word)))] ?? 'UNKNOWN';
    const said = parts.filter(({ word }) => word === worst).map(({ text }) => text);
    const data = performance(saved, limits, Date.now());
    const { json } = values;
    const text = escapeLine(said.join('; ').replaceAll('|', '/'), MAX_LINE);
    if (json) io.out(`${JSON.stringify({ ok: worst === 'OK', state: worst, text, data })}\n`);
    else io.out(`TLSWARD ${worst} - ${text}${data.length === 0 ? '' : ` | ${dataText(data)}`}\n`);
    return WORDS.indexOf(worst);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    io.out(`TLSWARD UNKNOWN - ${escapeLine(error.message.replaceAll('|', '/'), MAX_LINE)}\n`);
    return WORDS.indexOf('UNKNOWN');
  }
}

/** The worst last: what is not known is worse than a warning, and no better than what is critical. */
function rank(word: Word): number {
  return WORDS.indexOf(word === 'UNKNOWN' ? 'WARNING' : word);
}

function numberOf(option: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${option}: found ${quote(text)}, expected a whole number`);
}

function ageOf(text: string): number {
  const match = /^([0-9]{1,6})([smhd])$/.exec(text);
  if (match === null) throw new UsageError(`--max-age: found ${quote(text)}, expected a time such as 10m`);
  return Number(match[1]) * ({ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2]!] ?? 0);
}

/** What the alarms left; null: they do not run here. `trouble`: why it is not known how things are now. */
function savedOf(
  file: string,
  needed: boolean,
): { readonly saved: SavedAlarms | null; readonly trouble: readonly Part[] } {
  const loaded = loadConfig(file);
  if (!loaded.ok)
    throw new ConfigError(`${count(loaded.problems.length, 'mistake')} in the configuration: tlsward check`);
  const { alarms: settings } = loaded;
  try {
    const saved = loadAlarms(settings.state);
    // with --max-age the limit is the user's
    const late = !needed && saved !== null && isLate(saved, settings, Date.now());
    return { saved, trouble: late ? [{ word: 'WARNING', text: notLooked(saved) }] : [] };
  } catch (error) {
    if (codeOf(error) === '') throw error;
    const text = `${escapeText(settings.state, 300)}: ${codeOf(error)}`;
    if (needed) throw new ConfigError(text);
    return { saved: null, trouble: [{ word: 'WARNING', text }] };
  }
}

function notLooked({ lookedAt }: SavedAlarms): string {
  return `tlsward alarms run has not looked since ${new Date(lookedAt).toISOString()}`;
}

async function daemon(values: Parameters<typeof ask>[0], io: Io): Promise<Part> {
  try {
    const findings = statusFindings(await ask(values, io, 'status'));
    const [first] = findings;
    if (first === undefined) return { word: 'OK', text: 'the daemon answers' };
    const more = findings.length > 1 ? ` and ${findings.length - 1} more (tlsward status --check)` : '';
    return { word: 'WARNING', text: `${first.text}${more}` };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return { word: 'CRITICAL', text: error.message };
  }
}

interface Limits {
  readonly warning: number;
  readonly critical: number;
  readonly maxAgeMs: number | null;
}

function alarms(saved: SavedAlarms | null, { warning, critical, maxAgeMs }: Limits, nowMs: number): Part[] {
  if (saved === null)
    return maxAgeMs === null ? [] : [{ word: 'CRITICAL', text: 'tlsward alarms run has never looked' }];
  const parts: Part[] = [];
  // a look that is yet to come is none: a clock was set back
  if (maxAgeMs !== null && Math.abs(nowMs - saved.lookedAt) > maxAgeMs)
    parts.push({ word: 'CRITICAL', text: notLooked(saved) });
  for (const { phase, severity, summary } of saved.alarms)
    if (phase === 'firing')
      parts.push({ word: severity === 'critical' ? 'CRITICAL' : 'WARNING', text: summary });
  const failing = saved.failing.in + saved.failing.out;
  const text = `${count(failing, 'message')} failed or refused for want of TLS`;
  if (failing >= critical) parts.push({ word: 'CRITICAL', text });
  else if (failing >= warning) parts.push({ word: 'WARNING', text });
  if (parts.length === 0) parts.push({ word: 'OK', text: 'no alarm' });
  return parts;
}

/** `'label'=value[unit];warning;critical;least`. */
interface Datum {
  readonly label: string;
  readonly value: number;
  readonly unit: '' | 's';
  readonly warning: number | null;
  readonly critical: number | null;
}

function performance(
  saved: SavedAlarms | null,
  { warning, critical, maxAgeMs }: Limits,
  nowMs: number,
): Datum[] {
  if (saved === null) return [];
  const firing = saved.alarms.filter(({ phase }) => phase === 'firing').length;
  const age = Math.max(0, Math.round((nowMs - saved.lookedAt) / 1000));
  const { in: refused, out: deferred } = saved.failing;
  return [
    { label: 'failing', value: refused + deferred, unit: '', warning, critical },
    { label: 'refused', value: refused, unit: '', warning: null, critical: null },
    { label: 'deferred', value: deferred, unit: '', warning: null, critical: null },
    { label: 'alarms', value: firing, unit: '', warning: null, critical: null },
    {
      label: 'age',
      value: age,
      unit: 's',
      warning: null,
      critical: maxAgeMs === null ? null : maxAgeMs / 1000,
    },
  ];
}

function dataText(data: readonly Datum[]): string {
  return data
    .map(
      ({ label, value, unit, warning, critical }) =>
        `'${label}'=${value}${unit};${warning ?? ''};${critical ?? ''};0`,
    )
    .join(' ');
}
