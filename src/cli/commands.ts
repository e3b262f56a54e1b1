/**
 * The commands of `tlsward`: the one table that the help, the parser of options, the manual pages and the
 * completion of the shells are made from. Which file runs a command is in commandFiles.ts: the files of the
 * commands read this table.
 *
 * The options that every command has (`COMMON` in options.ts) are not repeated here.
 */
import { CONTROL, MESSAGE, type Operand, type Option, SESSION } from './options.ts';

export interface Command {
  /** One line, without a full stop. */
  readonly summary: string;
  /** Forms of the command line behind `tlsward NAME`, each without the options that every command has. */
  readonly usage: readonly string[];
  readonly operands: readonly Operand[];
  readonly options: readonly Option[];
  /** Whole command lines, each with what it is good for. */
  readonly examples: readonly { readonly line: string; readonly meaning: string }[];
  /** Exit statuses and what each means here; 64 (wrong arguments) is every command's. */
  readonly exit: Readonly<Record<number, string>>;
}

const MISTAKES = { 78: 'the configuration is missing, cannot be read or has mistakes' } as const;
const NO_DAEMON = { 69: 'the daemon does not answer' } as const;
const NO_FILE = { 78: 'there is no configuration of that name' } as const;
const UNREADABLE = { 65: 'a file cannot be read' } as const;

/** Every command by name, in the order of the help. */
export const COMMANDS = {
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
  doctor: {
    summary: 'look for what keeps the mail server from doing what the table promises',
    usage: ['[--postfix-config DIR]', '--sendmail FILE'],
    operands: [],
    options: [
      {
        flag: '--postfix-config',
        argument: 'DIR',
        meaning: 'the folder of main.cf; else the one that postconf knows',
        example: '--postfix-config /etc/postfix-out',
      },
      {
        flag: '--sendmail',
        argument: 'FILE',
        meaning: 'a sendmail.cf, to look at instead of Postfix',
        example: '--sendmail /etc/mail/sendmail.cf',
      },
      { flag: '--no-dns', meaning: 'do not ask DNS about the domains of this host' },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward doctor', meaning: 'what is wrong, why it matters, and the command that mends it' },
      { line: 'tlsward doctor --json', meaning: 'the same for monitoring' },
    ],
    exit: {
      0: 'fine',
      1: 'warnings',
      2: 'mail can pass unjudged, leave unprotected, or be lost',
      75: 'there is no Postfix or sendmail.cf that can be looked at',
      ...MISTAKES,
    },
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
    usage: ['[--dry-run]'],
    operands: [],
    options: [
      { flag: '--dry-run', meaning: 'print what would change, or every mistake, and put nothing in force' },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward reload --dry-run', meaning: 'what would the edited table change?' },
      { line: 'tlsward reload', meaning: 'puts it in force and prints what changed' },
    ],
    exit: {
      0: 'the new table is in force; with --dry-run, it could be',
      ...NO_DAEMON,
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
  setup: {
    summary: 'put tlsward beside the Postfix or Sendmail of this host, plan first',
    usage: [
      'postfix [--inbound] [--outbound] [--messages] [--apply] [OPTION ...]',
      'postfix --undo | --remove [OPTION ...]',
      'sendmail [--mc FILE] [--inbound] [--outbound] [--messages]',
    ],
    operands: [{ name: 'postfix|sendmail', meaning: 'the MTA' }],
    options: [
      {
        flag: '--inbound',
        meaning: 'judge mail that arrives; with --outbound what is planned without a wish',
      },
      { flag: '--outbound', meaning: 'let mail that leaves follow the table' },
      { flag: '--messages', meaning: 'rules for single messages; includes the other two' },
      { flag: '--apply', meaning: 'carry the plan out, prove it, and undo it when that fails' },
      { flag: '--undo', meaning: 'take back what --apply or --remove did last' },
      { flag: '--remove', meaning: 'take tlsward out of main.cf and master.cf, however it came in' },
      {
        flag: '--postfix-config',
        argument: 'DIR',
        meaning: 'the folder of main.cf; needed where there are several instances',
        example: '--postfix-config /etc/postfix-out',
      },
      {
        flag: '--state',
        argument: 'DIR',
        default: '/var/lib/tlsward',
        meaning: 'copies of main.cf and master.cf, and undo.sh, are kept in setup/ below it',
        example: '--state /root/tlsward',
      },
      {
        flag: '--mc',
        argument: 'FILE',
        meaning: 'sendmail: the .mc, /etc/mail/sendmail.mc without it',
        example: '--mc /etc/mail/mx.mc',
      },
    ],
    examples: [
      { line: 'tlsward setup postfix', meaning: 'prints what would be changed, and why; changes nothing' },
      { line: 'tlsward setup postfix --inbound --apply', meaning: 'only mail that arrives' },
      { line: 'tlsward setup postfix --undo', meaning: 'main.cf and master.cf are what they were' },
    ],
    exit: {
      0: 'planned, done, or nothing to do',
      1: 'something is in the way, or was changed since; sendmail: lines are missing',
      65: 'the configuration of the MTA cannot be read',
      69: 'the daemon does not answer; nothing was changed, or all was undone',
      71: 'Postfix refused a change; all was undone',
      73: 'the copies or the table cannot be written; Postfix was not touched',
      75: 'another setup is running',
      ...MISTAKES,
    },
  },
  published: {
    summary: 'show what a domain publishes about TLS to its mail servers',
    usage: ['DOMAIN [--refresh | --forget]'],
    operands: [{ name: 'DOMAIN', meaning: 'a domain, or a host as a next hop' }],
    options: [
      { flag: '--refresh', meaning: 'look it up again and ignore the cache' },
      { flag: '--forget', meaning: 'remove it from the cache, on disk, too' },
      CONTROL,
    ],
    examples: [
      { line: 'tlsward published bank.example --refresh', meaning: 'after its administrator has changed it' },
    ],
    exit: { 0: 'known', ...NO_DAEMON, 75: 'a lookup failed', ...NO_FILE },
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
  'test-mail': {
    summary: 'send one message through Postfix and show how it was delivered',
    usage: ['ADDRESS [--from ADDRESS] [--log FILE] [--wait SECONDS] [--sendmail PROGRAM]'],
    operands: [{ name: 'ADDRESS', meaning: 'who gets the message' }],
    options: [
      {
        flag: '--from',
        argument: 'ADDRESS',
        meaning: 'the envelope sender; else the account that runs the command; "<>" is the null sender',
        example: '--from postmaster@example.org',
      },
      {
        flag: '--log',
        argument: 'FILE',
        meaning: 'the log of Postfix; else maillog_file of Postfix, else the journal',
        example: '--log /var/log/mail.log',
      },
      {
        flag: '--wait',
        argument: 'SECONDS',
        default: '60',
        meaning: 'how long the delivery is waited for',
        example: '--wait 300',
      },
      {
        flag: '--sendmail',
        argument: 'PROGRAM',
        default: 'sendmail',
        meaning: 'the program that takes the message: a path, or a name that is looked for in sbin and bin',
        example: '--sendmail /usr/sbin/sendmail',
      },
    ],
    examples: [
      {
        line: 'tlsward test-mail postmaster@bank.example --from postmaster@example.org',
        meaning: 'does mail to them leave under TLS?',
      },
    ],
    exit: {
      0: 'delivered under TLS: a TLS line of the log belongs to each delivery',
      1: 'delivered, but without TLS, or the log does not tell',
      2: 'deferred or bounced, or not delivered in time',
      65: 'FILE cannot be read',
      69: 'sendmail(1) does not take the message, or the journal cannot be read',
    },
  },
  lookup: {
    summary: 'find the transaction of a reply by its code',
    usage: ['CODE'],
    operands: [{ name: 'CODE', meaning: 'the eight characters in brackets at the end of a reply' }],
    options: [CONTROL],
    examples: [{ line: 'tlsward lookup 3FQ8M2TX', meaning: 'what a sender who calls was told, and why' }],
    exit: { 0: 'found', ...NO_DAEMON, 75: 'not among the recent verdicts', ...NO_FILE },
  },
  'verify-mark': {
    summary: 'check the marks of saved mail',
    usage: ['FILE [OPTION ...]'],
    operands: [
      { name: 'FILE', meaning: 'one message, an mbox, a folder, a Maildir, or - for standard input' },
    ],
    options: [
      {
        flag: '--key',
        argument: 'FILE',
        meaning: 'the file with the keys; else mark-key of the configuration',
        example: '--key /root/old-mark.key',
      },
      {
        flag: '--sender',
        argument: 'ADDRESS',
        meaning: 'the envelope sender, if the message does not show it; a domain or "<>" is enough',
        example: '--sender alice@bank.example',
      },
      {
        flag: '--mark-name',
        argument: 'NAME',
        meaning: 'the name of the header field; else mark-name of the configuration',
        example: '--mark-name X-TLS-Ward',
      },
    ],
    examples: [
      { line: 'tlsward verify-mark mail.eml', meaning: 'did this message arrive as its mark says?' },
    ],
    exit: {
      0: 'every message has a mark, and every mark verifies',
      1: 'a mark fails',
      ...UNREADABLE,
      75: 'a message has no mark or no known sender',
      78: 'the configuration or the key file cannot be used',
    },
  },
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
  hops: {
    summary: 'show the path of a saved message, as its header claims',
    usage: ['FILE [--host NAME] [--trust NETWORK]'],
    operands: [
      { name: 'FILE', meaning: 'one message, an mbox, a folder, a Maildir, or - for standard input' },
    ],
    options: [
      {
        flag: '--host',
        argument: 'NAME',
        several: true,
        meaning: 'a host of ours, whose lines are facts; else host-name of the configuration',
        example: '--host mx.example.org',
      },
      {
        flag: '--trust',
        argument: 'NETWORK',
        several: true,
        meaning: 'a network in which our hosts hand messages to each other',
        example: '--trust 10.0.0.0/24',
      },
    ],
    examples: [
      { line: 'tlsward hops mail.eml --host mx.example.org', meaning: 'where was it first unprotected?' },
    ],
    exit: { 0: 'printed', ...UNREADABLE, 75: 'no message has a Received field', ...NO_FILE },
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
  completion: {
    summary: 'print a script by which a shell completes the words of tlsward',
    usage: ['bash | zsh | fish'],
    operands: [{ name: 'bash|zsh|fish', meaning: 'the shell' }],
    options: [],
    examples: [
      {
        line: 'tlsward completion bash',
        meaning: 'goes to /etc/bash_completion.d/tlsward; the Debian package has it',
      },
    ],
    exit: { 0: 'printed' },
  },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

/** Is this the name of a command? */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
