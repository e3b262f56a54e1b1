/**
 * What a `[service]` section says, as values. Each field is made by the key of its name in serviceKeys.ts.
 */

import type { Network } from '../../core/network.ts';
import type { ListenAddress } from './listenAddress.ts';
import type { OtherServerAddress, ResolverAddress, TestOpening } from './publishedKeys.ts';

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
  readonly markBinds: 'session' | 'body';
  readonly bannerName: string;
  readonly bannerForged: 'leave' | 'remove' | 'always';
  /** null: no Authentication-Results. */
  readonly authservId: string | null;
  readonly replyToken: 'no' | 'unsigned' | 'always';
  readonly messageRoute: 'recipient' | 'header';
  readonly routeHeader: string;
  /** Where all mail to other hosts goes, `[relay.example]:587`; null: to its recipients' hosts. */
  readonly relayhost: string | null;
  /** Names of transports as in master.cf; recipients of every other transport are local. */
  readonly remoteTransports: readonly string[];
  /** Canonical names, `.suffix` for everything below; empty: not said. */
  readonly localDomains: readonly string[];
  readonly maxBodyBytes: number;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** `3.7`; null when not said. */
  readonly postfixVersion: string | null;
  /** Absolute path of postconf(1); null: not asked. */
  readonly postconf: string | null;
  /** What the administrator says of main.cf; null: nothing. */
  readonly tlsRequiredEnable: boolean | null;
  /** Of a message whose author does without protection (RFC 8689), and of which a row wants it. */
  readonly tlsRequiredNo: 'refuse' | 'hold' | 'ignore';
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
