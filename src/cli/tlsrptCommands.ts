/** The command about reports of TLS sessions (RFC 8460), those about us and ours. */
import { type Command, MISTAKES } from './commandEntry.ts';

export const TLSRPT_COMMANDS = {
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
