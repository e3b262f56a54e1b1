/**
 * The keys of `[service]`, one entry for each, in the order of the reference.
 */
import { anything, key, listOf, type TypedKey, words, wordsOr, YES_NO } from './key.ts';
import { LIMIT_KEYS } from './limitKeys.ts';
import { parsePublished, parseResolver, parseTestOpening } from './publishedKeys.ts';
import { parseLocalDomain, parseRelay, parseTransport } from './routingKeys.ts';
import type { ServiceSettings } from './serviceSettings.ts';
import {
  bytes,
  listen,
  OWN_FIELD,
  PATH,
  type Place,
  parseControl,
  parseHostName,
  parseListener,
  parsePostconf,
  parseTrusted,
  parseVersion,
} from './serviceValues.ts';

/** With the keys that only matter while the section is read. */
export interface ServiceValues extends ServiceSettings {
  readonly allowRemote: boolean;
  readonly include: string;
}

export const SERVICE_KEYS: { readonly [K in keyof ServiceValues]: TypedKey<ServiceValues[K], [Place]> } = {
  policyListen: key(
    'policy-listen',
    '',
    'sockets for Postfix policy delegation (`check_policy_service`)',
    listen(parseListener),
  ),
  milterListen: key(
    'milter-listen',
    '',
    'sockets for the milter protocol (`smtpd_milters`, `INPUT_MAIL_FILTER`)',
    listen(parseListener),
  ),
  socketmapListen: key(
    'socketmap-listen',
    '',
    'sockets for table questions on the deliver leg (`smtp_tls_policy_maps`)',
    listen(parseListener),
  ),
  controlListen: key(
    'control-listen',
    'unix:/run/tlsward/control.sock',
    'socket for the commands; empty: none',
    listen(parseControl),
  ),
  allowRemote: key('allow-remote', 'no', 'may a socket listen on an address other than loopback?', YES_NO),
  socketMode: key('socket-mode', '0660', 'permissions of unix sockets', {
    expected: 'an octal mode such as 0660',
    allowed: { pattern: '^0?[0-7]{3}$' },
    parse: (text) => Number.parseInt(text, 8),
  }),
  socketGroup: key('socket-group', '', 'group that owns unix sockets; empty: that of the process', {
    expected: 'a group name or number',
    allowed: { pattern: '^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$' },
    parse: (text) => (text === '' ? null : text),
  }),
  hostName: key(
    'host-name',
    '',
    'who we are in marks; empty: what the MTA says',
    anything('a host name', parseHostName),
  ),
  trustedClients: key(
    'trusted-clients',
    '127.0.0.0/8, ::1',
    'clients that re-inject judged mail (content filters); not judged; empty: nobody',
    listOf('IP addresses and networks', parseTrusted),
  ),
  // checked when the files are read
  include: key(
    'include',
    '',
    'more files, below the folder of the main file; `*` and `?` in the last part',
    anything('paths', (text) => text),
  ),
  exceptions: key(
    'exceptions',
    'exceptions.ini',
    'file of dated exceptions, below the folder of the main file; read after all others, if it is there; empty: none',
    PATH,
  ),
  markName: key(
    'mark-name',
    'X-TLS-Ward',
    'header field of the mark; every such field from outside is removed',
    OWN_FIELD,
  ),
  markKey: key(
    'mark-key',
    '',
    'file with the keys that sign marks, made at the first start and never again; empty: marks are not signed',
    PATH,
  ),
  markBinds: key(
    'mark-binds',
    'session',
    'what a signature covers: `session`: the facts of the session and the sender; `body`: the body too, of which all is then read',
    words(['session', 'body']),
  ),
  bannerName: key(
    'banner-name',
    'X-TLS-Banner',
    'header field of the header banner; every such field from outside is removed',
    OWN_FIELD,
  ),
  bannerForged: key(
    'banner-forged',
    'leave',
    'body banners in our words that came with mail which gets none: `leave`, `remove` where no DKIM signature breaks, or `always`',
    words(['leave', 'remove', 'always']),
  ),
  authservId: key(
    'authserv-id',
    '',
    'adds `Authentication-Results` with `x-tls` under this name; forged ones are removed; empty: neither',
    anything('a host name', parseHostName),
  ),
  replyToken: key(
    'reply-token',
    'no',
    'put a token into `References` of mail that arrived protected, so that replies are recognised; `unsigned`: not where a DKIM signature covers it',
    words(['no', 'unsigned', 'always']),
  ),
  messageRoute: key(
    'message-route',
    'recipient',
    'how a message that a rule speaks of gets to its transport: `recipient`: by suffixed addresses; `header`: by `FILTER`',
    words(['recipient', 'header']),
  ),
  routeHeader: key(
    'route-header',
    'X-TLS-Ward-Route',
    'header field of messages that a rule speaks of, which the MTA keeps in; the fragments name it; every such field from outside is removed',
    OWN_FIELD,
  ),
  relayhost: key(
    'relayhost',
    '',
    '`relayhost` of the MTA; messages that a rule speaks of go there where the MTA tells no next hop; empty: none',
    anything('a next hop such as [relay.example]:587', parseRelay),
  ),
  remoteTransports: key(
    'remote-transports',
    'smtp, relay',
    'transports of the MTA that lead to other hosts; recipients of the others are local, and left alone',
    listOf('names of transports', parseTransport),
  ),
  localDomains: key(
    'local-domains',
    '',
    'domains that this host delivers itself, `.suffix` for all below; asked only where the MTA does not tell enough: mail from sendmail(1), and with Sendmail, where it also says that no alias of theirs leads to other hosts',
    listOf('domains', parseLocalDomain),
  ),
  // an edit is made in one go, some 5 ms a MiB, and everybody else waits for it
  maxBodyBytes: key(
    'max-body',
    '2M',
    'bytes of a body that is kept to put a banner in',
    bytes(0, 16 * 1024 * 1024),
  ),
  logLevel: key(
    'log-level',
    'info',
    'least severity that is logged',
    words(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  ),
  postfixVersion: key(
    'postfix-version',
    '',
    'version whose grammar answers on the deliver leg use; empty: 3.7, the oldest supported',
    {
      expected: 'a version such as 3.7',
      allowed: { pattern: '^(?:[0-9]{1,2}\\.[0-9]{1,3}(?:\\.[0-9]{1,3})?)?$' },
      parse: parseVersion,
    },
  ),
  postconf: key(
    'postconf',
    '/usr/sbin/postconf',
    'program that is asked for version and settings of the Postfix on this host, to warn of what does not fit; empty: none',
    anything('a path', parsePostconf),
  ),
  tlsRequiredEnable: key(
    'tls-required-enable',
    '',
    'what `tls_required_enable` is in `main.cf` (Postfix 3.10 and later); empty: ask `postconf`',
    { ...wordsOr(['yes', 'no'], ''), parse: (text) => (text === '' ? null : text === 'yes') },
  ),
  tlsRequiredNo: key(
    'tls-required-no',
    'refuse',
    'what becomes of a message with `TLS-Required: no` to recipients to whom mail must leave under TLS (milter, Postfix 3.10 and later)',
    words(['refuse', 'hold', 'ignore']),
  ),
  resolver: key(
    'resolver',
    '',
    'validating DNS resolvers on this host, whose word about DNSSEC is believed; empty: those of /etc/resolv.conf, and DANE is left to Postfix',
    listOf('loopback addresses such as 127.0.0.1 or [::1]:5353', parseResolver),
  ),
  stsCache: key(
    'sts-cache',
    '',
    'folder in which fetched MTA-STS policies outlive a restart; empty: memory only',
    PATH,
  ),
  published: key(
    'published',
    '',
    'policy server that is asked what domains publish, `socketmap:inet:HOST:PORT:NAME` or `socketmap:unix:/PATH:NAME`; empty: own look-ups',
    anything('socketmap:inet:HOST:PORT:NAME or socketmap:unix:/PATH:NAME', (text, { folder }: Place) =>
      parsePublished(text, folder),
    ),
  ),
  stsTestOpening: key(
    'sts-test-opening',
    '',
    'for tests only: a network and a port, `127.0.0.0/8 8443`, from which policies are fetched although it is internal',
    anything('a network and a port such as 127.0.0.0/8 8443', parseTestOpening),
  ),
  ...LIMIT_KEYS,
};
