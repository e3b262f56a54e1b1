/**
 * What a probe saw and what it comes to, as one plain value: the JSON of `tlsward probe`, from which its text is
 * written, too. Pure. Texts may hold what a server said; whoever prints them escapes them.
 */
import type { StsPolicy } from '../core/publishedFacts.ts';
import { fingerprint } from './certificate.ts';
import { type MtaRules, pinsOf, trustWords } from './judge.ts';
import { LEVELS, type LevelDemand, plainDemand, type Verdict, verdictOf } from './levels.ts';
import { fittingName, wantedNames } from './names.ts';
import type { Probed, SeenAddress, SeenHost } from './probe.ts';
import type { Session } from './sighting.ts';
import { matchTlsa, type TlsaMatch, tlsaText } from './tlsa.ts';

/** One line about one address; `ok` null: it says something, and cannot be right or wrong. */
interface Check {
  readonly check: string;
  readonly ok: boolean | null;
  /** null: it took no time of its own. */
  readonly ms: number | null;
  readonly says: string;
}

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

interface LevelReport {
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
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function reportOf(facts: ReportFacts): ProbeReport {
  const { probed, rules, row, now, trust } = facts;
  const { destination, found } = probed;
  const levels = LEVELS.map((level) => levelReport(level, verdictOf(probed, plainDemand(level), rules, now)));
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
    hosts: probed.hosts.map((seen) => hostReport(seen, facts)),
    levels,
    row: own,
    closing: closingLine(levels, own, now, found.kind === 'hosts' ? found.more : 0),
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

/** One line: what holds today, what does not, and when what the row needs breaks. `more`: hosts not looked at. */
function closingLine(
  levels: readonly LevelReport[],
  row: ProbeReport['row'],
  now: number,
  more: number,
): string {
  const [first] = levels;
  const rest = more === 0 ? '' : `; ${more} more MX hosts were not looked at`;
  // the level that asks for nothing is first
  if (first !== undefined && isUntried(first))
    return `no server was reached: ${first.says}; that says nothing about TLS${rest}`;
  const named = (ends: LevelReport['ends']): string =>
    levels
      .filter((one) => one.ends === ends)
      .map(({ level, how, until }) => `${level}${plainWords(level, how)}${untilWords(until)}`)
      .join(', ');
  const [hold, wait, unknown] = [named('sent'), named('waits'), named('unknown')];
  const parts = [
    hold === '' ? 'no level holds today' : `today mail leaves at ${hold}`,
    ...(wait === '' ? [] : [`it waits at ${wait}`]),
    ...(unknown === '' ? [] : [`it cannot be told for ${unknown}`]),
  ];
  if (row !== null) parts.push(`by its row ${rowWords(row, now)}`);
  return `${parts.join('; ')}${rest}`;
}

/** A level that asks for TLS and does without it is not to be taken for one that had it. */
function plainWords(level: string, how: string): string {
  return how === 'plain' && level !== 'none' ? ' (in plaintext)' : '';
}

function untilWords(until: string | null): string {
  return until === null ? '' : ` (until ${until.slice(0, 10)})`;
}

function rowWords({ level, ends, how, code, says, until, host }: LevelReport, now: number): string {
  if (ends === 'waits') return `mail waits${level === '' ? '' : ` at ${level}`}, ${code} ${says}`;
  if (ends === 'unknown') return `it cannot be told for ${level}, ${says}`;
  if (until === null) return `${level} holds${plainWords(level, how)}`;
  const days = daysUntil(Date.parse(until), now);
  return `${level} holds until ${until.slice(0, 10)} (${days} days), when a certificate of ${host} expires`;
}

/** No server or no resolver answered: that says nothing about TLS. */
export function isUntried({ code }: { readonly code: string }): boolean {
  return code === '4.4.1' || code === '4.4.3';
}

/** Whole days, rounded down; negative when it is past. */
function daysUntil(at: number, now: number): number {
  return Math.floor((at - now) / 86_400_000);
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
  const { sighting, named } = seen;
  const shown = named?.reached.kind === 'tls' ? named : sighting;
  const session = shown.reached.kind === 'tls' ? shown.reached.session : null;
  const { tlsa } = host;
  const match =
    tlsa.kind === 'records' && session !== null
      ? matchTlsa(tlsa.records, session.chain, [tlsa.name, facts.probed.destination.name], facts.now)
      : null;
  return {
    address: seen.address,
    tlsa: match?.kind === 'match' ? tlsaText(match.record) : null,
    pins: pinsOf(session?.chain[0], facts.row?.pins ?? []),
    checks: [
      ...sighting.steps.map(({ step, ...rest }) => ({ check: step, ...rest })),
      ...judgements(seen, session, match, host, facts),
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

function judgements(
  seen: SeenAddress,
  session: Session | null,
  match: TlsaMatch | null,
  host: SeenHost['host'],
  facts: ReportFacts,
): Check[] {
  const { rules, probed, sts, now } = facts;
  const nexthop = probed.destination.name;
  const checks: Check[] = [];
  const say = (check: string, ok: boolean | null, says: string) => checks.push({ check, ok, ms: null, says });
  if (sts !== null) {
    const pattern = sts.mx.find((one) => fittingName([one], [host.name]) !== null);
    say('mta-sts', pattern !== undefined, pattern ?? `${host.name} is none of ${sts.mx.join(' ')}`);
  }
  if (session === null) return checks;
  const [leaf] = session.chain;
  const issuer = leaf === undefined ? 'no certificate that can be read' : leaf.issuer;
  say(
    'chain',
    session.distrust === '',
    session.distrust === '' ? issuer : `${trustWords(session.distrust)} (${issuer})`,
  );
  for (const [level, words] of [
    ['verify', rules.verifyMatch],
    ['secure', rules.secureMatch],
  ] as const) {
    const wanted = wantedNames(words, host.name, nexthop);
    const name = fittingName(leaf?.names ?? [], wanted);
    const has = leaf?.names.slice(0, 10).join(' ') ?? '';
    say(
      `names for ${level}`,
      name !== null,
      name ?? `wanted ${wanted.join(' or ')}, the certificate has ${has || 'none'}`,
    );
  }
  if (leaf !== undefined) {
    const until = Math.min(...session.chain.map(({ notAfter }) => notAfter));
    say(
      'expiry',
      until > now,
      `${new Date(until).toISOString().slice(0, 10)} (${daysUntil(until, now)} days)`,
    );
  }
  const { tlsa } = host;
  if (match !== null) {
    say('tlsa', match.kind === 'match', match.kind === 'match' ? tlsaText(match.record) : match.why);
  } else if (tlsa.kind === 'unknown') say('tlsa', null, tlsa.why);
  if (seen.offers !== null) {
    const { versions, weak, notTried } = seen.offers;
    const spoken = Object.keys(versions).filter((name) => versions[name] === true);
    say('versions', !spoken.some((name) => name === 'TLSv1' || name === 'TLSv1.1'), spoken.join(' '));
    const blind = notTried.length > 0 ? `; not tried: ${notTried.join(' ')}` : '';
    say(
      'weak ciphers',
      weak === null ? null : weak === '',
      `${weak === null ? 'cannot be told' : weak || 'none taken'}${blind}`,
    );
  }
  return checks;
}
