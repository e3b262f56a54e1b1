/**
 * The keys of `[alarms]`, one entry for each, in the order of the reference.
 */
import { isAbsolute } from 'node:path';
import { Invalid, quote } from '../ini/problem.ts';
import type { AlarmSettings } from './alarmSettings.ts';
import { parseMailbox, parseProgram } from './evidenceKeys.ts';
import { anything, type Check, key, listOf, type TypedKey } from './key.ts';
import { wholeNumber } from './serviceValues.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time with its unit, in milliseconds. `least`, `most`: as they are written. */
function duration(least: string, most: string): Check<number> {
  return {
    expected: `a time from ${least} to ${most}, such as ${most === '7d' ? '4h' : '5m'}`,
    allowed: { pattern: '^[0-9]{1,6}[smhd]$' },
    parse: (text) => {
      const ms = milliseconds(text);
      const fits = ms >= milliseconds(least) && ms <= milliseconds(most);
      return fits ? ms : new Invalid(quote(text), `a time from ${least} to ${most}`);
    },
  };
}

function milliseconds(text: string): number {
  return Number(text.slice(0, -1)) * (UNIT_MS[text.at(-1) ?? ''] ?? Number.NaN);
}

/** Empty is no time. In milliseconds. */
export function durationOrNone(least: string, most: string): Check<number | null> {
  const check = duration(least, most);
  return {
    expected: check.expected,
    allowed: { pattern: '^(?:[0-9]{1,6}[smhd])?$' },
    parse: (text) => (text === '' ? null : check.parse(text)),
  };
}

const SHARE: Check<number> = {
  expected: 'a share such as 10%',
  allowed: { pattern: '^[0-9]{1,2}%$' },
  parse: (text) => Number(text.slice(0, -1)) / 100,
};

const HOURS: Check<AlarmSettings['quietHours']> = {
  expected: 'two times of the day such as 22:00-06:30',
  allowed: { pattern: '^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9])?$' },
  parse: (text) => {
    if (text === '') return null;
    const [from = 0, to = 0] = text.split('-').map((one) => {
      const [hours, minutes] = one.split(':').map(Number);
      return (hours ?? 0) * 60 + (minutes ?? 0);
    });
    return from === to ? new Invalid(quote(text), 'two times that differ') : { from, to };
  },
};

/** The base of the API, with a path where a proxy needs one. */
function parseAlertmanager(text: string): string | null | Invalid {
  if (text === '') return null;
  const wrong = (hint: string): Invalid =>
    new Invalid(quote(text), 'a URL such as http://127.0.0.1:9093', hint);
  if (!URL.canParse(text)) return wrong('');
  const { protocol, username, password, search, hash, href } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return wrong('http or https');
  if (username !== '' || password !== '')
    return wrong('a name and a password would stand in a file that others read');
  if (search !== '' || hash !== '') return wrong('nothing behind the path');
  return href.replace(/\/+$/, '');
}

function parseDirectory(text: string): string | Invalid {
  return isAbsolute(text) ? text : new Invalid(quote(text), 'an absolute path such as /srv/evidence/mx2');
}

function parseState(text: string): string | Invalid {
  return isAbsolute(text)
    ? text
    : new Invalid(quote(text), 'an absolute path such as /var/lib/tlsward/alarms/state');
}

export const ALARM_KEYS: { readonly [K in keyof AlarmSettings]: TypedKey<AlarmSettings[K]> } = {
  mail: key(
    'mail',
    '',
    'address that gets one mail for each alarm and one when it is over, by sendmail(1) or SMTP to this host; empty: none',
    anything('an address', parseMailbox),
  ),
  command: key(
    'command',
    '',
    'program, with arguments, that gets each alarm as JSON on standard input, with `ALARM_KIND` and `ALARM_STATE` ' +
      'in its environment; run without a shell, for 10 s at most; empty: none',
    anything('an absolute path, with arguments', parseProgram),
  ),
  alertmanager: key(
    'alertmanager',
    '',
    'URL of an Alertmanager, whose API (v2) gets what is firing; empty: none',
    anything('a URL such as http://127.0.0.1:9093', parseAlertmanager),
  ),
  forMs: key('for', '2m', 'time for which a condition must hold before it is an alarm', duration('0s', '1d')),
  repeatMs: key(
    'repeat',
    '4h',
    'time after which mail and command are told again of an alarm that goes on',
    duration('1m', '7d'),
  ),
  quietHours: key(
    'quiet-hours',
    '',
    'hours of the local day, `22:00-06:30`, in which mail and command are told of critical alarms only; what goes ' +
      'on is told at their end; empty: none',
    HOURS,
  ),
  watchdogMs: key(
    'watchdog',
    '',
    'time after which the command gets the alarm `watchdog`, which is always firing, again: a sign of life for a ' +
      "dead man's switch; Alertmanager always has it; empty: never",
    durationOrNone('1s', '7d'),
  ),
  intervalMs: key('interval', '30s', 'time between two looks at records and daemon', duration('1s', '10m')),
  windowMs: key(
    'window',
    '60m',
    'time over which failures are counted; a window ends each sixth of it',
    duration('6s', '1d'),
  ),
  failures: key(
    'failures',
    '5',
    'messages with one partner that fail in a window, at least, before that is an alarm',
    wholeNumber(1, 1000),
  ),
  failureShare: key(
    'failure-share',
    '10%',
    'and of all messages with that partner more than this share',
    SHARE,
  ),
  destinations: key(
    'destinations',
    '5',
    'unrelated destinations that no longer offer STARTTLS in a window, at least, before this network is blamed',
    wholeNumber(2, 1000),
  ),
  partnerCertificateDays: key(
    'partner-certificate-days',
    '14',
    'days before a certificate of a partner ends, as `tlsward probe --all-required` saw it, from which on that is an alarm',
    wholeNumber(1, 365),
  ),
  directories: key(
    'directories',
    '',
    'further evidence directories, of other hosts: the hash of their table is compared with that of this host; ' +
      'empty: none',
    listOf('absolute paths', parseDirectory),
  ),
  state: key(
    'state',
    '/var/lib/tlsward/alarms/state',
    'file that keeps what is firing through a restart; `tlsward alarms` and `tlsward health` read it',
    anything('an absolute path', parseState),
  ),
};
