/** The commands that look at the other side: the servers of partners, mail that waits for them, their reports. */
import { type Command, MISTAKES } from './commandEntry.ts';
import type { Option } from './options.ts';

/** Where the inventory is kept. */
const STATE = {
  flag: '--state',
  argument: 'DIR',
  default: '/var/lib/tlsward',
  meaning: 'certificates are kept in probe/certificates.json below it',
  example: '--state /root/tlsward',
} as const satisfies Option;

export const PARTNER_COMMANDS = {
  probe: {
    summary: 'look at the mail servers of a partner: which level would hold today, and what breaks it',
    usage: [
      'DOMAIN|HOST [--level LEVEL] [--port NUMBER] [--resolver ADDRESS] [--ca-file FILE] [--brief]',
      '--all-required [--state DIR] [--brief]',
    ],
    operands: [
      {
        name: 'DOMAIN|HOST',
        optional: true,
        meaning: 'a domain, or a next hop as Postfix writes it: [mx.bank.example]:587 is that host alone',
      },
    ],
    options: [
      {
        flag: '--level',
        argument: 'none|may|encrypt|verify|secure|dane|dane-only',
        meaning: 'the level that the exit status is about; else that of the row',
        example: '--level secure',
      },
      {
        flag: '--port',
        argument: 'NUMBER',
        meaning: 'the port to connect to; else that of the next hop, else 25',
        example: '--port 587',
      },
      {
        flag: '--resolver',
        argument: 'ADDRESS',
        meaning: 'a validating resolver of this host; else resolver of the configuration',
        example: '--resolver 127.0.0.1',
      },
      {
        flag: '--ca-file',
        argument: 'FILE',
        meaning: 'the trusted CAs; else those that Postfix trusts, else those of the system',
        example: '--ca-file /etc/ssl/partner-ca.pem',
      },
      {
        flag: '--postfix-config',
        argument: 'DIR',
        meaning: 'the folder of main.cf; else the one that postconf knows',
        example: '--postfix-config /etc/postfix-out',
      },
      { flag: '--brief', meaning: 'do not try which versions of TLS and weak ciphers it takes' },
      {
        flag: '--all-required',
        meaning: 'every partner whose row requires TLS, one line each; keeps the inventory of certificates',
      },
      STATE,
    ],
    examples: [
      { line: 'tlsward probe bank.example', meaning: 'every step, every level, one closing line' },
      {
        line: 'tlsward probe bank.example --level secure --brief',
        meaning: 'would mail leave if the row demanded secure?',
      },
      { line: 'tlsward probe --all-required --brief', meaning: 'what tlsward-probe.timer does every day' },
    ],
    exit: {
      0: 'the level holds; with --all-required, that of every row',
      1: 'mail would wait at that level, or for one of the partners',
      2: 'with --all-required, every row holds, and a certificate is another one than before',
      65: 'the inventory cannot be read',
      73: 'the inventory cannot be written',
      75: 'it cannot be told: no server or no resolver answered',
      ...MISTAKES,
    },
  },
  certificates: {
    summary: 'list the certificates of partners, what ends first on top, and what breaks at renewal',
    usage: ['[--within DAYS] [--format text|csv|json] [--state DIR]'],
    operands: [],
    options: [
      {
        flag: '--within',
        argument: 'DAYS',
        default: '14',
        meaning: 'the exit status is 1 when one ends within so many days',
        example: '--within 30',
      },
      {
        flag: '--format',
        argument: 'text|csv|json',
        default: 'text',
        meaning: 'for a terminal, for a spreadsheet, for a script',
        example: '--format csv',
      },
      STATE,
    ],
    examples: [
      { line: 'tlsward certificates --within 30', meaning: 'which must be renewed this month?' },
      { line: 'tlsward certificates --format csv', meaning: 'for the yearly talk with each partner' },
    ],
    exit: {
      0: 'none ends soon',
      1: 'one ends soon, or has ended',
      65: 'the inventory cannot be read',
      75: 'there is none yet',
    },
  },
  queue: {
    summary: 'show the mail that waits, why, and what to do about it',
    usage: ['[--domain DOMAIN] [--file FILE] [OPTION ...]'],
    operands: [],
    options: [
      {
        flag: '--domain',
        argument: 'DOMAIN',
        several: true,
        meaning: 'only mail to this domain',
        example: '--domain bank.example',
      },
      {
        flag: '--file',
        argument: 'FILE',
        meaning: 'what postqueue -j, or mailq -v of Sendmail, printed; - is standard input',
        example: '--file queue.json',
      },
      {
        flag: '--recorded',
        meaning:
          'do not ask the mail server: recipients whose last attempt was put off, by the records of the collector',
      },
      {
        flag: '--postfix-config',
        argument: 'DIR',
        meaning: 'the folder of main.cf; else the one that postqueue knows',
        example: '--postfix-config /etc/postfix-out',
      },
      {
        flag: '--postqueue',
        argument: 'PROGRAM',
        default: 'postqueue',
        meaning: 'the program of Postfix: a path, or a name that is looked for in sbin and bin',
        example: '--postqueue /opt/postfix/sbin/postqueue',
      },
      {
        flag: '--mailq',
        argument: 'PROGRAM',
        default: 'mailq',
        meaning: 'the program of Sendmail, which is asked where there is no postqueue',
        example: '--mailq /usr/lib/sm.bin/mailq',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning:
          'records of the collector, which know more of certificates; else evidence of the configuration',
        example: '--evidence /var/lib/tlsward/evidence',
      },
    ],
    examples: [
      { line: 'tlsward queue', meaning: 'what waits, and why?' },
      { line: 'tlsward queue --recorded', meaning: 'the same as the records have it' },
      { line: 'tlsward queue --domain bank.example --json', meaning: 'one partner, for a script' },
    ],
    exit: {
      0: 'nothing waits for want of TLS',
      1: 'something does',
      65: 'FILE cannot be read',
      69: 'the queue cannot be read',
    },
  },
  notices: {
    summary: 'say how many authors were told that their mail waits; look for it, and tell them',
    usage: ['[--state DIR]', 'run [--smtp HOST:PORT] [--state DIR] [OPTION ...]'],
    operands: [
      { name: 'run', meaning: 'look again and again and tell authors, until SIGTERM', optional: true },
    ],
    options: [
      {
        flag: '--smtp',
        argument: 'HOST:PORT',
        default: '127.0.0.1:25',
        meaning: 'the mail server that takes the notices',
        example: '--smtp [::1]:25',
      },
      {
        flag: '--postfix-config',
        argument: 'DIR',
        meaning: 'the folder of main.cf; else the one that postqueue knows',
        example: '--postfix-config /etc/postfix-out',
      },
      {
        flag: '--postqueue',
        argument: 'PROGRAM',
        default: 'postqueue',
        meaning: 'the program of Postfix: a path, or a name that is looked for in sbin and bin',
        example: '--postqueue /opt/postfix/sbin/postqueue',
      },
      {
        flag: '--mailq',
        argument: 'PROGRAM',
        default: 'mailq',
        meaning: 'the program of Sendmail, which is asked where there is no postqueue',
        example: '--mailq /usr/lib/sm.bin/mailq',
      },
      {
        flag: '--state',
        argument: 'DIR',
        default: '/var/lib/tlsward',
        meaning: 'who was told is kept in notices/state.json below it',
        example: '--state /root/tlsward',
      },
    ],
    examples: [
      { line: 'tlsward notices', meaning: 'of how many messages that wait were authors told?' },
      { line: 'tlsward notices run', meaning: 'what tlsward-notices.service does' },
    ],
    exit: {
      0: 'said; stopped as asked',
      65: 'the state cannot be used: who was told is not known',
      75: 'nothing has looked lately; another process tells already',
      ...MISTAKES,
    },
  },
  tlsrpt: {
    summary: 'read what others report about TLS sessions to us (RFC 8460), and send them ours',
    usage: [
      'read FILE ... [--own-domains D,...] [OPTION ...]',
      'list [--since DAY] [--failed] [--full]',
      'send [--day DAY] [--domain DOMAIN] [--dry-run] [--spread HOURS] [--smtp HOST:PORT | --sendmail PROGRAM]',
      'send --to-self ADDRESS [--mailbox PATH] [--wait SECONDS]',
    ],
    operands: [
      { name: 'read|list|send', meaning: 'what to do' },
      {
        name: 'FILE',
        optional: true,
        several: true,
        meaning:
          'read: a message, an mbox, a folder, a Maildir, a report in gzip or JSON, or - for standard input',
      },
    ],
    options: [
      {
        flag: '--own-domains',
        argument: 'DOMAIN,...',
        several: true,
        meaning: 'domains of ours; else local-domains of the configuration, else those that rows name',
        example: '--own-domains example.org,example.net',
      },
      {
        flag: '--dry-run',
        meaning: 'read: keep nothing; send: show what would go where, send and keep nothing',
      },
      {
        flag: '--pipe',
        meaning: 'read: for an MTA that hands each message over: print nothing, and send nothing back',
      },
      {
        flag: '--certificate',
        argument: 'FILE',
        several: true,
        meaning:
          'read, list --full: a certificate of ours, else those of main.cf: did it change, begin or end in the hours of a failure?',
        example: '--certificate /etc/ssl/certs/mx1.example.org.pem',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning:
          'read, list --full, send: our own records of those hours; else evidence of the configuration',
        example: '--evidence /srv/evidence/mx1',
      },
      {
        flag: '--since',
        argument: 'DAY|30d',
        default: '30d',
        meaning: 'list: the first day (UTC), or how many days ago it was',
        example: '--since 2026-11-01',
      },
      { flag: '--failed', meaning: 'list: only reports with sessions that failed' },
      { flag: '--full', meaning: 'list: all that is kept of each' },
      {
        flag: '--state',
        argument: 'DIR',
        default: '/var/lib/tlsward',
        meaning: 'reports, and what was sent, are kept in tlsrpt/ below it',
        example: '--state /root/tlsward',
      },
      {
        flag: '--day',
        argument: 'DAY',
        meaning: 'send: the day (UTC), of the last ten; else yesterday, and what is left of the day before',
        example: '--day 2026-11-29',
      },
      {
        flag: '--domain',
        argument: 'DOMAIN',
        several: true,
        meaning: 'send: only the report about this domain',
        example: '--domain bank.example',
      },
      {
        flag: '--spread',
        argument: 'HOURS',
        default: '0',
        meaning: 'send: each report at an hour of its own, within so many after the day; 0: all now',
        example: '--spread 8',
      },
      {
        flag: '--smtp',
        argument: 'HOST:PORT',
        meaning: 'send: the mail server that takes the messages; else 127.0.0.1:25',
        example: '--smtp 127.0.0.1:10026',
      },
      {
        flag: '--sendmail',
        argument: 'PROGRAM',
        meaning: 'send: hand the messages to this program instead',
        example: '--sendmail /usr/sbin/sendmail',
      },
      {
        flag: '--to-self',
        argument: 'ADDRESS',
        meaning: 'send: a test report to a mailbox of ours: does it come back signed?',
        example: '--to-self postmaster@example.org',
      },
      {
        flag: '--mailbox',
        argument: 'PATH',
        meaning: 'send: where that mailbox is: an mbox, a Maildir, or a folder of messages',
        example: '--mailbox /var/mail/postmaster',
      },
      {
        flag: '--wait',
        argument: 'SECONDS',
        default: '60',
        meaning: 'send: how long to wait for it there',
        example: '--wait 120',
      },
    ],
    examples: [
      { line: 'tlsward tlsrpt read report.eml', meaning: 'what does it say, and what do we know of it?' },
      { line: 'tlsward tlsrpt list --failed --since 7d', meaning: 'who could not reach us under TLS?' },
      { line: 'tlsward tlsrpt send --dry-run', meaning: 'which reports about yesterday would go where?' },
    ],
    exit: {
      0: 'read, or listed; of send, nothing is left to do now',
      1: 'the report of --to-self came back without the signature that it needs',
      65: 'something was refused, or cannot be read',
      73: 'a report, or what was sent, cannot be kept',
      75: 'with --pipe, it cannot be kept, or the configuration cannot be read: the MTA tries again; of send, something is to be tried again',
      ...MISTAKES,
    },
  },
} as const satisfies Readonly<Record<string, Command>>;
