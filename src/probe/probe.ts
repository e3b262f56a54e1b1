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
import { look, type Target } from './look.ts';
import { findOffers, type Offers } from './offers.ts';
import type { Sighting } from './sighting.ts';
import { Turns } from './turns.ts';

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
  /** Shared by probes that run one after another, or side by side. */
  readonly turns?: Turns;
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
  const { trust, ehloName, sni, floor, turns = new Turns() } = options;
  const seen: SeenAddress[] = [];
  const context = contextOf(trust);
  // with TLSA records the name that they are published for, after aliases (RFC 7672 section 2.2.3), as Postfix does
  const named = host.tlsa.kind === 'records' ? host.tlsa.name : host.name;
  const servername = named.startsWith('[') ? null : named;
  let offers = options.offers;
  for (const address of host.addresses) {
    const target = { address, port, ehloName, servername: null, context };
    // the host may have several addresses, and the address several names
    const turn = <T>(ms: number, work: () => Promise<T>): Promise<T> =>
      turns.take(host.name, ms, () => turns.take(address, ms, work));
    const see = (more: Partial<Target>): Promise<Sighting> =>
      turn(PAUSE_MS, () => look({ ...target, ...more }));
    const sighting = await see({});
    const { session } = sighting.reached.kind === 'tls' ? sighting.reached : { session: null };
    const asked = session !== null && servername !== null && (sni || host.tlsa.kind === 'records');
    const byName = asked ? await see({ servername }) : null;
    // suites of TLS 1.3 are not subject to a floor
    const floored =
      session !== null && floor !== null && session.protocol !== 'TLSv1.3'
        ? await see({ servername: sni ? servername : null, context: flooredContext(trust, floor) })
        : null;
    const tried =
      offers && session !== null
        ? await findOffers(trust, session.protocol, (other) =>
            turn(LONG_PAUSE_MS, () => look({ ...target, context: other })),
          )
        : null;
    if (tried !== null) offers = false;
    seen.push({ address, sighting, named: byName, floored, offers: tried });
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
