/**
 * The keys of `[service]` that are limits, one entry for each, in the order of the reference.
 *
 * The largest value of a limit on what comes from a peer is also the largest for which one message holds the
 * process for no more than 50 ms (test/daemon/held.test.ts).
 */
import { AT_START, key, type TypedKey } from './key.ts';
import { bytes, milliseconds, wholeNumber } from './serviceValues.ts';

export const LIMIT_KEYS = {
  maxConnections: key(
    'max-connections',
    '20000',
    'open connections of all MTAs; reduced where the limit of open files is too low',
    wholeNumber(1, 1_000_000),
  ),
  maxConnectionsPerClient: key(
    'max-connections-per-client',
    '1000',
    'open connections from one IP address',
    wholeNumber(1, 1_000_000),
  ),
  // Postfix keeps a policy connection for up to 1000 s (smtpd_policy_service_max_ttl), and Postfix must be
  // the side that closes it
  idleTimeoutMs: key(
    'idle-timeout',
    '3600',
    'time without a request after which a connection is closed; more than 1000 s',
    milliseconds(1001, 604_800),
  ),
  requestTimeoutMs: key(
    'request-timeout',
    '30',
    'time from the first byte of a request to its last',
    milliseconds(1, 3600),
  ),
  maxRequestBytes: key(
    'max-request',
    '65536',
    'size of one policy request',
    bytes(1024, 1024 * 1024),
    AT_START,
  ),
  maxAttributes: key(
    'max-attributes',
    '200',
    'attributes of one policy request',
    wholeNumber(50, 10_000),
    AT_START,
  ),
  // a body chunk of 64 KiB and its command must fit
  maxPacketBytes: key(
    'max-packet',
    '1048577',
    'size of one milter packet',
    bytes(65_537, 4 * 1024 * 1024),
    AT_START,
  ),
  maxRecipients: key(
    'max-recipients',
    '10000',
    'recipients of one message',
    wholeNumber(1, 1_000_000),
    AT_START,
  ),
  // the largest packet, body and header of one message must fit
  maxMemoryBytes: key(
    'max-memory',
    '256M',
    'memory for unfinished messages, requests and unread answers of all connections; beyond it the ' +
      'connection that holds the most is closed',
    bytes(24 * 1024 * 1024, 64 * 1024 * 1024 * 1024),
  ),
  shutdownTimeoutMs: key(
    'shutdown-timeout',
    '25',
    'time to finish the transactions in progress when the daemon stops',
    milliseconds(0, 3600),
  ),
  recentVerdicts: key(
    'recent-verdicts',
    '4096',
    'verdicts kept for `tlsward lookup`',
    wholeNumber(0, 1_000_000),
    AT_START,
  ),
  recentVerdictsBytes: key(
    'recent-verdicts-size',
    '16M',
    'memory for these verdicts; beyond it the oldest are dropped',
    bytes(65_536, 1024 * 1024 * 1024),
    AT_START,
  ),
} satisfies Record<string, TypedKey<number>>;
