/**
 * The keys of `[service]`, one entry for each, in the order of the reference.
 */

import { EVIDENCE_KEYS } from './evidenceKeys.ts';
import { AT_START, anything, key, listOf, type TypedKey, words, wordsOr, YES_NO } from './key.ts';
import { LIMIT_KEYS } from './limitKeys.ts';
import { NOTICE_KEYS } from './noticeKeys.ts';
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
import { TLSRPT_KEYS } from './tlsrptKeys.ts';

/** The settings, and the keys that matter only while the section is read. */
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
    AT_START,
  ),
  milterListen: key(
    'milter-listen',
    '',
    'sockets for the milter protocol (`smtpd_milters`, `INPUT_MAIL_FILTER`)',
    listen(parseListener),
    AT_START,
  ),
  socketmapListen: key(
    'socketmap-listen',
    '',
    'sockets for lookups about outbound mail (`smtp_tls_policy_maps`)',
    listen(parseListener),
    AT_START,
  ),
  controlListen: key(
    'control-listen',
    'unix:/run/tlsward/control.sock',
    'control socket of the `tlsward` commands; empty: none',
    listen(parseControl),
    AT_START,
  ),
  httpListen: key(
    'http-listen',
    '',
    'sockets of the live page, the metrics and the health checks (HTTP); whoever reaches one may read it; ' +
      'empty: none',
    listen(parseListener),
    AT_START,
  ),
  allowRemote: key(
    'allow-remote',
    'no',
    'whether sockets may listen on addresses other than loopback',
    YES_NO,
  ),
  socketMode: key(
    'socket-mode',
    '0660',
    'permissions of unix sockets',
    {
      expected: 'an octal mode such as 0660',
      allowed: { pattern: '^0?[0-7]{3}$' },
      parse: (text) => Number.parseInt(text, 8),
    },
    AT_START,
  ),
  socketGroup: key(
    'socket-group',
    '',
    'group that owns unix sockets; empty: the group of the process',
    {
      expected: 'a group name or number',
      allowed: { pattern: '^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$' },
      parse: (text) => (text === '' ? null : text),
    },
    AT_START,
  ),
  hostName: key(
    'host-name',
    '',
    'name of this host in marks; empty: the name that the MTA reports',
    anything('a host name', parseHostName),
  ),
  trustedClients: key(
    'trusted-clients',
    '127.0.0.0/8, ::1',
    'clients that re-inject mail which was already checked (content filters); their mail is not checked ' +
      'again; empty: none',
    listOf('IP addresses and networks', parseTrusted),
  ),
  // parsed when the files are read
  include: key(
    'include',
    '',
    'further files to read, below the folder of the main file; `*` and `?` may stand in the last part of ' +
      'a path',
    anything('paths', (text) => text),
  ),
  exceptions: key(
    'exceptions',
    'exceptions.ini',
    'file of dated exceptions, below the folder of the main file; read after all others, if it exists; ' +
      'empty: none',
    PATH,
  ),
  markName: key(
    'mark-name',
    'X-TLS-Ward',
    'name of the header field that holds the mark; every such field in incoming mail is removed',
    OWN_FIELD,
  ),
  markKey: key(
    'mark-key',
    '',
    'file with the keys that sign marks; created at the first start and never replaced; empty: marks are ' +
      'not signed',
    PATH,
  ),
  markBinds: key(
    'mark-binds',
    'session',
    'what a signature covers: `session`: the facts of the session and the sender; `body`: also the body, ' +
      'which is then read to its end',
    words(['session', 'body']),
  ),
  bannerName: key(
    'banner-name',
    'X-TLS-Banner',
    'name of the header field that holds the header banner; every such field in incoming mail is removed',
    OWN_FIELD,
  ),
  bannerForged: key(
    'banner-forged',
    'leave',
    'copies of our body banners in incoming mail that gets no banner: `leave` them, `remove` them where ' +
      'this breaks no DKIM signature, or remove them `always`',
    words(['leave', 'remove', 'always']),
  ),
  authservId: key(
    'authserv-id',
    '',
    'adds `Authentication-Results` with the method `x-tls` under this name and removes forged ones; ' +
      'empty: neither',
    anything('a host name', parseHostName),
  ),
  replyToken: key(
    'reply-token',
    'no',
    'adds a token to `References` of mail that arrived protected, so that replies are recognised; ' +
      '`unsigned`: only where no DKIM signature covers this field',
    words(['no', 'unsigned', 'always']),
  ),
  messageRoute: key(
    'message-route',
    'recipient',
    'how a message that matches a rule reaches its transport: `recipient`: by suffixes of recipient ' +
      'addresses; `header`: by `FILTER`',
    words(['recipient', 'header']),
  ),
  routeHeader: key(
    'route-header',
    'X-TLS-Ward-Route',
    'name of the header field in messages that match a rule; Postfix lets no message with it leave by any ' +
      'other path; the fragments contain this name, too; every such field in incoming mail is removed',
    OWN_FIELD,
  ),
  relayhost: key(
    'relayhost',
    '',
    '`relayhost` of the MTA; the next hop of messages that match a rule, where the MTA does not report ' +
      'one; empty: none',
    anything('a next hop such as [relay.example]:587', parseRelay),
  ),
  remoteTransports: key(
    'remote-transports',
    'smtp, relay',
    'transports of the MTA that deliver to other hosts; recipients with any other transport are local, ' +
      'and rules do not apply to them',
    listOf('names of transports', parseTransport),
  ),
  localDomains: key(
    'local-domains',
    '',
    'domains that this host delivers itself, `.suffix` for all names below; used only where the MTA does ' +
      'not report enough: for mail from sendmail(1), and with Sendmail; there, also list only domains ' +
      'without aliases that lead to other hosts',
    listOf('domains', parseLocalDomain),
  ),
  // an edit blocks the main thread for about 5 ms per MiB
  maxBodyBytes: key(
    'max-body',
    '2M',
    'size of the largest body that is kept to add a banner',
    bytes(0, 2 * 1024 * 1024),
  ),
  logLevel: key(
    'log-level',
    'info',
    'lowest severity that is logged',
    words(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  ),
  logFormat: key(
    'log-format',
    'json',
    'lines of JSON, or of text for people; in the journal each has its priority',
    words(['json', 'text']),
  ),
  postfixVersion: key(
    'postfix-version',
    '',
    'Postfix version whose grammar is used in answers about outbound mail; empty: 3.7, the oldest supported',
    {
      expected: 'a version such as 3.7',
      allowed: { pattern: '^(?:[0-9]{1,2}\\.[0-9]{1,3}(?:\\.[0-9]{1,3})?)?$' },
      parse: parseVersion,
    },
  ),
  postconf: key(
    'postconf',
    '/usr/sbin/postconf',
    'path of postconf(1), which tells version and settings of the Postfix on this host, so that tlsward ' +
      'can warn of those that do not fit; empty: not run',
    anything('a path', parsePostconf),
  ),
  tlsRequiredEnable: key(
    'tls-required-enable',
    '',
    'value of `tls_required_enable` in `main.cf` (Postfix 3.10 and later); empty: ask `postconf`',
    { ...wordsOr(['yes', 'no'], ''), parse: (text) => (text === '' ? null : text === 'yes') },
  ),
  tlsRequiredNo: key(
    'tls-required-no',
    'refuse',
    'what happens to a message with `TLS-Required: no` to recipients for whom TLS is required (milter, ' +
      'Postfix 3.10 and later)',
    words(['refuse', 'hold', 'ignore']),
  ),
  resolver: key(
    'resolver',
    '',
    'trusted DNSSEC-validating resolvers on this host; empty: the resolvers of /etc/resolv.conf, and DANE ' +
      'is left to Postfix',
    listOf('loopback addresses such as 127.0.0.1 or [::1]:5353', parseResolver),
  ),
  stsCache: key(
    'sts-cache',
    '',
    'folder that keeps fetched MTA-STS policies through a restart; empty: memory only',
    PATH,
  ),
  published: key(
    'published',
    '',
    'another policy server to ask for what domains publish, `socketmap:inet:HOST:PORT:NAME` or ' +
      '`socketmap:unix:/PATH:NAME`; empty: tlsward looks it up itself',
    anything('socketmap:inet:HOST:PORT:NAME or socketmap:unix:/PATH:NAME', (text, { folder }: Place) =>
      parsePublished(text, folder),
    ),
  ),
  stsTestOpening: key(
    'sts-test-opening',
    '',
    'for tests only: an internal network and a port, such as `127.0.0.0/8 8443`, from which policies may ' +
      'be fetched',
    anything('a network and a port such as 127.0.0.0/8 8443', parseTestOpening),
  ),
  ...NOTICE_KEYS,
  ...EVIDENCE_KEYS,
  ...TLSRPT_KEYS,
  ...LIMIT_KEYS,
};

/** Names of the keys that differ and that only a restart applies. */
export function keysAtStart(before: ServiceSettings, after: ServiceSettings): string[] {
  const fields = Object.keys(before) as (keyof ServiceSettings)[];
  return fields
    .filter((field) => SERVICE_KEYS[field].atStart === true)
    .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
    .map((field) => SERVICE_KEYS[field].key);
}
