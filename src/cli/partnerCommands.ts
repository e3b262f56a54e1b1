/** The commands that look at the servers of partners. */
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
} as const satisfies Readonly<Record<string, Command>>;
