/**
 * The commands of `tlsward`: what each does in one line, its options as the help shows them, and the file
 * that runs it. That file is loaded when the command is called, so that every command starts as fast as its
 * own imports permit.
 */
import type { Run } from './command.ts';

interface Command {
  readonly summary: string;
  load(): Promise<{ readonly run: Run }>;
  /** Lines of the help below the summary, without the options that every command has. */
  readonly options?: readonly string[];
}

/** The options of an SMTP session (sessionOptions.ts). */
const SESSION = [
  '--from A --to B [--to C] [--tls "PROTOCOL CIPHER BITS" | none | unknown]',
  '[--cert CN | untrusted | none] [--issuer NAME] [--fingerprint DIGEST] [--client ADDRESS] [--auth LOGIN]',
];

/** Every command by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'run the daemon',
    load: () => import('./serve.ts'),
  },
  check: {
    summary: 'validate the configuration and exit',
    load: () => import('./check.ts'),
  },
  explain: {
    summary: 'say what would happen to a message, and why',
    load: () => import('./explain.ts'),
    options: [
      ...SESSION,
      '[--subject TEXT] [--header "Name: value"]... [--parameter REQUIRETLS] [--message FILE]',
      'or: --deliver NEXTHOP [--map deliver | deliver-encrypt | deliver-verify | tls_rcpt | sts]',
    ],
  },
  reload: {
    summary: 'make the daemon read its configuration again',
    load: () => import('./reload.ts'),
    options: ['[--control SOCKET]'],
  },
  status: {
    summary: 'show what the daemon is doing',
    load: () => import('./status.ts'),
    options: ['[--control SOCKET]'],
  },
  simulate: {
    summary: 'play an MTA against the running daemon',
    load: () => import('./simulate.ts'),
    options: [
      'milter | policy, with',
      ...SESSION,
      '[--helo NAME] [--connect SOCKET]; policy: [--state RCPT]; milter: [--mta postfix | sendmail]',
      '[--header "Name: value"]... [--message FILE] [--output FILE] [--parameter REQUIRETLS] [--local DOMAIN]',
      'or: socketmap [--map NAME] [--connect SOCKET] KEY...',
    ],
  },
  except: {
    summary: 'change how one domain is protected, for some days',
    load: () => import('./except.ts'),
    options: [
      'DOMAIN --until +14d | +2w | YYYY-MM-DD --reason TEXT [--receive LEVEL] [--deliver LEVEL]',
      '[--contact TEXT] [--control SOCKET]; or: DOMAIN --remove',
    ],
  },
  exceptions: {
    summary: 'list what `except` changed, with the days left',
    load: () => import('./exceptions.ts'),
  },
  export: {
    summary: 'write the domains that must never be sent in plaintext as a table for Postfix',
    load: () => import('./export.ts'),
    options: ['postfix [--output FILE | --check FILE] [--auto-floor]'],
  },
  import: {
    summary: 'turn a TLS policy table of Postfix or an access table of Sendmail into rows',
    load: () => import('./import.ts'),
    options: ['postfix FILE... | sendmail FILE... [--name PREFIX] [--level LEVEL]'],
  },
  published: {
    summary: 'show what a domain publishes about how mail must reach it',
    load: () => import('./published.ts'),
    options: ['DOMAIN [--refresh | --forget] [--control SOCKET]'],
  },
  lookup: {
    summary: 'turn the code of a reply back into its transaction',
    load: () => import('./lookup.ts'),
    options: ['CODE [--control SOCKET]'],
  },
  'verify-mark': {
    summary: 'check the marks of saved mail',
    load: () => import('./verifyMark.ts'),
    options: ['FILE [--key FILE] [--sender ADDRESS] [--mark-name NAME]'],
  },
  hops: {
    summary: 'show the path of a saved message, as its header claims',
    load: () => import('./hops.ts'),
    options: ['FILE [--host NAME]... [--trust NETWORK]...'],
  },
};
