/**
 * What the table of commands says of an option: its words for the help, the manual pages and the shells, from
 * which `parseCommand` also takes what it accepts; and the options that several commands have.
 */

/** `argument`: what it takes, in capitals or as the words to choose from; left out: it takes nothing. */
export interface Option {
  readonly flag: `--${string}`;
  readonly argument?: string;
  /** May be given more than once. */
  readonly several?: true;
  /** Its value when it is left out; shown in the help unless it is empty. */
  readonly default?: string;
  /** One line, without a full stop. */
  readonly meaning: string;
  /** The option as it would be typed. */
  readonly example?: string;
}

/** A word of the command line that is no option. */
export interface Operand {
  readonly name: string;
  readonly optional?: true;
  /** Any number of words from here on. */
  readonly several?: true;
  readonly meaning: string;
}

type Named<O> = O extends { flag: `--${infer Name}` } ? Name : never;
type ValueOf<O> = O extends { several: true } ? string[] : O extends { argument: string } ? string : boolean;

/** The values of options by their names; only those with a default are always there. */
export type Values<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O extends { default: string } ? Named<O> : never]: ValueOf<O>;
} & {
  readonly [O in Options[number] as O extends { default: string } ? never : Named<O>]?:
    | ValueOf<O>
    | undefined;
};

/** Every command has these. */
export const COMMON = [
  {
    flag: '--config',
    argument: 'FILE',
    meaning: 'the configuration; else $TLSWARD_CONFIG, else /etc/tlsward/tlsward.ini',
    example: '--config /etc/tlsward/new.ini',
  },
  { flag: '--sample', meaning: 'take the sample table that comes with the program' },
  { flag: '--json', meaning: 'answer in JSON on standard output, mistakes included' },
] as const satisfies readonly Option[];

/** Commands that ask the running daemon. */
export const CONTROL = {
  flag: '--control',
  argument: 'SOCKET',
  meaning: 'the control socket of the daemon; else control-listen of the configuration',
  example: '--control /run/tlsward/control.sock',
} as const satisfies Option;

/** An SMTP session (sessionOptions.ts). */
export const SESSION = [
  {
    flag: '--from',
    argument: 'ADDRESS',
    meaning: 'the envelope sender; "<>" is the null sender, "<alice>" a path without a domain',
    example: '--from alice@bank.example',
  },
  {
    flag: '--to',
    argument: 'ADDRESS',
    several: true,
    meaning: 'an envelope recipient; may be given more than once',
    example: '--to bob@example.org --to carol@example.org',
  },
  {
    flag: '--tls',
    argument: '"PROTOCOL CIPHER BITS"|none|unknown',
    default: 'none',
    meaning: 'how the session is protected; unknown: the MTA did not tell',
    example: '--tls "TLSv1.3 TLS_AES_256_GCM_SHA384 256"',
  },
  {
    flag: '--cert',
    argument: 'NAME|untrusted|none',
    default: 'none',
    meaning: 'the client certificate: the common name of a trusted one, or none that is trusted',
    example: '--cert mx1.gov.example',
  },
  {
    flag: '--issuer',
    argument: 'NAME',
    default: 'a trusted issuer',
    meaning: 'who issued the certificate that --cert names',
    example: '--issuer "Example Root CA"',
  },
  {
    flag: '--fingerprint',
    argument: 'DIGEST',
    several: true,
    meaning: 'a digest of the client certificate; without it, it is not one that a row has pinned',
    example: '--fingerprint 3D:F1:6B:A5:12:98:4C:0E:77:21:54:AF:09:C6:D8:E2:31:88:0B:9E',
  },
  {
    flag: '--client',
    argument: 'ADDRESS',
    default: '192.0.2.1',
    meaning: 'the IP address of the SMTP client',
    example: '--client 198.51.100.25',
  },
  {
    flag: '--auth',
    argument: 'LOGIN',
    default: '',
    meaning: 'the login name of a client that has authenticated',
    example: '--auth alice',
  },
] as const satisfies readonly Option[];

/** What a rule looks at in a message. */
export const MESSAGE = [
  {
    flag: '--header',
    argument: '"NAME: VALUE"',
    several: true,
    meaning: 'a header field of the message; may be given more than once',
    example: '--header "X-Protect: tls"',
  },
  {
    flag: '--parameter',
    argument: 'REQUIRETLS',
    several: true,
    meaning: 'a parameter of MAIL FROM',
    example: '--parameter REQUIRETLS',
  },
  {
    flag: '--message',
    argument: 'FILE',
    meaning: 'a saved message, whose header fields count',
    example: '--message mail.eml',
  },
] as const satisfies readonly Option[];
