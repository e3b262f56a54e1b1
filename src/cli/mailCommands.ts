/** The commands for the mail server beside tlsward, for domains and for messages. */
import { type Command, MISTAKES, NO_DAEMON, NO_FILE, UNREADABLE } from './commandEntry.ts';
import { CONTROL } from './options.ts';

export const MAIL_COMMANDS = {
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
} as const satisfies Readonly<Record<string, Command>>;
