/** The commands for the daemon and what it decides. */
import { type Command, MISTAKES, NO_DAEMON, NO_FILE, UNREADABLE } from './commandEntry.ts';
import { CONTROL, MESSAGE, SESSION } from './options.ts';

export const SERVICE_COMMANDS = {
  serve: {
    summary: 'run the daemon in the foreground; SIGHUP reloads, SIGTERM stops',
    usage: [''],
    operands: [],
    options: [],
    examples: [{ line: 'tlsward serve --config /etc/tlsward/tlsward.ini', meaning: 'what the unit runs' }],
    exit: {
      0: 'stopped on request',
      69: 'a socket cannot be opened',
      71: 'the limit of open files is too low',
      ...MISTAKES,
    },
  },
  check: {
    summary: 'try everything that serve would, and print every mistake',
    usage: ['[FILE] [--files-only]'],
    operands: [{ name: 'FILE', optional: true, meaning: 'the configuration, as --config FILE' }],
    options: [{ flag: '--files-only', meaning: 'leave out whether the sockets can be opened on this host' }],
    examples: [
      { line: 'tlsward check /etc/tlsward/new.ini', meaning: 'may this file replace the one in use?' },
    ],
    exit: { 0: 'fine', ...MISTAKES },
  },
  explain: {
    summary: 'say what would happen to a message, and why',
    usage: ['--from ADDRESS --to ADDRESS [OPTION ...]', '--deliver NEXTHOP [--map NAME]'],
    operands: [],
    options: [
      ...SESSION,
      {
        flag: '--subject',
        argument: 'TEXT',
        meaning: 'the subject of the message',
        example: '--subject "[secure] report"',
      },
      ...MESSAGE,
      {
        flag: '--deliver',
        argument: 'NEXTHOP',
        meaning: 'how mail leaves for this next hop, written as the MTA writes it; tls_rcpt: an address',
        example: '--deliver "[relay.example]:587"',
      },
      {
        flag: '--map',
        argument: 'deliver|deliver-encrypt|deliver-verify|tls_rcpt|access|sts',
        default: 'deliver',
        meaning: 'the map that the MTA asks about the next hop',
        example: '--map deliver-encrypt',
      },
    ],
    examples: [
      {
        line: 'tlsward explain --from alice@bank.example --to bob@example.org',
        meaning: 'a message over a session without TLS',
      },
      { line: 'tlsward explain --deliver bank.example', meaning: 'how mail to bank.example leaves' },
    ],
    exit: {
      0: 'accepted; with --deliver, answered',
      1: 'refused, deferred by its row, or held',
      75: 'deferred because the MTA did not report enough; with --deliver, mail waits',
      ...MISTAKES,
    },
  },
  reload: {
    summary: 'make the daemon read its configuration again',
    usage: ['[--dry-run] [--refuse-if-newly-rejects N [--since DAY] [--evidence DIRECTORY ...]]'],
    operands: [],
    options: [
      { flag: '--dry-run', meaning: 'print what would change, or every mistake, and put nothing in force' },
      {
        flag: '--refuse-if-newly-rejects',
        argument: 'N',
        meaning:
          'judge the recorded mail by the new table first, and stay with the old one if more than N messages would not have passed',
        example: '--refuse-if-newly-rejects 0',
      },
      {
        flag: '--since',
        argument: 'DAY|7d',
        default: '7d',
        meaning: 'the first day (UTC) that is judged, or how many days ago it was',
        example: '--since 30d',
      },
      {
        flag: '--evidence',
        argument: 'DIRECTORY',
        several: true,
        meaning: 'the records of a host; else evidence of the configuration',
        example: '--evidence /srv/evidence/mx1',
      },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward reload --dry-run', meaning: 'what would the edited table change?' },
      { line: 'tlsward reload', meaning: 'puts it in force and prints what changed' },
      {
        line: 'tlsward reload --refuse-if-newly-rejects 0',
        meaning: 'only if all mail of the last week would have passed',
      },
    ],
    exit: {
      0: 'the new table is in force; with --dry-run, it could be',
      1: 'more mail would not have passed; the old table stays',
      ...NO_DAEMON,
      75: 'it cannot be told whether more would; the old table stays',
      78: 'there is no configuration, or it has mistakes; the old table stays',
    },
  },
  status: {
    summary: 'show what the daemon is doing',
    usage: ['[--check] [--wait SECONDS]', '--compare FILE FILE [FILE ...]'],
    operands: [
      {
        name: 'FILE',
        optional: true,
        several: true,
        meaning: 'with --compare: what status --json printed on each host',
      },
    ],
    options: [
      { flag: '--check', meaning: 'print only what somebody should look at, with exit status 1' },
      {
        flag: '--wait',
        argument: 'SECONDS',
        default: '0',
        meaning: 'wait so long for a daemon that is starting, and print only that it runs',
        example: '--wait 10',
      },
      { flag: '--compare', meaning: 'ask no daemon: have these hosts the same table?' },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward status --check', meaning: 'for cron: a refused reload, expired rows, lost log lines' },
      { line: 'tlsward status --json', meaning: 'everything, for a script' },
      { line: 'tlsward status --compare mx1.json mx2.json', meaning: 'which host has another table?' },
    ],
    exit: {
      0: 'it answers; with --check, nothing is wrong; with --compare, one table',
      1: 'with --check: something is wrong; with --compare: the tables differ',
      ...UNREADABLE,
      ...NO_DAEMON,
      ...NO_FILE,
    },
  },
  top: {
    summary: 'watch the daemon: verdicts, with whom mail is not as required, connections',
    usage: ['[--once]'],
    operands: [],
    options: [
      { flag: '--once', meaning: 'print one picture and end, as where standard output is no terminal' },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward top', meaning: 'drawn again every 2 s; q ends it' },
      { line: 'tlsward top --once', meaning: 'one picture, for a mail or a ticket' },
    ],
    exit: { 0: 'shown', ...NO_DAEMON, ...NO_FILE },
  },
  simulate: {
    summary: 'play an MTA against the running daemon',
    usage: [
      'milter --from ADDRESS --to ADDRESS [OPTION ...]',
      'policy --from ADDRESS --to ADDRESS [OPTION ...]',
      'socketmap [--map NAME] KEY [KEY ...]',
    ],
    operands: [
      { name: 'milter|policy|socketmap', meaning: 'the protocol to speak' },
      { name: 'KEY', optional: true, several: true, meaning: 'what socketmap asks for, as postmap -q does' },
    ],
    options: [
      ...SESSION,
      ...MESSAGE,
      {
        flag: '--helo',
        argument: 'NAME',
        default: 'client.example',
        meaning: 'the name that the client sends in HELO',
        example: '--helo mx1.gov.example',
      },
      {
        flag: '--connect',
        argument: 'SOCKET',
        meaning: 'where the daemon listens; else milter-listen, policy-listen or socketmap-listen',
        example: '--connect unix:/var/spool/postfix/tlsward/milter.sock',
      },
      {
        flag: '--mta',
        argument: 'postfix|sendmail',
        default: 'postfix',
        meaning: 'milter: the MTA to imitate',
        example: '--mta sendmail',
      },
      {
        flag: '--local',
        argument: 'DOMAIN',
        several: true,
        meaning: 'milter: a domain that has its mailboxes here',
        example: '--local example.org',
      },
      {
        flag: '--output',
        argument: 'FILE',
        meaning: 'milter: file for the message as it would be delivered; - is standard output',
        example: '--output after.eml',
      },
      {
        flag: '--state',
        argument: 'STATE',
        default: 'RCPT',
        meaning: 'policy: the stage of the SMTP session, the attribute protocol_state',
        example: '--state DATA',
      },
      {
        flag: '--map',
        argument: 'NAME',
        default: 'deliver',
        meaning: 'socketmap: the map to ask',
        example: '--map deliver-verify',
      },
    ],
    examples: [
      {
        line: 'tlsward simulate milter --from alice@bank.example --to bob@example.org --message mail.eml --output -',
        meaning: 'what the filter does to a message',
      },
      { line: 'tlsward simulate socketmap bank.example', meaning: 'the answer that Postfix gets' },
    ],
    exit: {
      0: 'accepted, or answered',
      1: 'refused or held',
      69: 'the daemon cannot be asked',
      75: 'deferred',
      ...NO_FILE,
    },
  },
  log: {
    summary: 'show the log of the daemon, one readable line for each verdict',
    usage: ['[FILE] [--follow] [--since TIME] [--domain NAME]'],
    operands: [
      { name: 'FILE', optional: true, meaning: 'a saved log, or - for standard input; else the journal' },
    ],
    options: [
      { flag: '--follow', meaning: 'go on with what is written from now on' },
      {
        flag: '--since',
        argument: 'TIME',
        meaning: 'leave out what is older: a day, a time, or how long ago',
        example: '--since 2h',
      },
      {
        flag: '--domain',
        argument: 'NAME',
        several: true,
        meaning: 'only mail from or for this domain or a name below it; may be given more than once',
        example: '--domain bank.example',
      },
      { flag: '--all', meaning: 'every event, not only verdicts and warnings' },
      {
        flag: '--unit',
        argument: 'NAME',
        default: 'tlsward',
        meaning: 'the unit whose journal is read',
        example: '--unit tlsward-test',
      },
    ],
    examples: [
      { line: 'tlsward log --follow', meaning: 'what happens now' },
      { line: 'tlsward log --since 3d --domain bank.example', meaning: 'what became of their mail?' },
    ],
    exit: { 0: 'printed', ...UNREADABLE, 69: 'the journal cannot be read' },
  },
  lookup: {
    summary: 'find the transaction of a reply by its code',
    usage: ['CODE'],
    operands: [{ name: 'CODE', meaning: 'the eight characters in brackets at the end of a reply' }],
    options: [CONTROL],
    examples: [{ line: 'tlsward lookup 3FQ8M2TX', meaning: 'what a sender who calls was told, and why' }],
    exit: { 0: 'found', ...NO_DAEMON, 75: 'not among the recent verdicts', ...NO_FILE },
  },
} as const satisfies Readonly<Record<string, Command>>;
