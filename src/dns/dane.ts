/**
 * DANE for SMTP: which of a domain's MX hosts publish usable TLSA records that are secured by DNSSEC.
 *
 * MX records, addresses and TLSA records are three lookups, and each must be signed for the next to count: an
 * unsigned MX answer or an unsigned host has no DANE, and then TLSA records are not even asked for, because
 * servers of unsigned zones too often fail to answer such questions (RFC 7672 section 2.2.2). A failed lookup
 * never counts as absence.
 *
 *   host          TLSA                                        counts as
 *   no address    -                                           not there: no mail can go to it
 *   unsigned      not asked (but see below)                   none
 *   signed        absent, or unsigned                         none
 *   signed        usage 2 or 3, selector 0 or 1, digest fits  usable, if one record is
 *   signed        others only                                 unusable: TLS is due, nothing to authenticate by
 *   any of the lookups failed                                unknown
 *
 * A host that is an alias has its records at the name it leads to, else at its own (section 2.2.3); an
 * unsigned chain of aliases may begin with a signed one, which is asked for, and then only the host's own
 * name counts.
 *
 *   hosts                                                     the domain
 *   some usable, some unknown                                 usable, some: Postfix waits for the unknown ones by itself
 *   some unknown, none usable                                 unknown
 *   all usable / some usable                                  usable, all / some
 *   all unusable                                              unusable
 *   some unusable, the rest none                              left to Postfix, which follows RFC 7672 host by host
 *   none of the first 20, and there are more                  left to Postfix: a later one may have records
 *   anything else                                             absent
 *
 * Limits: the 20 MX hosts with the lowest preference; when there are more, usable is never "all".
 * Sources: RFC 7672 sections 2.1 to 2.2.3 and 3.1, RFC 6698 section 2.1, RFC 7505 (null MX), RFC 5321 section
 * 5.1; Postfix `src/tls/tls_dane.c`, which decides alike.
 */
import type { DaneFact, PublishedQuestion } from '../core/publishedFacts.ts';
import type { LookupResult, MxRecord, Resolver, TlsaRecord } from './resolver.ts';

/** More than the five addresses per domain that Postfix tries by default. */
const MAX_HOSTS = 20;
const MIN_SECONDS = 30;
const MAX_SECONDS = 3600;
const UNKNOWN_SECONDS = 15;
/** Nothing was asked; the resolver may soon be fixed. */
const NOT_ASKED_SECONDS = 60;
const NO_RESOLVER = 'no trusted DNSSEC-validating resolver is configured';

export interface FoundDane {
  readonly fact: DaneFact;
  /** How long the fact may be kept: 15 when unknown, else 30..3600. */
  readonly ttlSeconds: number;
}

type Host =
  | { readonly kind: 'usable' | 'unusable' | 'none' | 'not-there' }
  | { readonly kind: 'unknown'; readonly why: string };

/** The shortest of the times for which the findings may be cached. */
class Ttl {
  seconds = MAX_SECONDS;

  see<Data>(lookup: LookupResult<Data>): LookupResult<Data> {
    if (lookup.kind !== 'unknown') this.seconds = Math.min(this.seconds, lookup.ttlSeconds);
    return lookup;
  }
}

/** Never rejects. */
export async function findDane(resolver: Resolver, question: PublishedQuestion): Promise<FoundDane> {
  if (!resolver.trusted) {
    return { fact: { kind: 'not-asked', why: NO_RESOLVER }, ttlSeconds: NOT_ASKED_SECONDS };
  }
  const ttl = new Ttl();
  const fact = await factOf(resolver, question, ttl);
  const ttlSeconds = fact.kind === 'unknown' ? UNKNOWN_SECONDS : Math.max(MIN_SECONDS, ttl.seconds);
  return { fact, ttlSeconds };
}

async function factOf(resolver: Resolver, question: PublishedQuestion, ttl: Ttl): Promise<DaneFact> {
  // records are for names: an address literal has none
  if (question.name.startsWith('[')) return { kind: 'absent' };
  const { name, port } = question;
  if (question.host) return fold([await tryHost(resolver, name, port, ttl)], false);
  const mx = ttl.see(await resolver.mx(name));
  if (mx.kind === 'unknown') return mx;
  // unsigned, whether present or not: an attacker who can forge DNS answers can choose the hosts
  if (!mx.secure) return { kind: 'absent' };
  if (mx.kind === 'absent') return fold([await tryHost(resolver, name, port, ttl)], false);
  const hosts = hostsOf(mx.records);
  const tried = hosts.slice(0, MAX_HOSTS);
  const found = await Promise.all(tried.map((host) => tryHost(resolver, host, port, ttl)));
  return fold(found, hosts.length > tried.length);
}

/** Each once, lowest preference first; empty for a null MX. */
function hostsOf(records: readonly MxRecord[]): string[] {
  const sorted = [...records].sort((one, other) => one.preference - other.preference);
  return [...new Set(sorted.map(({ exchange }) => exchange))].filter((exchange) => exchange !== '');
}

/** `more`: there are hosts that were not looked at. */
function fold(all: readonly Host[], more: boolean): DaneFact {
  const hosts = all.filter(({ kind }) => kind !== 'not-there');
  const usable = hosts.filter(({ kind }) => kind === 'usable').length;
  if (usable > 0) return { kind: 'usable', hosts: usable === hosts.length && !more ? 'all' : 'some' };
  const unknown = hosts.find((host) => host.kind === 'unknown');
  if (unknown !== undefined) return unknown;
  if (more) return { kind: 'not-asked', why: `there are more than ${MAX_HOSTS} MX hosts` };
  const unusable = hosts.filter(({ kind }) => kind === 'unusable').length;
  if (unusable === 0) return { kind: 'absent' };
  if (unusable === hosts.length) return { kind: 'unusable' };
  return { kind: 'not-asked', why: 'some of the MX hosts have TLSA records, none of which can be used' };
}

async function tryHost(resolver: Resolver, host: string, port: number, ttl: Ttl): Promise<Host> {
  const found = await lookUpHost(resolver, host, port, ttl);
  if (found.kind !== 'records') return found;
  return { kind: found.records.some(isUsable) ? 'usable' : 'unusable' };
}

/** What one host publishes: the records of a signed name, or none that count. */
export type HostTlsa =
  | { readonly kind: 'records'; readonly records: readonly TlsaRecord[]; readonly name: string }
  | { readonly kind: 'none' | 'not-there' }
  | { readonly kind: 'unknown'; readonly why: string };

/** The TLSA records of one host as they count for a delivery to it, whatever led there. Never rejects. */
export async function findHostTlsa(resolver: Resolver, host: string, port: number): Promise<HostTlsa> {
  if (!resolver.trusted) return { kind: 'unknown', why: NO_RESOLVER };
  return host.startsWith('[') ? { kind: 'none' } : await lookUpHost(resolver, host, port, new Ttl());
}

/** `name`: of the host that the records are for, after aliases. */
async function lookUpHost(resolver: Resolver, host: string, port: number, ttl: Ttl): Promise<HostTlsa> {
  const addresses = ttl.see(await resolver.addresses(host));
  if (addresses.kind === 'unknown') return addresses;
  if (addresses.kind === 'absent') return { kind: 'not-there' };
  const isAlias = addresses.name !== host;
  const names = isAlias && addresses.secure ? [addresses.name, host] : [host];
  if (!addresses.secure) {
    if (!isAlias) return { kind: 'none' };
    const alias = ttl.see(await resolver.cname(host));
    if (alias.kind === 'unknown') return alias;
    if (!alias.secure) return { kind: 'none' };
  }
  for (const name of names) {
    const tlsa = ttl.see(await resolver.tlsa(`_${port}._tcp.${name}`));
    if (tlsa.kind === 'unknown') return tlsa;
    if (tlsa.kind === 'absent' || !tlsa.secure) continue;
    return { kind: 'records', records: tlsa.records, name };
  }
  return { kind: 'none' };
}

/** Can the record authenticate an SMTP server? PKIX usages 0 and 1 cannot: RFC 7672 section 3.1.3. */
export function isUsable({ usage, selector, matching, data }: TlsaRecord): boolean {
  if (usage !== 2 && usage !== 3) return false;
  if (selector !== 0 && selector !== 1) return false;
  switch (matching) {
    case 0:
      return data.length > 0;
    case 1:
      return data.length === 32;
    case 2:
      return data.length === 64;
    default:
      return false;
  }
}
