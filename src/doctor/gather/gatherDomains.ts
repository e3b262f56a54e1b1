/** What the domains of this host publish: MX, MTA-STS, TLSRPT and TLSA, with a time limit. */
import { canonicalDomain } from '../../core/domain.ts';
import type { DnsServer } from '../../dns/exchange.ts';
import { systemServers } from '../../dns/resolvConf.ts';
import type { LookupResult, Resolver, TlsaRecord } from '../../dns/resolver.ts';
import { StubResolver } from '../../dns/stubResolver.ts';
import { listOf } from '../../mta/listValue.ts';
import { type PostfixConfig, valueFor } from '../../mta/postfixConfig.ts';
import type { StsOpening } from '../../sts/addressFilter.ts';
import { fetchStsPolicy } from '../../sts/fetch.ts';
import { lookUpStsTxt } from '../../sts/txt.ts';
import { type DomainFacts, type Known, known, unknown } from '../facts.ts';

/** Domains that are looked up; a host may have thousands. */
const MAX_DOMAINS = 5;
const MAX_HOSTS = 5;
const TIMES = { attemptMs: 1500, totalMs: 4000 };
const FETCH_MS = 6000;

const DOMAIN_LISTS = ['mydestination', 'virtual_mailbox_domains', 'virtual_alias_domains', 'relay_domains'];

/** Domains that main.cf names itself, tables left out; the host's own names are none. */
export function ownDomains(config: PostfixConfig, configured: readonly string[]): string[] {
  const host = valueFor(config, 'myhostname').toLowerCase();
  const named = DOMAIN_LISTS.flatMap((name) => listOf(valueFor(config, name)));
  const domains = [...configured.filter((name) => !name.startsWith('.')), ...named].flatMap((text) => {
    const domain = /[:/{}[\]!]/.test(text) ? null : canonicalDomain(text);
    const own = domain === null || domain === host || /(?:^|\.)(?:localhost|localdomain)$/.test(domain);
    return own || !domain.includes('.') ? [] : [domain];
  });
  return [...new Set(domains)].slice(0, MAX_DOMAINS);
}

interface Asked {
  /** Trusted servers; empty: those of the system. */
  readonly servers: readonly DnsServer[];
  readonly opening: StsOpening | null;
}

/** `host`: `myhostname`, whose TLSA records are looked up where it is an MX. Never rejects. */
export async function gatherDomains(
  domains: readonly string[],
  { servers, opening }: Asked,
): Promise<DomainFacts[]> {
  if (domains.length === 0) return [];
  const trusted = servers.length > 0;
  const resolver = new StubResolver({
    servers: trusted ? servers : await systemServers(),
    trusted,
    ...TIMES,
  });
  try {
    return await Promise.all(domains.map((domain) => gatherDomain(resolver, domain, opening)));
  } finally {
    resolver.close();
  }
}

async function gatherDomain(
  resolver: Resolver,
  domain: string,
  opening: StsOpening | null,
): Promise<DomainFacts> {
  const [mx, sts, tlsrpt] = await Promise.all([
    resolver.mx(domain),
    gatherSts(resolver, domain, opening),
    gatherTlsrpt(resolver, domain),
  ]);
  const hosts =
    mx.kind === 'found' ? mx.records.map(({ exchange }) => exchange).filter((host) => host !== '') : [];
  const tlsa = new Map<string, LookupResult<TlsaRecord>>();
  await Promise.all(
    [...new Set(hosts)].slice(0, MAX_HOSTS).map(async (host) => {
      tlsa.set(host, await resolver.tlsa(`_25._tcp.${host}`));
    }),
  );
  return { domain, mx, sts, tlsrpt, tlsa };
}

async function gatherSts(
  resolver: Resolver,
  domain: string,
  opening: StsOpening | null,
): Promise<DomainFacts['sts']> {
  const record = await lookUpStsTxt(resolver, domain);
  if (record.kind === 'unknown') return unknown(record.why);
  if (record.kind === 'absent') return known(null);
  const fetched = await fetchStsPolicy(domain, { resolver, opening, deadlineMs: FETCH_MS });
  if (fetched.kind !== 'policy')
    return unknown(
      `there is a record, and its policy ${fetched.kind === 'failed' ? fetched.why : 'was not fetched'}`,
    );
  const { mode, mx } = fetched.policy;
  return known({ id: record.id, mode, mx });
}

async function gatherTlsrpt(resolver: Resolver, domain: string): Promise<Known<boolean>> {
  const answer = await resolver.txt(`_smtp._tls.${domain}`);
  if (answer.kind === 'unknown') return unknown(answer.why);
  const records =
    answer.kind === 'found' ? answer.records.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text)) : [];
  // more than one counts as none (RFC 8460 section 3)
  return known(records.length === 1);
}
