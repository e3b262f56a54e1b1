/** Checks of logs: what cannot be read afterwards cannot be proven. */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { isParameter, valueFor } from '../mta/postfixConfig.ts';
import { askingEntries, sendingOwn } from './asked.ts';
import { type Check, finding, NO_DAEMON, notKnown } from './check.ts';
import type { HostFacts } from './facts.ts';
import { setMain, wrongValue } from './mend.ts';

const sendLevel: Check = {
  id: 'smtp-tls-loglevel',
  group: 'records',
  gravest: 'warning',
  why: 'Below 1 the mail log does not say whether a message left under TLS.',
  find(facts) {
    const entries = sendingOwn(facts);
    if (entries.length === 0) return null;
    return entries.flatMap((entry) => {
      if (valueFor(facts.postfix, 'smtp_tls_loglevel', entry) !== '0') return [];
      return [wrongValue('warning', facts.postfix, 'smtp_tls_loglevel', '1', entry)];
    });
  },
};

const receiveLevel: Check = {
  id: 'smtpd-tls-loglevel',
  group: 'records',
  gravest: 'note',
  why: 'Below 1 the mail log does not say with which TLS a message came; the log of tlsward does.',
  find(facts) {
    const entries = askingEntries(facts);
    if (entries.length === 0) return null;
    if (entries.every(({ entry }) => valueFor(facts.postfix, 'smtpd_tls_loglevel', entry) !== '0')) return [];
    return [finding('note', 'smtpd_tls_loglevel is 0', setMain(facts.postfix, 'smtpd_tls_loglevel', '1'))];
  },
};

const LOGLEVEL_MAPS = ['smtp_tls_loglevel_maps', 'smtpd_tls_loglevel_maps'] as const;

const levelMaps: Check = {
  id: 'tls-loglevel-maps',
  group: 'records',
  gravest: 'note',
  why: 'For the partners in these maps another log level holds: 0 hides their TLS from the log.',
  find({ postfix }) {
    if (!LOGLEVEL_MAPS.some((name) => isParameter(postfix, name))) return null;
    return LOGLEVEL_MAPS.filter((name) => valueFor(postfix, name) !== '').map((name) =>
      finding(
        'note',
        `${name} is ${escapeText(valueFor(postfix, name))}`,
        `see to it that no answer is 0: postmap -s ${escapeText(valueFor(postfix, name))}`,
      ),
    );
  },
};

const logFile: Check = {
  id: 'maillog-without-postlog',
  group: 'records',
  gravest: 'warning',
  why: 'postlogd writes maillog_file; without its entry in master.cf the lines are lost.',
  find({ postfix }) {
    const file = valueFor(postfix, 'maillog_file');
    if (file === '') return null;
    const service = valueFor(postfix, 'postlog_service_name');
    if (postfix.entries.some(({ name, command }) => command === 'postlogd' && name === service)) return [];
    return [
      finding(
        'warning',
        `maillog_file is ${escapeText(file)}, and master.cf has no ${service} (postlogd)`,
        `postconf -M 'postlog/unix-dgram=postlog unix-dgram n - n - 1 postlogd'`,
      ),
    ];
  },
};

const journal: Check = {
  id: 'journal-rate-limit',
  group: 'records',
  gravest: 'note',
  why: 'When a unit logs more than the limit, the journal drops lines: deliveries of which nothing is known afterwards.',
  find({ system, postfix }) {
    if (valueFor(postfix, 'maillog_file') !== '') return null;
    const { journalLimit } = system;
    if (!journalLimit.known) return [notKnown(escapeText(journalLimit.why))];
    if (journalLimit.value === null) return [];
    const { burst, seconds } = journalLimit.value;
    return [
      finding(
        'note',
        `journald drops what a unit logs beyond ${count(burst, 'line')} in ${seconds} s`,
        'RateLimitBurst=0 under [Journal] in /etc/systemd/journald.conf.d/mail.conf, then: systemctl restart systemd-journald',
      ),
    ];
  },
};

export const dropped: Check<HostFacts> = {
  id: 'log-dropped',
  group: 'records',
  gravest: 'warning',
  why: 'Verdicts are missing in the log of tlsward: its reader was too slow, or the disk was full.',
  find({ daemon }) {
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    const { dropped: lines, failure } = daemon.value.log;
    if (lines === 0 && failure === '') return [];
    return [
      finding(
        'warning',
        `${count(lines, 'line')} dropped${failure === '' ? '' : `; it cannot be written (${escapeText(failure)})`}`,
        'df -h /var/log && systemctl status systemd-journald',
      ),
    ];
  },
};

export const RECORDING: readonly Check[] = [sendLevel, receiveLevel, levelMaps, logFile, journal, dropped];
