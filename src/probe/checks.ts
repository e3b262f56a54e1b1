/** What can be said about one address beside the steps of its connection, a line each: names, dates, records, offers. Pure. */
import type { StsPolicy } from '../core/publishedFacts.ts';
import { daysUntil } from './closing.ts';
import { type MtaRules, trustWords } from './judge.ts';
import { fittingName, wantedNames } from './names.ts';
import type { Offers } from './offers.ts';
import type { SeenAddress, SeenHost } from './probe.ts';
import type { Session } from './sighting.ts';
import { type TlsaMatch, tlsaText } from './tlsa.ts';

/** One line about one address; `ok` null: it says something, and cannot be right or wrong. */
export interface Check {
  readonly check: string;
  readonly ok: boolean | null;
  /** null: it took no time of its own. */
  readonly ms: number | null;
  readonly says: string;
}

interface CheckFacts {
  /** The domain, without brackets. */
  readonly nexthop: string;
  readonly rules: MtaRules;
  readonly sts: StsPolicy | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `session`: the one that counts, and `match` what its chain and the TLSA records come to; null: there is none. */
export function furtherChecks(
  { offers }: SeenAddress,
  session: Session | null,
  match: TlsaMatch | null,
  { name: hostName, tlsa }: SeenHost['host'],
  facts: CheckFacts,
): Check[] {
  const checks: Check[] = [];
  const say = (check: string, ok: boolean | null, says: string) => checks.push({ check, ok, ms: null, says });
  if (facts.sts !== null) {
    const { mx } = facts.sts;
    const pattern = mx.find((one) => fittingName([one], [hostName]) !== null);
    say('mta-sts', pattern !== undefined, pattern ?? `${hostName} is none of ${mx.join(' ')}`);
  }
  if (session === null) return checks;
  checks.push(...certificateChecks(session, hostName, facts));
  if (match !== null)
    say('tlsa', match.kind === 'match', match.kind === 'match' ? tlsaText(match.record) : match.why);
  else if (tlsa.kind === 'unknown') say('tlsa', null, tlsa.why);
  if (offers !== null) checks.push(versionsCheck(offers), weakCheck(offers));
  return checks;
}

function certificateChecks(
  { chain, distrust }: Session,
  hostName: string,
  { rules, nexthop, now }: CheckFacts,
): Check[] {
  const [leaf] = chain;
  const checks: Check[] = [];
  const say = (check: string, ok: boolean, says: string) => checks.push({ check, ok, ms: null, says });
  const issuer = leaf === undefined ? 'no certificate that can be read' : leaf.issuer;
  say('chain', distrust === '', distrust === '' ? issuer : `${trustWords(distrust)} (${issuer})`);
  for (const [level, words] of [
    ['verify', rules.verifyMatch],
    ['secure', rules.secureMatch],
  ] as const) {
    const wanted = wantedNames(words, hostName, nexthop);
    const name = fittingName(leaf?.names ?? [], wanted);
    const has = leaf?.names.slice(0, 10).join(' ') || 'none';
    const says = name ?? `wanted ${wanted.join(' or ')}, the certificate has ${has}`;
    say(`names for ${level}`, name !== null, says);
  }
  if (leaf === undefined) return checks;
  const until = Math.min(...chain.map(({ notAfter }) => notAfter));
  const day = new Date(until).toISOString().slice(0, 10);
  say('expiry', until > now, `${day} (${daysUntil(until, now)} days)`);
  return checks;
}

function versionsCheck({ versions }: Offers): Check {
  const of = (want: boolean | null): string[] =>
    Object.keys(versions).filter((name) => versions[name] === want);
  const [spoken, blind] = [of(true), of(null)];
  const old = spoken.includes('TLSv1') || spoken.includes('TLSv1.1');
  const untold = blind.length > 0 ? `; cannot be told: ${blind.join(' ')}` : '';
  const ok = old ? false : blind.length > 0 ? null : true;
  return { check: 'versions', ok, ms: null, says: `${spoken.join(' ')}${untold}` };
}

function weakCheck({ weak, notTried }: Offers): Check {
  const blind = notTried.length > 0 ? `; not tried: ${notTried.join(' ')}` : '';
  const says = `${weak === null ? 'cannot be told' : weak || 'none taken'}${blind}`;
  return { check: 'weak ciphers', ok: weak === null ? null : weak === '', ms: null, says };
}
