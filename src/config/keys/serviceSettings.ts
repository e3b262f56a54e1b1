/**
 * The values of the `[service]` section. Each field is read by the key of the same name in serviceKeys.ts.
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
  /** Empty: no live page. */
  readonly httpListen: readonly ListenAddress[];
  /** Permission bits, 0 to 0o777. */
  readonly socketMode: number;
  /** Name or number; null: the process's own group. */
  readonly socketGroup: string | null;
  /** Canonical; null: the name that the MTA reports. */
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
  /**
   * Next hop of all mail to other hosts, `[relay.example]:587`; null: the hosts of each recipient's domain.
   */
  readonly relayhost: string | null;
  /** Names of transports as in master.cf; recipients of every other transport are local. */
  readonly remoteTransports: readonly string[];
  /** Canonical names, `.suffix` for everything below; empty: unknown. */
  readonly localDomains: readonly string[];
  readonly maxBodyBytes: number;
  readonly logFormat: 'json' | 'text';
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** `3.7`; null: unknown. */
  readonly postfixVersion: string | null;
  /** Absolute path of postconf(1); null: not run. */
  readonly postconf: string | null;
  /** The value in main.cf according to the administrator; null: unknown. */
  readonly tlsRequiredEnable: boolean | null;
  /** For a message whose author waives TLS (RFC 8689) although a row requires it. */
  readonly tlsRequiredNo: 'refuse' | 'hold' | 'ignore';
  /**
   * Trusted DNSSEC-validating resolvers on this host; empty: the system's resolvers, which are not trusted.
   */
  readonly resolver: readonly ResolverAddress[];
  /** Absolute path; null: fetched policies are kept in memory only. */
  readonly stsCache: string | null;
  /** Another policy server to ask; null: tlsward looks policies up itself. */
  readonly published: OtherServerAddress | null;
  /** null: policies come from public addresses and port 443 only. */
  readonly stsTestOpening: TestOpening | null;
  /** How long mail waits before its author is told; null: never. */
  readonly notifySenderAfterMs: number | null;
  /** Whose authors are told; empty: `localDomains`. As these are written. */
  readonly notifyDomains: readonly string[];
  /** Absolute path of the directory; null: no evidence is kept. */
  readonly evidence: string | null;
  readonly privacy: 'domains' | 'hashed' | 'full';
  /** null: days are kept for ever. */
  readonly retentionDays: number | null;
  /** Between two group commits; 0: after each write; null: never synced. */
  readonly evidenceSyncMs: number | null;
  readonly evidenceFailure: 'continue' | 'defer';
  /** Program and arguments; null: none. */
  readonly checkpointCommand: readonly string[] | null;
  readonly checkpointMail: string | null;
  /** Reports about TLS sessions that we send. */
  readonly tlsrptSend: 'no' | 'mail' | 'https';
  readonly tlsrptOrganization: string | null;
  readonly tlsrptContact: string | null;
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
  /** For all unfinished messages and requests. */
  readonly maxMemoryBytes: number;
}
