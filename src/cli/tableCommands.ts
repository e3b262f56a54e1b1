/** The commands that change the table, or carry it from and to other programs. */
import { type Command, MISTAKES, UNREADABLE } from './commandEntry.ts';
import { CONTROL } from './options.ts';

export const TABLE_COMMANDS = {
  except: {
    summary: 'change how one domain is protected, for some days',
    usage: ['DOMAIN --until DAY --reason TEXT [OPTION ...]', 'DOMAIN --remove'],
    operands: [{ name: 'DOMAIN', meaning: 'a domain, .suffix, address or * as in the table' }],
    options: [
      {
        flag: '--until',
        argument: '+14d|+2w|YYYY-MM-DD',
        meaning: 'the last day; afterwards the exception is reported as expired',
        example: '--until +14d',
      },
      {
        flag: '--reason',
        argument: 'TEXT',
        meaning: 'why; it is kept with the exception',
        example: '--reason "their certificate has expired, ticket 4711"',
      },
      {
        flag: '--receive',
        argument: 'LEVEL',
        meaning: 'how inbound mail from or to the domain must arrive; without --receive and --deliver: may',
        example: '--receive may',
      },
      {
        flag: '--deliver',
        argument: 'LEVEL',
        meaning: 'how outbound mail to the domain must leave',
        example: '--deliver encrypt',
      },
      {
        flag: '--contact',
        argument: 'TEXT',
        meaning: 'contact for questions about it',
        example: '--contact postmaster@bank.example',
      },
      { flag: '--remove', meaning: 'take the exception back' },
      { flag: '--dry-run', meaning: 'check everything and print what would change, and write nothing' },
      CONTROL,
    ],
    examples: [
      {
        line: 'tlsward except bank.example --until +14d --reason "their certificate has expired"',
        meaning: 'accepts plaintext for two weeks',
      },
      { line: 'tlsward except bank.example --remove', meaning: 'ends it' },
    ],
    exit: {
      0: 'in force',
      1: 'there is no such exception to remove',
      69: 'written, but no daemon answers',
      73: 'the file cannot be written',
      75: 'another process is writing it',
      78: 'mistakes; nothing was written',
    },
  },
  exceptions: {
    summary: 'list the exceptions, with the days left',
    usage: [''],
    operands: [],
    options: [],
    examples: [{ line: 'tlsward exceptions', meaning: 'lists expired ones first' }],
    exit: { 0: 'none has expired', 1: 'one has expired', ...MISTAKES },
  },
  replay: {
    summary: 'judge recorded mail by another table, and say what would change',
    usage: ['[--table FILE] [--since DAY] [--partner DOMAIN] [--evidence DIRECTORY ...]'],
    operands: [],
    options: [
      {
        flag: '--table',
        argument: 'FILE',
        meaning: 'the configuration to try; else the one of --config, as it is on disk',
        example: '--table /etc/tlsward/new.ini',
      },
      {
        flag: '--since',
        argument: 'DAY|30d',
        default: '30d',
        meaning: 'the first day (UTC) that is judged, or how many days ago it was',
        example: '--since 2026-11-01',
      },
      {
        flag: '--partner',
        argument: 'DOMAIN',
        meaning: 'only the mail from and for this domain',
        example: '--partner bank.example',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning: 'the records of a host; else evidence of the configuration that is tried',
        example: '--evidence /srv/evidence/mx1 --evidence /srv/evidence/mx2',
      },
    ],
    examples: [
      {
        line: 'tlsward replay --table /etc/tlsward/new.ini --since 30d',
        meaning: 'whose mail of the last 30 days would not have passed?',
      },
      { line: 'tlsward replay', meaning: 'what would a reload have changed?' },
    ],
    exit: {
      0: 'nothing more would have been refused or kept waiting',
      1: 'some would have been',
      65: 'a line of the records cannot be read',
      75: 'it cannot be told: the records cannot be read, or none can be judged',
      ...MISTAKES,
    },
  },
  export: {
    summary: 'write the domains that must never be sent in plaintext as a table for Postfix',
    usage: ['postfix [--output FILE] [--auto-floor]', 'postfix --check FILE [--auto-floor]'],
    operands: [{ name: 'postfix', meaning: 'the MTA to write for' }],
    options: [
      {
        flag: '--output',
        argument: 'FILE',
        meaning: 'write into this file, which is replaced at once, instead of standard output',
        example: '--output /etc/postfix/tls_never_plain',
      },
      {
        flag: '--check',
        argument: 'FILE',
        meaning: 'write nothing, and say whether this file is what would be written',
        example: '--check /etc/postfix/tls_never_plain',
      },
      { flag: '--auto-floor', meaning: 'also rows with deliver = auto, at their deliver-floor' },
    ],
    examples: [
      {
        line: 'tlsward export postfix --output /etc/postfix/tls_never_plain',
        meaning: 'mail for those domains leaves, under TLS, while the daemon is down',
      },
    ],
    exit: {
      0: 'written, or the same',
      1: 'the file of --check differs',
      ...UNREADABLE,
      73: 'the file cannot be written',
      75: 'another process is writing it',
      ...MISTAKES,
    },
  },
  import: {
    summary: 'turn a TLS policy table of Postfix or an access table of Sendmail into rows',
    usage: [
      'postfix FILE [FILE ...] [--name PREFIX] [--level LEVEL]',
      'sendmail FILE [FILE ...] [--name PREFIX]',
    ],
    operands: [
      { name: 'postfix|sendmail', meaning: 'the MTA of the tables' },
      { name: 'FILE', several: true, meaning: 'the source of a table, with or without its type (hash:)' },
    ],
    options: [
      {
        flag: '--name',
        argument: 'PREFIX',
        default: 'imported',
        meaning: 'how the names of the policies begin',
        example: '--name partner',
      },
      {
        flag: '--level',
        argument: 'LEVEL',
        default: 'may',
        meaning: 'postfix: its smtp_tls_security_level',
        example: '--level dane',
      },
    ],
    examples: [
      {
        line: 'tlsward import postfix /etc/postfix/tls_policy',
        meaning: 'prints rows for a file of their own, and each line that cannot be mapped',
      },
    ],
    exit: { 0: 'every line is mapped', 1: 'some are not', ...UNREADABLE },
  },
} as const satisfies Readonly<Record<string, Command>>;
