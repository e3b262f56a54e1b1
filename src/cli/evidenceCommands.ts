/** The commands that keep evidence, ask it and prove it. */
import { type Command, NO_FILE, UNREADABLE } from './commandEntry.ts';

export const EVIDENCE_COMMANDS = {
  trace: {
    summary: 'show how one message came and how it went, from the records',
    usage: ['CODE | QUEUE-ID | MESSAGE-ID | ADDRESS [--since DAY] [--evidence DIRECTORY ...]'],
    operands: [
      {
        name: 'CODE|QUEUE-ID|MESSAGE-ID|ADDRESS',
        meaning: 'the code of a reply, what the log of the MTA calls the message, or who sent or got it',
      },
    ],
    options: [
      {
        flag: '--since',
        argument: 'DAY|30d',
        default: '30d',
        meaning: 'the first day (UTC) that is looked at, or how many days ago it was',
        example: '--since 2026-11-01',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning: 'the records of a host; else evidence of the configuration; several hosts are asked as one',
        example: '--evidence /srv/evidence/mx1 --evidence /srv/evidence/mx2',
      },
    ],
    examples: [
      { line: 'tlsward trace 3FQ8M2TX', meaning: 'what became of the message with this reply?' },
      {
        line: 'tlsward trace alice@bank.example --since 7d',
        meaning: 'the newest messages from or to this address; pseudonyms are computed again',
      },
    ],
    exit: {
      0: 'found',
      1: 'not found, over the days and gaps that it names',
      75: 'it cannot be told: the records cannot be read, or have no local parts',
      ...NO_FILE,
    },
  },
  evidence: {
    summary: 'check the records of what happened against their signed heads',
    usage: [
      'verify [DAY ...] [--evidence DIRECTORY] [--key FILE]',
      'prove CODE|QUEUE-ID [--day DAY] [--output FILE] [--evidence DIRECTORY]',
      'check FILE --key FILE',
      'consistency FILE [--day DAY] [--output FILE] [--evidence DIRECTORY] [--key FILE]',
      'export --partner DOMAIN --from DAY --to DAY [--format FORMAT] [OPTION ...]',
      'merge DIRECTORY ... [--from DAY] [--to DAY] [--format FORMAT] [--output FILE]',
    ],
    operands: [
      { name: 'verify|prove|check|consistency|export|merge', meaning: 'what to do' },
      {
        name: 'DAY|CODE|QUEUE-ID|FILE|DIRECTORY',
        optional: true,
        several: true,
        meaning:
          'verify: only these days; prove: what the records have; check: a proof; consistency: heads that were kept; merge: the records of each host',
      },
    ],
    options: [
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning: 'the records of a host; else evidence of the configuration',
        example: '--evidence /srv/evidence/mx1',
      },
      {
        flag: '--key',
        argument: 'FILE',
        several: true,
        meaning:
          'a copy of evidence.pub that was kept elsewhere; else the one of each stream, but not for check',
        example: '--key mx.pub',
      },
      {
        flag: '--day',
        argument: 'DAY',
        meaning: 'prove: look into this day only; consistency: the head of this day, not the last in FILE',
        example: '--day 2026-11-30',
      },
      {
        flag: '--output',
        argument: 'FILE',
        meaning: 'write into this new file; prove, export and merge write to standard output without it',
        example: '--output proof.json',
      },
      {
        flag: '--partner',
        argument: 'DOMAIN',
        meaning: 'export: the domain whose mail it is about',
        example: '--partner bank.example',
      },
      {
        flag: '--from',
        argument: 'DAY',
        meaning: 'export, merge: the first day (UTC)',
        example: '--from 2026-11-01',
      },
      {
        flag: '--to',
        argument: 'DAY',
        meaning: 'export, merge: the last day (UTC)',
        example: '--to 2026-11-30',
      },
      {
        flag: '--format',
        argument: 'csv|json|text|html|lines',
        meaning:
          'export: rows for a spreadsheet or a script, or a statement of one page; merge: text, json, or the records as lines; else text',
        example: '--format html',
      },
      {
        flag: '--address',
        argument: 'ADDRESS',
        several: true,
        meaning: 'export: an address to show in place of its pseudonyms; may be given more than once',
        example: '--address alice@bank.example',
      },
    ],
    examples: [
      {
        line: 'tlsward evidence verify --key mx.pub',
        meaning: 'has anyone changed what was recorded?',
      },
      {
        line: 'tlsward evidence prove AB12CD34 --output proof.json',
        meaning: 'a file that proves one verdict to an auditor',
      },
      { line: 'tlsward evidence check proof.json --key mx.pub', meaning: 'the auditor checks it, anywhere' },
      {
        line: 'tlsward evidence consistency heads.txt --key mx.pub',
        meaning: 'was anything rewritten since the auditor got these heads?',
      },
      {
        line: 'tlsward evidence export --partner bank.example --from 2026-11-01 --to 2026-11-30 --format html --output bank.html',
        meaning: 'how was their mail protected? A page to print',
      },
      {
        line: 'tlsward evidence merge /srv/evidence/mx1 /srv/evidence/mx2 --from 2026-11-01',
        meaning: 'what did both hosts see, and have they the same table?',
      },
    ],
    exit: {
      0: 'everything that was asked for holds; with export, it is written',
      1: 'the evidence does not hold, or proves nothing; with merge, tables differ',
      65: 'the file with the proof or the heads cannot be read',
      73: 'the file of --output cannot be written, or is there already',
      75: 'it cannot be told: no key, no checkpoint, no record, or a file cannot be read',
      ...NO_FILE,
    },
  },
  collect: {
    summary: 'record how mail left, from the log of the MTA; SIGTERM stops',
    usage: ['[--journal | --file FILE | --stdin] [--once]'],
    operands: [],
    options: [
      { flag: '--journal', meaning: 'read the journal, facility mail; this is the default' },
      {
        flag: '--file',
        argument: 'FILE',
        meaning: 'read a log file, through its rotation',
        example: '--file /var/log/mail.log',
      },
      { flag: '--stdin', meaning: 'read lines that rsyslog hands over, and confirm each when it is on disk' },
      { flag: '--once', meaning: 'end when everything that is there was read' },
    ],
    examples: [
      { line: 'tlsward collect --journal', meaning: 'what the unit tlsward-collect runs' },
      { line: 'tlsward collect --file /var/log/mail.log --once', meaning: 'record what the file holds' },
    ],
    exit: {
      0: 'stopped on request; with --once, everything was read',
      ...UNREADABLE,
      69: 'the journal cannot be read',
      73: 'the evidence cannot be written, or another process writes it',
      78: 'the configuration has mistakes, or names no directory for evidence',
    },
  },
  ship: {
    summary: 'send evidence to a ClickHouse server, and compare what is there',
    usage: [
      '--server URL [--credentials FILE] [--once | --again DAY | --interval SECONDS]',
      '--server URL [--credentials FILE] --verify DAY',
      '--server URL --status',
    ],
    operands: [],
    options: [
      {
        flag: '--server',
        argument: 'URL',
        meaning: 'the HTTP port of the server: https, or http on this host',
        example: '--server https://ch.example.org:8443',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning: 'the records of a host; else evidence of the configuration; may be given more than once',
        example: '--evidence /var/lib/tlsward/evidence',
      },
      {
        flag: '--credentials',
        argument: 'FILE',
        meaning: 'two lines, "user = NAME" and "password = TEXT", that no other user may read',
        example: '--credentials /etc/tlsward/clickhouse',
      },
      {
        flag: '--database',
        argument: 'NAME',
        default: 'tlsward',
        meaning: 'the database of the table',
        example: '--database mail',
      },
      {
        flag: '--table',
        argument: 'NAME',
        default: 'evidence',
        meaning: 'the table, as contrib/clickhouse/schema.sql makes it',
        example: '--table evidence_2026',
      },
      { flag: '--plain', meaning: 'http to another host: records and password can be read on the way' },
      {
        flag: '--interval',
        argument: 'SECONDS',
        default: '30',
        meaning: 'how long new records wait, so that each insert has many',
        example: '--interval 5',
      },
      { flag: '--once', meaning: 'send what there is, and end' },
      {
        flag: '--again',
        argument: 'DAY',
        meaning: 'send this day once more, whole, and end',
        example: '--again 2026-11-30',
      },
      {
        flag: '--verify',
        argument: 'DAY',
        meaning: 'compare number and root of the records on the server with what is signed',
        example: '--verify 2026-11-30',
      },
      { flag: '--status', meaning: 'say how far each stream was sent, and what keeps it; asks no server' },
    ],
    examples: [
      {
        line: 'tlsward ship --server http://127.0.0.1:8123',
        meaning: 'what the unit tlsward-ship does',
      },
      {
        line: 'tlsward ship --server http://127.0.0.1:8123 --verify 2026-11-30',
        meaning: 'does the server have that day, and nothing else?',
      },
    ],
    exit: {
      0: 'sent, stopped on request, or the same',
      1: 'a stream differs; with --status, something keeps records from being sent',
      65: 'evidence does not hold, or cannot be read',
      75: 'the server is away; with --verify, not all is sent yet',
      78: 'server, table, credentials or configuration are not as they must be',
    },
  },
} as const satisfies Readonly<Record<string, Command>>;
