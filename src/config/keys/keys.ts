/**
 * Every key of the configuration: its section, what it is when nothing is written, what may be written, what it means.
 *
 * This is the one source: the schema that checks files, the defaults the loader uses and the table in reference.md (which a
 * test compares) all come from here. Values are text as written; `allowed` is the part of the check that needs no
 * context, in JSON Schema words, and `expected` says it to a person.
 */
import { CANNOT, RULE_LEVELS } from '../../core/rule.ts';
import { BANNERS, DEFAULTS, DELIVER_LEVELS, MODES, RECEIVE_LEVELS, VIOLATIONS } from '../../core/settings.ts';

export interface Key {
  /** `policy, domain`: allowed in both. */
  readonly section: 'service' | 'policy' | 'domain' | 'rule' | 'policy, domain';
  readonly key: string;
  /** As one would write it; '' where it is empty. */
  readonly default: string;
  readonly meaning: string;
  readonly expected: string;
  readonly allowed: { readonly enum?: readonly string[]; readonly pattern?: string };
}

type Check = Pick<Key, 'expected' | 'allowed'>;

function words(list: readonly string[]): Check {
  return { expected: `one of ${list.join(', ')}`, allowed: { enum: list } };
}

function anything(expected: string): Check {
  return { expected, allowed: {} };
}

const SECONDS: Check = {
  expected: 'a time such as 30s, 5m, 1h, or seconds',
  allowed: { pattern: '^[0-9]{1,7}[smh]?$' },
};
const COUNT: Check = { expected: 'a whole number', allowed: { pattern: '^[0-9]{1,9}$' } };
const BYTES: Check = {
  expected: 'a number of bytes, or of K or M',
  allowed: { pattern: '^[0-9]{1,9}[KM]?$' },
};
const LISTEN = anything('unix:/path or inet:HOST:PORT');

export const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export const MARKS = ['header', 'none'] as const;
export const YES_NO = ['yes', 'no'] as const;
export const MARK_BINDS = ['session', 'body'] as const;
export const MESSAGE_ROUTES = ['recipient', 'header'] as const;
export const FORGED_BANNERS = ['leave', 'remove', 'always'] as const;
/** Of a message whose author does without protection (RFC 8689), and of which a row wants it. */
export const TLS_REQUIRED_ACTIONS = ['refuse', 'hold', 'ignore'] as const;
export const REPLY_TOKENS = ['no', 'unsigned', 'always'] as const;

type Line = readonly [key: string, standard: string, meaning: string, check: Check];

function section(name: Key['section'], lines: readonly Line[]): Key[] {
  return lines.map(([key, standard, meaning, check]) => ({
    section: name,
    key,
    default: standard,
    meaning,
    ...check,
  }));
}

const SERVICE = section('service', [
  ['policy-listen', '', 'sockets for Postfix policy delegation (`check_policy_service`)', LISTEN],
  ['milter-listen', '', 'sockets for the milter protocol (`smtpd_milters`, `INPUT_MAIL_FILTER`)', LISTEN],
  ['socketmap-listen', '', 'sockets for table questions on the deliver leg (`smtp_tls_policy_maps`)', LISTEN],
  ['control-listen', 'unix:/run/tlsward/control.sock', 'socket for the commands; empty: none', LISTEN],
  ['allow-remote', 'no', 'may a socket listen on an address other than loopback?', words(YES_NO)],
  [
    'socket-mode',
    '0660',
    'permissions of unix sockets',
    { expected: 'an octal mode such as 0660', allowed: { pattern: '^0?[0-7]{3}$' } },
  ],
  [
    'socket-group',
    '',
    'group that owns unix sockets; empty: that of the process',
    { expected: 'a group name or number', allowed: { pattern: '^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$' } },
  ],
  ['host-name', '', 'who we are in marks; empty: what the MTA says', anything('a host name')],
  [
    'trusted-clients',
    '127.0.0.0/8, ::1',
    'clients that re-inject judged mail (content filters); not judged; empty: nobody',
    anything('IP addresses and networks'),
  ],
  [
    'include',
    '',
    'more files, below the folder of the main file; `*` and `?` in the last part',
    anything('paths'),
  ],
  [
    'exceptions',
    'exceptions.ini',
    'file of dated exceptions, below the folder of the main file; read after all others, if it is there; empty: none',
    anything('a path'),
  ],
  [
    'mark-name',
    'X-TLS-Ward',
    'header field of the mark; every such field from outside is removed',
    {
      expected: 'a header field name of our own, such as X-TLS-Ward',
      allowed: { pattern: '^[A-Za-z0-9-]{1,64}$' },
    },
  ],
  [
    'mark-key',
    '',
    'file with the keys that sign marks, made at the first start and never again; empty: marks are not signed',
    anything('a path'),
  ],
  [
    'mark-binds',
    'session',
    'what a signature covers: `session`: the facts of the session and the sender; `body`: the body too, of which all is then read',
    words(MARK_BINDS),
  ],
  [
    'banner-name',
    'X-TLS-Banner',
    'header field of the header banner; every such field from outside is removed',
    {
      expected: 'a header field name of our own, such as X-TLS-Ward',
      allowed: { pattern: '^[A-Za-z0-9-]{1,64}$' },
    },
  ],
  [
    'banner-forged',
    'leave',
    'body banners in our words that came with mail which gets none: `leave`, `remove` where no DKIM signature breaks, or `always`',
    words(FORGED_BANNERS),
  ],
  [
    'authserv-id',
    '',
    'adds `Authentication-Results` with `x-tls` under this name; forged ones are removed; empty: neither',
    anything('a host name'),
  ],
  [
    'reply-token',
    'no',
    'put a token into `References` of mail that arrived protected, so that replies are recognised; `unsigned`: not where a DKIM signature covers it',
    words(REPLY_TOKENS),
  ],
  [
    'message-route',
    'recipient',
    'how a message that a rule speaks of gets to its transport: `recipient`: by suffixed addresses; `header`: by `FILTER`',
    words(MESSAGE_ROUTES),
  ],
  [
    'route-header',
    'X-TLS-Ward-Route',
    'header field of messages that a rule speaks of, which the MTA keeps in; the fragments name it; every such field from outside is removed',
    {
      expected: 'a header field name of our own, such as X-TLS-Ward',
      allowed: { pattern: '^[A-Za-z0-9-]{1,64}$' },
    },
  ],
  [
    'relayhost',
    '',
    '`relayhost` of the MTA; messages that a rule speaks of go there where the MTA tells no next hop; empty: none',
    anything('a next hop such as [relay.example]:587'),
  ],
  [
    'remote-transports',
    'smtp, relay',
    'transports of the MTA that lead to other hosts; recipients of the others are local, and left alone',
    anything('names of transports'),
  ],
  [
    'local-domains',
    '',
    'domains that this host delivers itself, `.suffix` for all below; asked only where the MTA does not tell enough: mail from sendmail(1), and with Sendmail, where it also says that no alias of theirs leads to other hosts',
    anything('domains'),
  ],
  ['max-body', '2M', 'bytes of a body that is kept to put a banner in', BYTES],
  ['log-level', 'info', 'least severity that is logged', words(LOG_LEVELS)],
  [
    'postfix-version',
    '',
    'version whose grammar answers on the deliver leg use; empty: 3.7, the oldest supported',
    {
      expected: 'a version such as 3.7',
      allowed: { pattern: '^(?:[0-9]{1,2}\\.[0-9]{1,3}(?:\\.[0-9]{1,3})?)?$' },
    },
  ],
  [
    'postconf',
    '/usr/sbin/postconf',
    'program that is asked for version and settings of the Postfix on this host, to warn of what does not fit; empty: none',
    anything('a path'),
  ],
  [
    'tls-required-enable',
    '',
    'what `tls_required_enable` is in `main.cf` (Postfix 3.10 and later); empty: ask `postconf`',
    { expected: 'one of yes, no', allowed: { enum: ['yes', 'no', ''] } },
  ],
  [
    'tls-required-no',
    'refuse',
    'what becomes of a message with `TLS-Required: no` to recipients to whom mail must leave under TLS (milter, Postfix 3.10 and later)',
    words(TLS_REQUIRED_ACTIONS),
  ],
  [
    'resolver',
    '',
    'validating DNS resolvers on this host, whose word about DNSSEC is believed; empty: those of /etc/resolv.conf, and DANE is left to Postfix',
    anything('loopback addresses such as 127.0.0.1 or [::1]:5353'),
  ],
  [
    'sts-cache',
    '',
    'folder in which fetched MTA-STS policies outlive a restart; empty: memory only',
    anything('a path'),
  ],
  [
    'published',
    '',
    'policy server that is asked what domains publish, `socketmap:inet:HOST:PORT:NAME` or `socketmap:unix:/PATH:NAME`; empty: own look-ups',
    anything('socketmap:inet:HOST:PORT:NAME or socketmap:unix:/PATH:NAME'),
  ],
  [
    'sts-test-opening',
    '',
    'for tests only: a network and a port, `127.0.0.0/8 8443`, from which policies are fetched although it is internal',
    anything('a network and a port such as 127.0.0.0/8 8443'),
  ],
  [
    'max-connections',
    '20000',
    'open connections of all MTAs; fewer where the limit of open files is too low',
    COUNT,
  ],
  ['max-connections-per-client', '1000', 'open connections of one inet address', COUNT],
  [
    'idle-timeout',
    '3600',
    'silence between requests before a connection is closed; more than 1000 s',
    SECONDS,
  ],
  ['request-timeout', '30', 'from the first byte of a request to its last', SECONDS],
  ['max-request', '65536', 'bytes of one policy request', BYTES],
  ['max-attributes', '200', 'attributes of one policy request', COUNT],
  ['max-packet', '1048577', 'bytes of one milter packet', BYTES],
  ['max-recipients', '10000', 'recipients of one message', COUNT],
  [
    'max-memory',
    '256M',
    'bytes that unfinished messages, requests and unread answers of all connections may take; beyond it the connection that holds most is closed',
    BYTES,
  ],
  ['shutdown-timeout', '25', 'time for transactions in flight when the daemon stops', SECONDS],
  ['recent-verdicts', '4096', 'verdicts kept for `tlsward lookup`', COUNT],
  ['recent-verdicts-size', '16M', 'bytes they may take; beyond it the oldest are forgotten', BYTES],
]);

const ROW = section('policy, domain', [
  ['receive', 'may', 'how mail from or for the domain must arrive', words(RECEIVE_LEVELS)],
  [
    'deliver',
    '',
    "how mail to the domain must leave; empty: by the MTA's own default level",
    {
      expected: `one of ${DELIVER_LEVELS.join(', ')}`,
      allowed: { enum: [...DELIVER_LEVELS, ''] },
    },
  ],
  [
    'deliver-floor',
    '',
    'the least that `deliver = auto` answers; empty: what the domain publishes',
    { expected: 'one of encrypt, verify', allowed: { enum: ['encrypt', 'verify', ''] } },
  ],
  ['min-protocol', 'TLSv1.2', 'lowest protocol where TLS is required', words(PROTOCOLS)],
  ['min-bits', '128', 'fewest key bits where TLS is required', anything('a whole number from 0 to 512')],
  [
    'deny-ciphers',
    '',
    'parts of cipher names that must not occur, any case',
    anything('parts of cipher names'),
  ],
  [
    'client-names',
    '',
    "names a client certificate may have, `.suffix` for all below; empty: the row's domain and below",
    anything('domain names or .suffix'),
  ],
  [
    'client-issuers',
    '',
    'issuers that may have signed the client certificate (`\\,` is a comma in a name); empty: any trusted one',
    anything('issuer names'),
  ],
  [
    'server-names',
    '',
    "names the server certificate may have at `deliver = verify` or `secure`, `.suffix` for all below; empty: by Postfix's own rules",
    anything('domain names or .suffix'),
  ],
  ['fingerprint', '', 'pinned digests of certificates or public keys, in hex', anything('digests in hex')],
  ['violation', 'reject', 'what a violation leads to', words(VIOLATIONS)],
  ['mode', 'enforce', '`observe`: decide and record, but let pass', words(MODES)],
  ['mark', 'header', 'add the mark to messages?', words(MARKS)],
  [
    'banner',
    '',
    `what a person sees: any of ${BANNERS.join(', ')}`,
    anything(`any of ${BANNERS.join(', ')}`),
  ],
  [
    'banner-text',
    DEFAULTS.bannerText,
    'text of header and body banner on protected mail; a template, see "Marks and banners"',
    anything('a template'),
  ],
  ['banner-tag', DEFAULTS.bannerTag, 'subject tag on protected mail', anything('a tag such as [via TLS]')],
  ['banner-unprotected-text', '', 'text on mail that was not protected; empty: none', anything('a template')],
  [
    'banner-unprotected-tag',
    '',
    'subject tag on mail that was not protected; empty: none',
    anything('a tag such as [PLAIN]'),
  ],
  [
    'banner-signed',
    DEFAULTS.bannerSigned,
    '`edit`: put body banner and subject tag also into mail whose DKIM signature they break',
    words(['leave', 'edit']),
  ],
  [
    'reply',
    '',
    'text of a refusal, with {domain} {required} {seen} {help} {contact} {code}; empty: the standard sentence',
    anything('printable ASCII'),
  ],
  ['help', '', 'address or link for the person who is refused', anything('printable ASCII')],
  ['contact', '', 'whom to ask about the domain', anything('printable ASCII')],
  ['reason', '', 'why the row is as it is', anything('text')],
  [
    'until',
    '',
    'last good day (YYYY-MM-DD); afterwards the row is reported, not switched off',
    anything('a date'),
  ],
]);

const RULE = section('rule', [
  ['subject-tag', '', 'one of these tags stands in the subject', anything('tags such as [secure]')],
  [
    'header',
    '',
    'one of these header fields is there: `Name: value`, or `Name` for any value; any case',
    anything('header fields, Name: value'),
  ],
  ['requiretls', 'no', 'the author asked for `REQUIRETLS` in MAIL', words(YES_NO)],
  [
    'reply-to-marked',
    'no',
    'it is a reply to mail that arrived protected (`reply-token`); needs `mark-key`',
    words(YES_NO),
  ],
  [
    'sender',
    '',
    'the sender is one of these: address, domain, `.suffix`, `*`, `<>`',
    anything('patterns of senders'),
  ],
  [
    'recipient',
    '',
    'the recipient is one of these: address, domain, `.suffix`, `*`',
    anything('patterns of recipients'),
  ],
  ['user', '', 'the author logged in (SASL) as one of these; `*` for any login', anything('logins')],
  ['deliver', 'encrypt', 'what these recipients then need', words(RULE_LEVELS)],
  ['cannot', 'reject', 'what becomes of the message where that cannot be had', words(CANNOT)],
  [
    'fallback',
    '',
    'next hop of the gateway for `cannot = fallback`',
    anything('a next hop such as [portal.example]:587'),
  ],
  [
    'request-requiretls',
    'no',
    'Postfix 3.11 and later: ask for `REQUIRETLS` when the message leaves',
    words(YES_NO),
  ],
  ['help', '', 'address or link for the author who is refused', anything('printable ASCII')],
]);

/** In the order of contrib/doc/reference.md. */
export const KEYS: readonly Key[] = [
  ...SERVICE,
  ...section('policy', [['based-on', 'may', 'policy to start from', anything('the name of a policy')]]),
  ...section('domain', [['policy', 'may', 'policy to start from', anything('the name of a policy')]]),
  ...ROW,
  ...RULE,
];

/** The keys of one kind of section. */
export function keysOf(kind: 'service' | 'policy' | 'domain' | 'exception' | 'rule'): Key[] {
  if (kind === 'exception') return [...ROW];
  return KEYS.filter((key) => key.section.split(', ').includes(kind));
}

/** What stands for a key that is not written; of a key in several kinds of sections, that of the first, or of `kind`. */
export function defaultOf(name: string, kind?: Parameters<typeof keysOf>[0]): string {
  const key = (kind === undefined ? KEYS : keysOf(kind)).find((candidate) => candidate.key === name);
  if (key === undefined) throw new Error(`no such key: ${name}`);
  return key.default;
}
