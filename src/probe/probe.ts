/**
 * Looks at the mail servers of one domain: finds the hosts, connects to each address, and says what each level would
 * come to. Nothing is sent to anyone.
 *
 * Manners: one connection to a host at a time, a pause between two; 4 hosts at once.
 */
import type { Resolver } from '../dns/resolver.ts';
import { excludingCiphers } from './ciphers.ts';
import { contextOf, type Trust } from './contexts.ts';
import { type Destination, findHosts, type MailHost, type MailHosts } from './hosts.ts';
import { look } from './look.ts';
import { findOffers, type Offers } from './offers.ts';
import type { Sighting } from './sighting.ts';

/** What a row demands of versions and ciphers. */
export interface Floor {
  /** null: any. */
  readonly minProtocol: string | null;
  readonly minBits: number;
  /** OpenSSL's words. */
  readonly exclude: readonly string[];
}

interface ProbeOptions {
  readonly resolver: Resolver;
  readonly trust: Trust;
  readonly ehloName: string;
  /** Also try versions and weak ciphers, on the first address of each host. */
  readonly offers: boolean;
  /** Connect with the host's name as SNI, too: an MTA-STS policy asks for it. TLSA records do by themselves. */
  readonly sni: boolean;
  /** Also connect as this row would; null: its floor is everybody's. */
  readonly floor: Floor | null;
}

/** One address and what its connections showed. */
export interface SeenAddress {
  readonly address: string;
  readonly sighting: Sighting;
  /** With SNI; null: not tried. */
  readonly named: Sighting | null;
  /** With the floor of the row; null: the same as the others. */
  readonly floored: Sighting | null;
  readonly offers: Offers | null;
}

export interface SeenHost {
  readonly host: MailHost;
  readonly addresses: readonly SeenAddress[];
}

/** What a probe saw. */
export interface Probed {
  readonly destination: Destination;
  readonly found: MailHosts;
  /** In the order of `found`. */
  readonly hosts: readonly SeenHost[];
}

const AT_ONCE = 4;
const PAUSE_MS = 250;
/** Between connections that only try versions and ciphers. */
const LONG_PAUSE_MS = 1000;

/** Never rejects because of what others do. */
export async function probe(destination: Destination, options: ProbeOptions): Promise<Probed> {
  const found = await findHosts(options.resolver, destination);
  if (found.kind !== 'hosts') return { destination, found, hosts: [] };
  const hosts: SeenHost[] = [];
  const waiting = [...found.hosts.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [i, host] = next;
      hosts[i] = { host, addresses: await seeHost(host, destination.port, options) };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { destination, found, hosts };
}

async function seeHost(host: MailHost, port: number, options: ProbeOptions): Promise<SeenAddress[]> {
  const { trust, ehloName, sni, floor } = options;
  const seen: SeenAddress[] = [];
  const context = contextOf(trust);
  let first = true;
  const pause = async (): Promise<void> => {
    if (!first) await rest(PAUSE_MS);
    first = false;
  };
  let offers = options.offers;
  for (const address of host.addresses) {
    const target = { address, port, ehloName, servername: null, context };
    await pause();
    const sighting = await look(target);
    const { reached } = sighting;
    let named: Sighting | null = null;
    let floored: Sighting | null = null;
    const servername = host.name.startsWith('[') ? null : host.name;
    if (reached.kind === 'tls' && servername !== null && (sni || host.tlsa.kind === 'records')) {
      await pause();
      named = await look({ ...target, servername });
    }
    const { session } = reached.kind === 'tls' ? reached : { session: null };
    // suites of TLS 1.3 are not subject to a floor
    if (session !== null && floor !== null && session.protocol !== 'TLSv1.3') {
      await pause();
      floored = await look({
        ...target,
        servername: sni ? servername : null,
        context: flooredContext(trust, floor),
      });
    }
    const tried =
      offers && session !== null
        ? await findOffers(target, trust, session.protocol, () => rest(LONG_PAUSE_MS))
        : null;
    if (tried !== null) offers = false;
    seen.push({ address, sighting, named, floored, offers: tried });
  }
  return seen;
}

function flooredContext(trust: Trust, { minProtocol, minBits, exclude }: Floor) {
  const least = minProtocol === 'TLSv1.1' || minProtocol === 'TLSv1.2' || minProtocol === 'TLSv1.3';
  return contextOf(trust, {
    minVersion: least ? minProtocol : 'TLSv1',
    ciphers: excludingCiphers(minBits, exclude),
  });
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
