/** The commands that say what the records amount to: how mail was protected, and what to do next. */
import { type Command, MISTAKES, NO_FILE } from './commandEntry.ts';
import { CONTROL, type Option } from './options.ts';

/** Where the records are. */
const EVIDENCE = {
  flag: '--evidence',
  argument: 'DIRECTORY',
  several: true,
  meaning: 'the records of a host; else evidence of the configuration; several hosts are counted as one',
  example: '--evidence /srv/evidence/mx1 --evidence /srv/evidence/mx2',
} as const satisfies Option;

/** The first day. */
const SINCE = {
  flag: '--since',
  argument: 'DAY|30d',
  default: '30d',
  meaning: 'the first day (UTC), or how many days there are up to the last one',
  example: '--since 2026-11-01',
} as const satisfies Option;

export const REPORT_COMMANDS = {
  report: {
    summary: 'say how mail was protected, with whom it failed, and what to do',
    usage: [
      '[--since DAY] [--until DAY] [--partner DOMAIN] [--direction in|out] [--format FORMAT] [--output FILE]',
      '--mail ADDRESS [--since DAY] [--until DAY] [--partner DOMAIN] [--direction in|out]',
      '--check [--since DAY] [--until DAY]',
    ],
    operands: [],
    options: [
      SINCE,
      {
        flag: '--until',
        argument: 'DAY|today',
        meaning:
          'the last day (UTC); today: as far as it has come; else yesterday, the last day that is whole, or today where recording began today',
        example: '--until 2026-11-30',
      },
      {
        flag: '--partner',
        argument: 'DOMAIN',
        meaning: 'only the mail from and for this domain',
        example: '--partner bank.example',
      },
      {
        flag: '--direction',
        argument: 'in|out',
        meaning: 'only mail that came, or only mail that left',
        example: '--direction out',
      },
      {
        flag: '--format',
        argument: 'text|html|csv|json',
        default: 'text',
        meaning: 'for a terminal, for a browser and to print, for a spreadsheet, for a script',
        example: '--format html',
      },
      {
        flag: '--output',
        argument: 'FILE',
        meaning: 'write into this new file, not to standard output',
        example: '--output november.html',
      },
      {
        flag: '--mail',
        argument: 'ADDRESS',
        several: true,
        meaning: 'send it by the MTA of this host, as text with the page attached',
        example: '--mail postmaster@example.org',
      },
      {
        flag: '--state',
        argument: 'DIR',
        default: '/var/lib/tlsward',
        meaning: 'reports of others are in tlsrpt/ below it (tlsward tlsrpt read)',
        example: '--state /root/tlsward',
      },
      { flag: '--check', meaning: 'count every record again, and compare with what was counted before' },
      EVIDENCE,
    ],
    examples: [
      { line: 'tlsward report', meaning: 'the last 30 days, to read on a terminal' },
      {
        line: 'tlsward report --since 2026-11-01 --until 2026-11-30 --format html --output november.html',
        meaning: 'a month as one page, to give away',
      },
      { line: 'tlsward report --partner bank.example --since 7d', meaning: 'one partner, one week' },
    ],
    exit: {
      0: 'reported; with --check, the counts are those of the records',
      1: 'with --check, they are not, or records were changed',
      73: 'the file of --output cannot be written, or is there already; the message cannot be sent',
      75: 'it cannot be told: the records cannot be read',
      ...NO_FILE,
    },
  },
  suggest: {
    summary: 'say what the table could demand more, as rows to paste',
    usage: ['[--since DAY]'],
    operands: [],
    options: [SINCE, EVIDENCE],
    examples: [{ line: 'tlsward suggest --since 30d', meaning: 'what kept well for 30 days, as rows' }],
    exit: { 0: 'said, or nothing to say', 75: 'it cannot be told: the records cannot be read', ...NO_FILE },
  },
  alarms: {
    summary: 'say what is firing; look for it, and tell it',
    usage: [
      '',
      'run [--postfix-config DIRECTORY] [--sendmail PROGRAM] [--state DIR]',
      'test [--sendmail PROGRAM]',
    ],
    operands: [
      {
        name: 'run|test',
        meaning:
          'look again and again and tell alarms, until SIGTERM; or send a test to everybody who would be told',
        optional: true,
      },
    ],
    options: [
      {
        flag: '--postfix-config',
        argument: 'DIRECTORY',
        meaning: 'folder of main.cf and master.cf; else the one that postconf(1) names',
        example: '--postfix-config /etc/postfix-out',
      },
      {
        flag: '--sendmail',
        argument: 'PROGRAM',
        meaning: 'sendmail(1), which gets the messages',
        default: 'sendmail',
        example: '--sendmail /usr/sbin/sendmail',
      },
      {
        flag: '--state',
        argument: 'DIR',
        default: '/var/lib/tlsward',
        meaning:
          'certificates of partners are read from probe/certificates.json below it, reports of others from tlsrpt/',
        example: '--state /root/tlsward',
      },
    ],
    examples: [
      { line: 'tlsward alarms', meaning: 'what is firing, since when, and what to do' },
      { line: 'tlsward alarms test', meaning: 'do mail, command and Alertmanager of `[alarms]` work?' },
    ],
    exit: {
      0: 'nothing is firing; the test was taken; stopped as asked',
      1: 'something is firing; the test was not taken by all, or there is nobody',
      75: 'it cannot be told: nothing has looked lately',
      ...MISTAKES,
    },
  },
  health: {
    summary: 'say in one line for a monitoring system whether all is well',
    usage: ['[--max-age TIME] [--warning N] [--critical N] [--control PATH]'],
    operands: [],
    options: [
      {
        flag: '--max-age',
        argument: 'TIME',
        meaning: "critical when `tlsward alarms run` has not looked for longer: a dead man's switch",
        example: '--max-age 10m',
      },
      {
        flag: '--warning',
        argument: 'N',
        default: '10',
        meaning:
          'messages of the last window that failed or were refused for want of TLS, from which on it is a warning',
        example: '--warning 5',
      },
      {
        flag: '--critical',
        argument: 'N',
        default: '50',
        meaning: 'and from which on it is critical',
        example: '--critical 20',
      },
      CONTROL,
    ],
    examples: [
      {
        line: 'tlsward health --max-age 10m',
        meaning: 'as a check command of Nagios, Icinga or monit, as root or user tlsward',
      },
    ],
    exit: {
      0: 'OK',
      1: 'WARNING: an alarm, or something that `tlsward status --check` names',
      2: 'CRITICAL: the daemon does not answer, a critical alarm, or nobody looks any more',
      3: 'UNKNOWN: wrong arguments, no configuration or mistakes in it',
    },
  },
} as const satisfies Readonly<Record<string, Command>>;
