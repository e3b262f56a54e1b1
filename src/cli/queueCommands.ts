/** The commands about the mail that waits on this host. */
import { type Command, MISTAKES } from './commandEntry.ts';
import type { Option } from './options.ts';

/** What says which messages wait. */
const PROGRAMS = [
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
] as const satisfies readonly Option[];

export const QUEUE_COMMANDS = {
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
      ...PROGRAMS,
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
      ...PROGRAMS,
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
} as const satisfies Readonly<Record<string, Command>>;
