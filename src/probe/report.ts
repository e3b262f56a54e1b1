/**
 * What a probe saw and what it comes to, as one plain value: the JSON of `tlsward probe`, from which its text is
 * written, too. Pure. Texts may hold what a server said; whoever prints them escapes them.
 */
import type { StsPolicy } from '../core/publishedFacts.ts';
import { fingerprint } from './certificate.ts';
import { type Check, furtherChecks } from './checks.ts';
import { closingLine, loopWords } from './closing.ts';
import { type MtaRules, pinsOf } from './judge.ts';
import { LEVELS, type LevelDemand, plainDemand, type Verdict, verdictOf } from './levels.ts';
import type { Probed, SeenAddress, SeenHost } from './probe.ts';
import { matchTlsa, tlsaText } from './tlsa.ts';

interface CertificateReport {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** SHA-256 of the certificate and of its key, as Postfix writes fingerprints. */
  readonly sha256: string;
  readonly keySha256: string;
}

export interface AddressReport {
  readonly address: string;
  /** Is it this host's own, at the port at which Postfix sends nothing to itself? */
  readonly own: boolean;
  readonly checks: readonly Check[];
  readonly protocol: string | null;
  readonly cipher: string | null;
  readonly chain: readonly CertificateReport[];
  /** The TLSA record that matches; null: none. */
  readonly tlsa: string | null;
  /** Pins of the row that match. */
  readonly pins: readonly { readonly digest: string; readonly of: 'certificate' | 'key' }[];
}

interface HostReport {
  readonly host: string;
  readonly preference: number;
  readonly trouble: string;
  /** `3 1 1 0123456789abcdef...`; what counts for a delivery. */
  readonly tlsa: readonly string[];
  readonly addresses: readonly AddressReport[];
}

export interface LevelReport {
  readonly level: string;
  readonly ends: 'sent' | 'waits' | 'unknown';
  /** `plain`, `untrusted`, `trusted`, `verified`; '' when it is not sent. */
  readonly how: string;
  /** RFC 3463; '' unless it waits. */
  readonly code: string;
  readonly says: string;
  /** The host that decides; '' when none does. */
  readonly host: string;
  /** When a certificate on which it rests expires; null: on none. */
  readonly until: string | null;
  /** Hosts or addresses of the same rank would end otherwise. */
  readonly varies: boolean;
}

/** The row of the table, as Postfix is told by it. */
export interface RowDemand {
  /** `deliver = auto`; `no row`. */
  readonly says: string;
  /** What it demands; null: the daemon would not answer, and mail waits. */
  readonly demand: LevelDemand | null;
  readonly why: string;
  /** `fingerprint` of the row. */
  readonly pins: readonly string[];
}

export interface ProbeReport {
  readonly target: string;
  readonly port: number;
  readonly at: string;
  readonly mx: { readonly kind: string; readonly why: string; readonly more: number };
  readonly trust: string;
  readonly hosts: readonly HostReport[];
  readonly levels: readonly LevelReport[];
  readonly row: (LevelReport & { readonly row: string }) | null;
  readonly closing: string;
}

interface ReportFacts {
  readonly probed: Probed;
  readonly rules: MtaRules;
  readonly sts: StsPolicy | null;
  readonly row: RowDemand | null;
  /** Where the trusted CAs are from. */
  readonly trust: string;
  /** Is an address one of this host's? */
  readonly isOwn: (address: string) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The port at which Postfix looks for loops. */
const SMTP = 25;

export function reportOf(facts: ReportFacts): ProbeReport {
  const { probed, rules, row, now, trust } = facts;
  const { destination, found } = probed;
  const levels = LEVELS.map((level) => levelReport(level, verdictOf(probed, plainDemand(level), rules, now)));
  const hosts = probed.hosts.map((seen) => hostReport(seen, facts));
  const own = row === null ? null : { ...rowReport(row, facts), row: row.says };
  return {
    target: destination.name,
    port: destination.port,
    at: new Date(now).toISOString(),
    mx: {
      kind: found.kind === 'hosts' ? found.mx : found.kind,
      why: found.kind === 'unknown' ? found.why : '',
      more: found.kind === 'hosts' ? found.more : 0,
    },
    trust,
    hosts,
    levels,
    row: own,
    closing: `${closingLine(levels, own, now, found.kind === 'hosts' ? found.more : 0)}${loopWords(hosts)}`,
  };
}

function rowReport({ demand, why }: RowDemand, { probed, rules, now }: ReportFacts): LevelReport {
  if (demand !== null) return levelReport(demand.level, verdictOf(probed, demand, rules, now));
  // without a host Postfix does not come so far as to ask
  if (probed.found.kind !== 'hosts')
    return levelReport('', verdictOf(probed, plainDemand('may'), rules, now));
  const outcome = { kind: 'waits', code: '4.7.5', why } as const;
  return levelReport('', { outcome, host: '', address: '', until: null, varies: false });
}

function levelReport(level: string, { outcome, host, until, varies }: Verdict): LevelReport {
  return {
    level,
    ends: outcome.kind,
    how: outcome.kind === 'sent' ? outcome.how : '',
    code: outcome.kind === 'waits' ? outcome.code : '',
    says: outcome.kind === 'sent' ? outcome.by : outcome.why,
    host,
    until: until === null ? null : new Date(until).toISOString(),
    varies,
  };
}

function hostReport({ host, addresses }: SeenHost, facts: ReportFacts): HostReport {
  const { tlsa } = host;
  return {
    host: host.name,
    preference: host.preference,
    trouble: host.trouble,
    tlsa: tlsa.kind === 'records' ? tlsa.records.map(tlsaText) : [],
    addresses: addresses.map((seen) => addressReport(seen, host, facts)),
  };
}

function addressReport(seen: SeenAddress, host: SeenHost['host'], facts: ReportFacts): AddressReport {
  const { probed, rules, sts, now } = facts;
  const nexthop = probed.destination.name;
  const { sighting, named } = seen;
  const shown = named?.reached.kind === 'tls' ? named : sighting;
  const session = shown.reached.kind === 'tls' ? shown.reached.session : null;
  const { tlsa } = host;
  const match =
    tlsa.kind === 'records' && session !== null
      ? matchTlsa(tlsa.records, session.chain.slice(0, session.shown), [tlsa.name, nexthop], now)
      : null;
  return {
    address: seen.address,
    own: probed.destination.port === SMTP && facts.isOwn(seen.address),
    tlsa: match?.kind === 'match' ? tlsaText(match.record) : null,
    pins: pinsOf(session?.chain[0], facts.row?.pins ?? []),
    checks: [
      ...sighting.steps.map(({ step, ...rest }) => ({ check: step, ...rest })),
      ...furtherChecks(seen, session, match, host, { nexthop, rules, sts, now }),
    ],
    protocol: session?.protocol ?? null,
    cipher: session?.cipher ?? null,
    chain:
      session?.chain.map(({ subject, issuer, names, notBefore, notAfter, der, key }) => ({
        subject,
        issuer,
        names,
        notBefore: new Date(notBefore).toISOString(),
        notAfter: new Date(notAfter).toISOString(),
        sha256: fingerprint(der, 'sha256'),
        keySha256: fingerprint(key, 'sha256'),
      })) ?? [],
  };
}
