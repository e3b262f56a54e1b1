/**
 * What one report says and where it goes, as DNS has it now: its TXT record, the MX hosts where sessions were counted from
 * deliveries (a smart host is none of the domain's), and the MTA-STS policy where servers were verified by name.
 */
import { gzipSync } from 'node:zlib';
import { matchNames } from '../../../deliver/auto.ts';
import type { Resolver } from '../../../dns/resolver.ts';
import type { StsOpening } from '../../../sts/addressFilter.ts';
import { fetchStsPolicy } from '../../../sts/fetch.ts';
import { MAX_POLICY_DOMAIN as MAX_STS_DOMAIN } from '../../../sts/record.ts';
import { lookUpStsTxt } from '../../../sts/txt.ts';
import { type Counted, merged } from '../dayAccount.ts';
import { type Chosen, chooseDestinations } from '../destinations.ts';
import { type Entry, ofServers, totalsOf, withSts } from '../plan.ts';
import { type Reporter, reportIdOf, reportJson } from '../reportJson.ts';
import { MAX_POLICY_DOMAIN, readTlsrptRecords, type TlsrptTxt } from '../txtRecord.ts';

export interface Lookups {
  readonly resolver: Resolver;
  readonly opening: StsOpening | null;
}

export interface Rules {
  readonly reporter: Reporter;
  readonly https: boolean;
  readonly isOwn: (domain: string) => boolean;
}

export type Prepared =
  /** Nobody wants it, or it says nothing. */
  | { readonly kind: 'none'; readonly why: string }
  /** A lookup failed. */
  | { readonly kind: 'later'; readonly why: string }
  | {
      readonly kind: 'ready';
      readonly domain: string;
      readonly id: string;
      readonly chosen: Chosen;
      readonly json: object;
      readonly successful: number;
      readonly failed: number;
    };

/** The record of a domain. Never rejects. */
export async function lookUpTlsrpt(
  resolver: Pick<Resolver, 'txt'>,
  domain: string,
): Promise<TlsrptTxt | { readonly kind: 'unknown'; readonly why: string }> {
  if (domain.length > MAX_POLICY_DOMAIN) return { kind: 'absent', why: '' };
  const found = await resolver.txt(`_smtp._tls.${domain}`);
  if (found.kind === 'unknown') return found;
  return readTlsrptRecords(found.kind === 'found' ? found.records : []);
}

/** `patient`: a policy that cannot be fetched is waited for. Never rejects. */
export async function prepare(
  { domain, policies }: Entry,
  day: string,
  rules: Rules,
  { resolver, opening }: Lookups,
  patient: boolean,
): Promise<Prepared> {
  const txt = await lookUpTlsrpt(resolver, domain);
  if (txt.kind === 'unknown') return { kind: 'later', why: txt.why };
  if (txt.kind === 'absent') return { kind: 'none', why: txt.why };
  let counted: readonly Counted[] = policies;
  if (policies.some(({ policy }) => policy.server !== '')) {
    const mx = await resolver.mx(domain);
    if (mx.kind === 'unknown') return { kind: 'later', why: mx.why };
    counted = ofServers(
      policies,
      mx.kind === 'absent' ? [domain] : mx.records.map(({ exchange }) => exchange),
    );
  }
  if (counted.some(({ policy }) => policy.type === 'secure')) {
    const sts = await stsOf(domain, resolver, opening);
    if (sts === 'unknown' && patient) return { kind: 'later', why: 'its MTA-STS policy cannot be fetched' };
    counted = merged(withSts(counted, sts === 'unknown' ? null : sts));
  }
  const totals = totalsOf(counted);
  if (totals.successful + totals.failed === 0)
    return { kind: 'none', why: 'no session was with an MX host of the domain' };
  const { reporter, https, isOwn } = rules;
  const chosen = chooseDestinations(txt.uris, { https, isOwn, domain });
  const json = reportJson(reporter, day, domain, counted) as object;
  return { kind: 'ready', domain, id: reportIdOf(reporter, day, domain), chosen, json, ...totals };
}

export function packed(json: object): Buffer {
  return gzipSync(Buffer.from(JSON.stringify(json)));
}

/** The policy that the domain publishes now; null: none. */
async function stsOf(
  domain: string,
  resolver: Resolver,
  opening: StsOpening | null,
): Promise<Parameters<typeof withSts>[1] | 'unknown'> {
  if (domain.length > MAX_STS_DOMAIN) return null;
  const txt = await lookUpStsTxt(resolver, domain);
  if (txt.kind === 'absent') return null;
  if (txt.kind === 'unknown') return 'unknown';
  const fetched = await fetchStsPolicy(domain, { resolver, opening });
  if (fetched.kind !== 'policy') return 'unknown';
  const { mx, lines } = fetched.policy;
  return { names: matchNames(mx), lines, mx };
}
