/** Domains by what their mail used: in plaintext, always under TLS, under old protocols and ageing ciphers. Pure. */
import type { Way } from '../tally/counts.ts';
import type { CipherTally, LastRow, PartnerTally, Tallies } from '../tally/tallies.ts';
import type { PlainDomain, ReadyDomain, WeakSession } from './report.ts';
import type { StandingTable } from './standing.ts';
import { byDomain, LEAST_DAYS, LEAST_MESSAGES, type Suggestion } from './suggestions.ts';
import { sum } from './words.ts';

type Asked = (way: Way) => boolean;

/** The most plaintext first. */
export function plainDomains(
  { partners }: Tallies,
  table: StandingTable | null,
  asked: Asked,
): PlainDomain[] {
  const found: PlainDomain[] = [];
  for (const [domain, { in: came, out: went }] of byDomain(partners.filter(({ way }) => asked(way)))) {
    const plain = { in: came?.plain ?? 0, out: went?.plain ?? 0 };
    if (plain.in + plain.out === 0) continue;
    const all = (came === undefined ? 0 : sum(came)) + (went === undefined ? 0 : sum(went));
    const last = [came?.lastPlain ?? '', went?.lastPlain ?? ''].sort().at(-1)!;
    const share = (plain.in + plain.out) / all;
    found.push({ domain, ...plain, share, last, row: rowWords(domain, came, went, table) });
  }
  return found.sort((a, b) => b.in + b.out - (a.in + a.out) || (a.domain < b.domain ? -1 : 1));
}

/** `.gov.example encrypt`, of the table that can be read, else of the records. */
function rowWords(
  domain: string,
  came: PartnerTally | undefined,
  went: PartnerTally | undefined,
  table: StandingTable | null,
): string {
  if (table !== null) {
    const row = table.rowOf(domain);
    return row === null ? '' : `${row.pattern} ${row.settings.receive}`;
  }
  const row: LastRow | null = came?.row ?? went?.row ?? null;
  return row === null || row.pattern === '' ? '' : `${row.pattern} ${row.level}`;
}

/**
 * Domains of which no row requires what always happens. `suggestions`: what the table could demand; null: it is not known,
 * and those are named whose mail met no requirement.
 */
export function readyDomains(
  tallies: Tallies,
  suggestions: readonly Suggestion[] | null,
  asked: Asked,
): ReadyDomain[] {
  if (suggestions !== null)
    return suggestions.flatMap(({ kind, pattern, raise, weakest, in: came, out: went }) =>
      kind !== 'require' || weakest === null
        ? []
        : [
            {
              domain: pattern,
              in: came,
              out: went,
              weakest,
              receive: raise.receive ?? '',
              deliver: deliverWords(raise),
            },
          ],
    );
  const found: ReadyDomain[] = [];
  for (const [domain, both] of byDomain(tallies.partners)) {
    const ways = (['in', 'out'] as const).flatMap((way) => (both[way] === undefined ? [] : [both[way]]));
    const bad = ways.some((one) => one.required !== null || one.weakest === null || one.weakest === 'older');
    const lost = ways.some((one) => one.plain + one.unknown + one.older + one.refused + one.putOff > 0);
    const failed = ways.some((one) => one.returned + one.waiting > 0);
    const enough = (way: Way): boolean =>
      asked(way) &&
      tallies.recordedDays[way] >= LEAST_DAYS &&
      both[way] !== undefined &&
      sum(both[way]) >= LEAST_MESSAGES;
    if (bad || lost || failed || !(enough('in') || enough('out'))) continue;
    found.push({
      domain,
      in: both.in === undefined ? 0 : sum(both.in),
      out: both.out === undefined ? 0 : sum(both.out),
      weakest: ways.some(({ weakest }) => weakest === 'tls12') ? 'tls12' : 'tls13',
      receive: enough('in') ? 'encrypt' : '',
      deliver: '',
    });
  }
  return found.sort((a, b) => b.in + b.out - (a.in + a.out));
}

function deliverWords(raise: Suggestion['raise']): string {
  const floor = raise['deliver-floor'];
  return floor === undefined ? (raise.deliver ?? '') : `auto, at least ${floor}`;
}

/** Why a protocol or a cipher is named; '' when there is nothing to say. By the names that OpenSSL gives. */
function weakness(protocol: string, cipher: string): string {
  if (/^SSL/.test(protocol)) return 'SSL is broken';
  if (/^TLSv1(?:\.1)?$/.test(protocol)) return 'older than TLS 1.2, which RFC 8996 ends';
  if (/NULL/.test(cipher)) return 'no encryption at all';
  if (/EXP|^(?:ADH|AECDH)-|RC4|RC2|DES|MD5|SEED|IDEA/.test(cipher))
    return /^(?:ADH|AECDH)-/.test(cipher)
      ? 'no certificate: anyone on the way can answer'
      : 'a broken cipher';
  if (protocol === 'TLSv1.2' && !/^(?:TLS_)?(?:EC)?DHE[-_]/.test(cipher)) return 'no forward secrecy';
  if (protocol === 'TLSv1.2' && !/GCM|CCM|CHACHA20/.test(cipher)) return 'CBC mode';
  return '';
}

/** Older protocols first, then by how many messages. */
export function weakSessions({ ciphers }: Tallies, asked: Asked): WeakSession[] {
  const found = new Map<string, CipherTally[]>();
  for (const one of ciphers) {
    if (!asked(one.way) || weakness(one.protocol, one.cipher) === '') continue;
    const key = `${one.protocol} ${one.cipher}`;
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  const all = [...found.values()].map((ways): WeakSession => {
    const { protocol, cipher } = ways[0]!;
    const of = (way: Way): number => ways.find((one) => one.way === way)?.count ?? 0;
    const counts = new Map<string, number>();
    for (const { domains } of ways)
      for (const { domain, count } of domains) counts.set(domain, (counts.get(domain) ?? 0) + count);
    const domains = [...counts].sort((a, b) => b[1] - a[1]).map(([domain]) => domain);
    return {
      protocol,
      cipher,
      in: of('in'),
      out: of('out'),
      domains,
      otherDomains: Math.max(0, ...ways.map(({ otherDomains }) => otherDomains)),
      why: weakness(protocol, cipher),
    };
  });
  const age = ({ protocol }: WeakSession): number =>
    protocol === 'TLSv1.2' || protocol === 'TLSv1.3' ? 1 : 0;
  return all.sort((a, b) => age(a) - age(b) || b.in + b.out - (a.in + a.out));
}
