/**
 * The `[service]` section to typed settings. Defaults are the texts of keys.ts, read by the same parsers, so that what
 * is documented is what happens.
 *
 * Rules beside the single values: at least one socket for an MTA; no address twice; addresses other than loopback only
 * with `allow-remote = yes`, because whoever reaches a socket can ask and, on the milter socket, is believed.
 */
import { isAbsolute, resolve } from 'node:path';
import { canonicalDomain } from '../../core/domain.ts';
import { type Network, parseNetwork } from '../../core/network.ts';
import { isSince } from '../../core/postfixVersion.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import {
  defaultOf,
  type FORGED_BANNERS,
  type LOG_LEVELS,
  type MARK_BINDS,
  type MESSAGE_ROUTES,
  type REPLY_TOKENS,
  type TLS_REQUIRED_ACTIONS,
} from './keys.ts';
import { formatListen, isLoopback, type ListenAddress, parseListen } from './listenAddress.ts';
import { domainFault } from './pattern.ts';
import {
  isRemote,
  type OtherServerAddress,
  parsePublished,
  parseResolver,
  parseTestOpening,
  type ResolverAddress,
  type TestOpening,
} from './publishedKeys.ts';
import { parseLocalDomain, parseRelay, parseTransport } from './routingKeys.ts';
import { checkSection } from './schema.ts';
import { parseListOf } from './values.ts';

export interface ServiceSettings {
  readonly policyListen: readonly ListenAddress[];
  readonly milterListen: readonly ListenAddress[];
  readonly socketmapListen: readonly ListenAddress[];
  /** Empty: no control socket. */
  readonly controlListen: readonly ListenAddress[];
  /** Permission bits, 0 to 0o777. */
  readonly socketMode: number;
  /** Name or number; null: the process's own group. */
  readonly socketGroup: string | null;
  /** Canonical; null: what the MTA says. */
  readonly hostName: string | null;
  readonly trustedClients: readonly Network[];
  /** Absolute path of the file of dated exceptions, which need not exist; null: none. */
  readonly exceptions: string | null;
  readonly markName: string;
  /** Absolute path; null: marks are not signed. */
  readonly markKey: string | null;
  readonly markBinds: (typeof MARK_BINDS)[number];
  readonly bannerName: string;
  readonly bannerForged: (typeof FORGED_BANNERS)[number];
  /** null: no Authentication-Results. */
  readonly authservId: string | null;
  readonly replyToken: (typeof REPLY_TOKENS)[number];
  readonly messageRoute: (typeof MESSAGE_ROUTES)[number];
  readonly routeHeader: string;
  /** Where all mail to other hosts goes, `[relay.example]:587`; null: to its recipients' hosts. */
  readonly relayhost: string | null;
  /** Names of transports as in master.cf; recipients of every other transport are local. */
  readonly remoteTransports: readonly string[];
  /** Canonical names, `.suffix` for everything below; empty: not said. */
  readonly localDomains: readonly string[];
  readonly maxBodyBytes: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** `3.7`; null when not said. */
  readonly postfixVersion: string | null;
  /** Absolute path of postconf(1); null: not asked. */
  readonly postconf: string | null;
  /** What the administrator says of main.cf; null: nothing. */
  readonly tlsRequiredEnable: boolean | null;
  readonly tlsRequiredNo: (typeof TLS_REQUIRED_ACTIONS)[number];
  /** Validating resolvers on this host; empty: those of the system, whose word about DNSSEC does not count. */
  readonly resolver: readonly ResolverAddress[];
  /** Absolute path; null: fetched policies are kept in memory only. */
  readonly stsCache: string | null;
  /** Another policy server, asked instead of looking things up; null: own look-ups. */
  readonly published: OtherServerAddress | null;
  /** null: policies come from public addresses and port 443 only. */
  readonly stsTestOpening: TestOpening | null;
  readonly maxConnections: number;
  readonly maxConnectionsPerClient: number;
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxRequestBytes: number;
  readonly maxAttributes: number;
  readonly maxPacketBytes: number;
  readonly maxRecipients: number;
  readonly shutdownTimeoutMs: number;
  readonly recentVerdicts: number;
  readonly recentVerdictsBytes: number;
  /** Of all messages and requests under way. */
  readonly maxMemoryBytes: number;
}

/** Keys of which at least one is needed. */
const LISTENERS = ['policy-listen', 'milter-listen', 'socketmap-listen'] as const;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, K: 1024, M: 1024 * 1024 };

/** "30", "30s", "64K" to a number within bounds. */
function amount(text: string, least: number, most: number, unit: string): number | Invalid {
  const factor = UNITS[text.at(-1) ?? ''];
  const value = Number(factor === undefined ? text : text.slice(0, -1)) * (factor ?? 1);
  if (value >= least && value <= most) return value;
  return new Invalid(quote(text), `${least} to ${most}${unit}`);
}

/** Fields that a mark must never be named like, because copies from outside are removed. */
const TAKEN =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|comments|keywords|received(?:-spf)?|return-path|delivered-to|errors-to|mime-version|authentication-results|dkim-signature|tls-(?:required|report-.*)|(?:content|resent|list|arc|auto|disposition|original)-.*)$/i;

function parseMarkName(text: string): string | Invalid {
  if (!TAKEN.test(text)) return text;
  return new Invalid(
    quote(text),
    'a header field name of our own, such as X-TLS-Ward',
    'such fields from outside are removed',
  );
}

function parseHostName(text: string): string | null | Invalid {
  if (text === '') return null;
  return canonicalDomain(text) ?? new Invalid(quote(text), 'a host name', domainFault(text));
}

/** `>=` in `protocols=` is the one thing that differs, and lists before 3.0 were never tried. */
function parseVersion(text: string): string | null | Invalid {
  if (text === '') return null;
  return isSince(text, 3, 0) ? text : new Invalid(quote(text), '3.0 or later');
}

/** What is run must not depend on where we were started. */
function parsePostconf(text: string): string | null | Invalid {
  if (text === '') return null;
  return isAbsolute(text) ? text : new Invalid(quote(text), 'an absolute path such as /usr/sbin/postconf');
}

function parseTrusted(text: string): Network | Invalid {
  const network = parseNetwork(text);
  if (network !== null) return network;
  const [address = '', bits] = text.split('/');
  const hint =
    bits !== undefined && parseNetwork(address) !== null ? 'bits beyond the prefix length must be 0' : '';
  return new Invalid(quote(text), 'an IP address or a network such as 10.0.0.0/8', hint);
}

/** Reads the section; mistakes are reported and replaced by defaults. `folder` is where relative paths start. */
export function readService(section: Section, folder: string, report: Report): ServiceSettings {
  const entries = checkSection(section, report);
  const read = <T>(key: string, parse: (text: string) => T | Invalid): T => {
    const entry = entries.get(key);
    const value = entry === undefined ? parse(defaultOf(key)) : parse(entry.value);
    if (!(value instanceof Invalid)) return value;
    if (entry !== undefined) report.problem(positionOf(section, entry), whereOf(section, key), value);
    const standard = parse(defaultOf(key));
    if (standard instanceof Invalid)
      throw new Error(`the default of ${key} is wrong: expected ${standard.expected}`);
    return standard;
  };
  const text = (value: string) => (value === '' ? null : value);
  const remote = entries.get('allow-remote')?.value === 'yes';
  const parsed = new Map<string, readonly ListenAddress[]>();
  const listen = (key: string) => {
    const parse = key === 'control-listen' ? parseControl : parseListener;
    const addresses = read(key, (value) => parseListOf(value, (one) => parse(one, folder, remote)));
    parsed.set(key, addresses);
    return addresses;
  };
  const count = (key: string, least: number, most: number) =>
    read(key, (value) => amount(value, least, most, ''));
  const milliseconds = (key: string, least: number, most: number) =>
    1000 * read(key, (value) => amount(value, least, most, ' s'));
  const settings: ServiceSettings = {
    policyListen: listen('policy-listen'),
    milterListen: listen('milter-listen'),
    socketmapListen: listen('socketmap-listen'),
    controlListen: listen('control-listen'),
    socketMode: read('socket-mode', (value) => Number.parseInt(value, 8)),
    socketGroup: read('socket-group', text),
    hostName: read('host-name', parseHostName),
    trustedClients: read('trusted-clients', (value) => parseListOf(value, parseTrusted)),
    exceptions: read('exceptions', (value) => (value === '' ? null : resolve(folder, value))),
    markName: read('mark-name', parseMarkName),
    markKey: read('mark-key', (value) => (value === '' ? null : resolve(folder, value))),
    markBinds: read('mark-binds', (value) => value as ServiceSettings['markBinds']),
    bannerName: read('banner-name', parseMarkName),
    bannerForged: read('banner-forged', (value) => value as ServiceSettings['bannerForged']),
    authservId: read('authserv-id', parseHostName),
    replyToken: read('reply-token', (value) => value as ServiceSettings['replyToken']),
    messageRoute: read('message-route', (value) => value as ServiceSettings['messageRoute']),
    routeHeader: read('route-header', parseMarkName),
    relayhost: read('relayhost', parseRelay),
    remoteTransports: read('remote-transports', (value) => parseListOf(value, parseTransport)),
    localDomains: read('local-domains', (value) => parseListOf(value, parseLocalDomain)),
    // an edit is made in one go, some 5 ms a MiB, and everybody else waits for it
    maxBodyBytes: count('max-body', 0, 16 * 1024 * 1024),
    logLevel: read('log-level', (value) => value as ServiceSettings['logLevel']),
    postfixVersion: read('postfix-version', parseVersion),
    postconf: read('postconf', parsePostconf),
    tlsRequiredEnable: read('tls-required-enable', (value) => (value === '' ? null : value === 'yes')),
    tlsRequiredNo: read('tls-required-no', (value) => value as ServiceSettings['tlsRequiredNo']),
    resolver: read('resolver', (value) => parseListOf(value, parseResolver)),
    stsCache: read('sts-cache', (value) => (value === '' ? null : resolve(folder, value))),
    published: read('published', (value) => parsePublished(value, folder)),
    stsTestOpening: read('sts-test-opening', parseTestOpening),
    maxConnections: count('max-connections', 1, 1_000_000),
    maxConnectionsPerClient: count('max-connections-per-client', 1, 1_000_000),
    // Postfix keeps a policy connection for up to 1000 s (smtpd_policy_service_max_ttl) and must be the one to close it
    idleTimeoutMs: milliseconds('idle-timeout', 1001, 604_800),
    requestTimeoutMs: milliseconds('request-timeout', 1, 3600),
    maxRequestBytes: count('max-request', 1024, 16 * 1024 * 1024),
    maxAttributes: count('max-attributes', 50, 10_000),
    // a body chunk of 64 KiB and its command must fit
    maxPacketBytes: count('max-packet', 65_537, 64 * 1024 * 1024),
    maxRecipients: count('max-recipients', 1, 1_000_000),
    shutdownTimeoutMs: milliseconds('shutdown-timeout', 0, 3600),
    recentVerdicts: count('recent-verdicts', 0, 1_000_000),
    recentVerdictsBytes: count('recent-verdicts-size', 65_536, 1024 * 1024 * 1024),
    // the largest packet, body and header of one message must fit
    maxMemoryBytes: count('max-memory', 24 * 1024 * 1024, 64 * 1024 * 1024 * 1024),
  };
  const mode = entries.get('socket-mode');
  if (mode !== undefined && (settings.socketMode & 0o002) !== 0) {
    report.notice(
      'suspect',
      positionOf(section, mode),
      whereOf(section, 'socket-mode'),
      'everyone on this machine can connect',
    );
  }
  const remark = (key: string, kind: 'suspect' | 'no-effect', text: string): void => {
    const entry = entries.get(key);
    if (entry !== undefined && entry.value !== '')
      report.notice(kind, positionOf(section, entry), whereOf(section, key), text);
  };
  const { stsTestOpening, published } = settings;
  if (stsTestOpening !== null)
    remark(
      'sts-test-opening',
      'suspect',
      `FOR TESTS ONLY: MTA-STS policies are fetched from internal addresses (${stsTestOpening.text}); remove it on a mail server`,
    );
  if (isRemote(published))
    remark('published', 'suspect', 'answers that come over a network can be changed on the way');
  if (published !== null) {
    for (const key of ['resolver', 'sts-cache', 'sts-test-opening'])
      remark(key, 'no-effect', 'has no effect, because published names another policy server');
  }
  const problem = (key: string, wrong: Invalid): void => {
    const entry = entries.get(key);
    report.problem(entry === undefined ? section : positionOf(section, entry), whereOf(section, key), wrong);
  };
  const { maxMemoryBytes, maxBodyBytes, maxPacketBytes } = settings;
  // header fields and recipients of one message take some more
  const oneMessage = maxBodyBytes + maxPacketBytes + 20 * 1024 * 1024;
  if (maxMemoryBytes < oneMessage)
    problem(
      'max-memory',
      new Invalid(
        `${maxMemoryBytes} bytes`,
        `${oneMessage} or more`,
        'one message with max-body and max-packet must fit',
      ),
    );
  const ownName = settings.routeHeader.toLowerCase();
  for (const key of ['mark-name', 'banner-name']) {
    const other = key === 'mark-name' ? settings.markName : settings.bannerName;
    if (other.toLowerCase() !== ownName) continue;
    problem('route-header', new Invalid(`the same name as ${key}`, 'a name of its own'));
  }
  if (settings.replyToken !== 'no' && settings.markKey === null) {
    problem('reply-token', new Invalid('reply-token without mark-key', 'a mark-key, which signs tokens'));
  }
  if (settings.markBinds === 'body' && settings.markKey === null) {
    problem('mark-binds', new Invalid('mark-binds = body without mark-key', 'a mark-key, which signs marks'));
  }
  const token = entries.get('reply-token');
  if (token !== undefined && settings.replyToken !== 'no' && settings.milterListen.length === 0) {
    const text = 'has no effect, because there is no milter-listen';
    report.notice('no-effect', positionOf(section, token), whereOf(section, 'reply-token'), text);
  }
  if (!LISTENERS.some((key) => section.entries.some((entry) => entry.key === key && entry.value !== ''))) {
    const wrong = new Invalid('no socket for the MTA', LISTENERS.join(', '));
    report.problem(section, whereOf(section), wrong);
  }
  const taken = new Set<string>();
  for (const key of [...LISTENERS, 'control-listen']) {
    const entry = entries.get(key);
    for (const address of parsed.get(key) ?? []) {
      const name = formatListen(address);
      if (taken.has(name) && !name.endsWith(':0')) {
        const wrong = new Invalid(`${quote(name)} again`, 'each address once');
        report.problem(
          entry === undefined ? section : positionOf(section, entry),
          whereOf(section, key),
          wrong,
        );
      }
      taken.add(name);
    }
  }
  return settings;
}

/** Only file permissions say who may ask the daemon about mail, or to reload; a port has none. */
function parseControl(text: string, folder: string): ListenAddress | Invalid {
  const address = parseListen(text, folder);
  if (address instanceof Invalid || address.kind === 'unix') return address;
  return new Invalid(quote(text), 'a unix socket: unix:/run/tlsward/control.sock');
}

function parseListener(text: string, folder: string, remote: boolean): ListenAddress | Invalid {
  const address = parseListen(text, folder);
  if (address instanceof Invalid || remote || isLoopback(address)) return address;
  return new Invalid(quote(text), 'a loopback address', 'allow-remote = yes permits others');
}
