/**
 * The Received fields of a message as one path, newest first, and how far they can be trusted.
 *
 * Only what our own hosts wrote can be relied on; everything below it came with the message, so any of those
 * hops can be invented (postconf: "Only information that was recorded by the final destination can be
 * trusted"). This is for diagnosis: its result never improves a mark.
 *
 * Our own part begins at the top and ends with the hop at which the message arrived from elsewhere: the first
 * of our lines whose client is neither this host (loopback, a local submission) nor in the networks named as
 * ours. A line below that which says `by` our name came with the message, and is a claim like the rest.
 * Without `--host` our hosts are not known, so no part is ours.
 *
 * `internal` hops never crossed a network: loopback, sendmail(1), LMTP over a socket, qmail's notes to
 * itself. They are not unprotected. The address seen by the server decides; the name in `from` is the
 * client's claim, so `localhost` or the host's own name without an address is `unknown`. A private network is
 * a network: its hops count, and are labelled. `weak` hops were encrypted in a way that is known to be weak
 * (tlsClaim.ts): neither protected nor unprotected.
 */
import { canonicalDomain } from '../core/domain.ts';
import { inNetworks, LOOPBACK, type Network, parseNetwork } from '../core/network.ts';
import { parseReceived, type ReceivedField } from './receivedField.ts';

/** `protected` and `unprotected` are what the line says; `own` tells whether it can be trusted. */
export type Protection = 'protected' | 'weak' | 'unprotected' | 'internal' | 'unknown';

export interface Hop extends ReceivedField {
  /** 1 is the newest, the one on top of the message. */
  readonly number: number;
  /** Written by one of our hosts, so it is a fact and not a claim. */
  readonly own: boolean;
  /**
   * Says `by` one of our names and is not own: it came with the message, forged or from an earlier pass
   * through our hosts.
   */
  readonly claimsOurName: boolean;
  readonly protection: Protection;
  /** Between private addresses (RFC 1918, RFC 6598, RFC 4193, link-local). */
  readonly privateNetwork: boolean;
  /**
   * Seconds since the previous hop on the path; null when one of the two has no date. A negative value means
   * that a clock is wrong.
   */
  readonly delaySeconds: number | null;
}

export interface Chain {
  /** Newest first. */
  readonly hops: readonly Hop[];
  /** How many of them, counted from the top, our own hosts wrote. */
  readonly ownCount: number;
  /** The first one on the message's path (so the lowest) known to be unprotected; null when none is. */
  readonly firstUnprotected: Hop | null;
  /** The same among our own hops. */
  readonly ownUnprotected: Hop | null;
}

export interface OwnHosts {
  /** Names that our hosts write after `by`. */
  readonly names: readonly string[];
  /** Addresses from which our own hosts hand messages to each other. */
  readonly networks: readonly Network[];
}

function networks(...texts: string[]): readonly Network[] {
  return texts.map((text) => parseNetwork(text)!);
}

const PRIVATE = networks(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  'fe80::/10',
);

/** One spelling for a host name; anything that is not a domain name is compared in lower case. */
function hostKey(name: string): string {
  return canonicalDomain(name) ?? name.toLowerCase();
}

/** Did the message stay inside one host (or one mail system) at this hop, as far as that host could see? */
function isInternal(field: ReceivedField): boolean {
  if (field.carrier === 'store') return true;
  if (field.address !== '') return inNetworks(LOOPBACK, field.address);
  if (field.carrier === 'local') return true;
  // without an address, LMTP is the last step to a mailbox, over a socket
  return field.carrier === 'lmtp' && field.tls.encrypted !== 'yes';
}

/** Does the client call itself this host, and no address says whether it is? */
function saysInternal(field: ReceivedField): boolean {
  if (field.address !== '' || field.from === '') return false;
  return /^localhost(\.localdomain)?$/i.test(field.from) || hostKey(field.from) === hostKey(field.by);
}

function protectionOf(field: ReceivedField): Protection {
  if (isInternal(field)) return 'internal';
  if (field.tls.encrypted === 'yes') return field.tls.weakness === '' ? 'protected' : 'weak';
  return field.tls.encrypted === 'no' && !saysInternal(field) ? 'unprotected' : 'unknown';
}

/**
 * Did one of our hosts already have the message before this hop, so that the line below is ours too? Only
 * what our own host saw counts: an address, or its absence where there cannot be one. The name in `from` is
 * only the client's claim.
 */
function stayedWithUs(field: ReceivedField, hosts: OwnHosts): boolean {
  if (field.address !== '')
    return inNetworks(LOOPBACK, field.address) || inNetworks(hosts.networks, field.address);
  return field.carrier === 'lmtp';
}

type IsOwn = (field: ReceivedField | undefined) => boolean;

/** How many fields from the top our own hosts wrote. */
function countOwn(fields: readonly ReceivedField[], hosts: OwnHosts, isOwn: IsOwn): number {
  let count = 0;
  for (const [i, field] of fields.entries()) {
    // qmail's note has no "by"; it stands on top of the line of the same host
    const note = field.by === '' && field.carrier === 'local' && isOwn(fields[i + 1]);
    if (!note && !isOwn(field)) return count;
    count++;
    // what is below a local submission was written by its submitter
    if (!note && (field.carrier === 'local' || !stayedWithUs(field, hosts))) return count;
  }
  return count;
}

/** The path from the values of a message's Received fields, top first. Never throws. */
export function readChain(values: readonly string[], hosts: OwnHosts): Chain {
  const fields = values.map(parseReceived);
  const names = new Set(hosts.names.map(hostKey));
  const isOwn: IsOwn = (field) => field !== undefined && names.has(hostKey(field.by));
  const ownCount = countOwn(fields, hosts, isOwn);
  const hops = fields.map((field, i): Hop => {
    const before = fields[i + 1]?.timeMs ?? null;
    return {
      ...field,
      number: i + 1,
      own: i < ownCount,
      claimsOurName: i >= ownCount && isOwn(field),
      protection: protectionOf(field),
      privateNetwork: field.address !== '' && inNetworks(PRIVATE, field.address),
      delaySeconds:
        field.timeMs === null || before === null ? null : Math.round((field.timeMs - before) / 1000),
    };
  });
  const unprotected = hops.filter((hop) => hop.protection === 'unprotected');
  return {
    hops,
    ownCount,
    firstUnprotected: unprotected.at(-1) ?? null,
    ownUnprotected: unprotected.filter((hop) => hop.own).at(-1) ?? null,
  };
}
