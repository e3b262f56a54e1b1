/**
 * What Postfix does at a level with a server that was seen: sends, and how the log calls it, or lets the mail wait, and
 * with which code. Pure.
 *
 *   seen                  none   may      encrypt  verify, secure  fingerprint  dane with TLSA records
 *   no STARTTLS           plain  plain    4.7.4    4.7.4           4.7.4        4.7.4
 *   STARTTLS refused      plain  plain    its own  its own         its own      its own
 *   handshake failed      plain  4.7.5    4.7.5    4.7.5           4.7.5        4.7.5
 *   TLS                   plain  sent     sent     chain + name    digest       match
 *
 * `dane` without TLSA records is `may`, with records that cannot be used `encrypt`; `dane-only` waits for both. Over MX
 * records that are not signed, `dane` is what smtp_tls_dane_insecure_mx_policy says (by default `may` in 3.7, `dane` in
 * 3.10), and a match then counts as `trusted` only.
 *
 * A handshake that fails at `may` makes the mail wait first; once it is older than minimal_backoff_time it goes in
 * plaintext.
 * Sources: Postfix `src/smtp/smtp_tls_policy.c`, dane_init(); `src/smtp/smtp_proto.c`, smtp_helo() and
 * smtp_start_tls(); `src/smtp/smtp_connect.c`.
 */
import type { AnsweredLevel } from '../core/settings.ts';
import { isUsable } from '../dns/dane.ts';
import { type Certificate, fingerprint } from './certificate.ts';
import type { MailHost, MailHosts } from './hosts.ts';
import { fittingName, wantedNames } from './names.ts';
import { replyText, statusOf } from './reply.ts';
import type { Session, Sighting } from './sighting.ts';
import { matchTlsa, tlsaText } from './tlsa.ts';

export type Outcome =
  /** As Postfix calls the connection; `plain` without TLS. `by`: what vouches for the server, for a person. */
  | {
      readonly kind: 'sent';
      readonly how: 'plain' | 'untrusted' | 'trusted' | 'verified';
      readonly by: string;
    }
  /** `code`: RFC 3463. `why` may hold foreign text. */
  | { readonly kind: 'waits'; readonly code: string; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** What is asked of a server. */
export interface Demand {
  readonly level: AnsweredLevel;
  /** Names for `verify` and `secure`, digests for `fingerprint`; empty: Postfix's own rule. */
  readonly match: readonly string[];
}

/** Of addresses. */
export type Family = 'ipv4' | 'ipv6';

/** What Postfix is told by main.cf, as far as it matters here. */
export interface MtaRules {
  readonly verifyMatch: readonly string[];
  readonly secureMatch: readonly string[];
  /** smtp_tls_dane_insecure_mx_policy */
  readonly insecureMx: 'may' | 'encrypt' | 'dane';
  /** smtp_dns_support_level = dnssec */
  readonly dnssec: boolean;
  /** inet_protocols */
  readonly families: readonly Family[];
  /** smtp_address_preference; null: `any` */
  readonly first: Family | null;
}

export interface Question {
  readonly demand: Demand;
  readonly host: MailHost;
  readonly mx: Extract<MailHosts, { kind: 'hosts' }>['mx'];
  /** The next hop's domain or host, without brackets and port. */
  readonly nexthop: string;
  readonly rules: MtaRules;
  /** Without SNI, and with the host's name, where DANE or an MTA-STS policy asks for it. */
  readonly sighting: Sighting;
  readonly named: Sighting | null;
  /** Does the demand send the host's name (`servername=hostname`)? */
  readonly sni: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Effective =
  | { readonly kind: 'level'; readonly level: AnsweredLevel }
  | { readonly kind: 'tlsa' }
  | Extract<Outcome, { kind: 'waits' | 'unknown' }>;

export function judge(question: Question): Outcome {
  const { demand, sighting, named, sni } = question;
  const effective = effectiveLevel(question);
  if (effective.kind === 'waits' || effective.kind === 'unknown') return effective;
  const dane = effective.kind === 'tlsa';
  const level = dane ? 'dane-only' : effective.level;
  const seen = ((dane || sni) && level !== 'may' && level !== 'none' ? named : null) ?? sighting;
  const { reached } = seen;
  switch (reached.kind) {
    case 'unreachable':
      return { kind: 'waits', code: '4.4.1', why: reached.why };
    case 'broken':
      return { kind: 'waits', code: '4.4.2', why: reached.why };
    case 'unwilling':
      return { kind: 'waits', code: statusOf(reached.reply), why: `it says ${replyText(reached.reply)}` };
    case 'plain':
      if (level === 'none' || level === 'may') return PLAIN;
      return { kind: 'waits', code: '4.7.4', why: 'TLS is required, but was not offered' };
    case 'refused':
      if (level === 'none' || level === 'may') return PLAIN;
      return {
        kind: 'waits',
        code: statusOf(reached.reply),
        why: `TLS is required, but it refused STARTTLS: ${replyText(reached.reply)}`,
      };
    case 'failed':
      if (level === 'none') return PLAIN;
      return {
        kind: 'waits',
        code: '4.7.5',
        why: `the handshake fails: ${reached.why}${level === 'may' ? '; later the mail goes in plaintext' : ''}`,
      };
    case 'tls':
      if (level === 'none') return PLAIN;
      return dane ? byTlsa(question, reached.session) : byLevel(level, demand, question, reached.session);
  }
}

const PLAIN: Outcome = { kind: 'sent', how: 'plain', by: '' };

/** What `dane` and `dane-only` come to for this host; other levels are themselves. */
function effectiveLevel({ demand: { level }, host, mx, rules }: Question): Effective {
  if (level !== 'dane' && level !== 'dane-only') return { kind: 'level', level };
  const only = level === 'dane-only';
  const waits = (why: string): Effective => ({ kind: 'waits', code: '4.7.5', why });
  if (!rules.dnssec)
    return only
      ? waits('Postfix does not ask for DNSSEC (smtp_dns_support_level)')
      : { kind: 'level', level: 'may' };
  if (mx === 'unsigned' && only) return waits('the MX records are not signed by DNSSEC');
  if (mx === 'unsigned' && rules.insecureMx === 'may') return { kind: 'level', level: 'may' };
  const { tlsa } = host;
  switch (tlsa.kind) {
    case 'unknown':
      return { kind: 'unknown', why: `the TLSA records of ${host.name}: ${tlsa.why}` };
    case 'none':
    case 'not-there':
      return only ? waits('no TLSA records found') : { kind: 'level', level: 'may' };
    case 'records':
      if (!tlsa.records.some(isUsable))
        return only ? waits('no TLSA record can be used') : { kind: 'level', level: 'encrypt' };
      return mx === 'unsigned' && rules.insecureMx === 'encrypt'
        ? { kind: 'level', level: 'encrypt' }
        : { kind: 'tlsa' };
  }
}

function byTlsa({ host, nexthop, now, mx }: Question, session: Session): Outcome {
  const { tlsa } = host;
  if (tlsa.kind !== 'records') return { kind: 'unknown', why: 'no TLSA records' };
  const names = mx === 'unsigned' ? [tlsa.name] : [tlsa.name, nexthop];
  // a trust anchor counts if the server sent it (RFC 7672 section 3.1.2), and not because this host has it
  const sent = session.chain.slice(0, session.shown);
  const match = matchTlsa(tlsa.records.filter(isUsable), sent, names, now);
  // over MX records that anyone can have forged it authenticates the host, and not the way there
  const how = mx === 'unsigned' ? 'trusted' : 'verified';
  if (match.kind === 'match') return { kind: 'sent', how, by: `TLSA ${tlsaText(match.record)}` };
  return { kind: 'waits', code: '4.7.5', why: `server certificate not trusted: ${match.why}` };
}

function byLevel(
  level: AnsweredLevel,
  { match }: Demand,
  { host, nexthop, rules }: Question,
  session: Session,
): Outcome {
  const [certificate] = session.chain;
  if (level === 'fingerprint') return byDigest(certificate, match);
  const { distrust } = session;
  if (level === 'may' || level === 'encrypt')
    return { kind: 'sent', how: distrust === '' ? 'trusted' : 'untrusted', by: '' };
  if (distrust !== '')
    return { kind: 'waits', code: '4.7.5', why: `server certificate not verified: ${trustWords(distrust)}` };
  const words = match.length > 0 ? match : level === 'verify' ? rules.verifyMatch : rules.secureMatch;
  const wanted = wantedNames(words, host.name, nexthop);
  const name = fittingName(certificate?.names ?? [], wanted);
  if (name !== null) return { kind: 'sent', how: 'verified', by: `the name ${name}` };
  return {
    kind: 'waits',
    code: '4.7.5',
    why: `server certificate not verified: it has none of the names ${wanted.join(', ')}`,
  };
}

function byDigest(certificate: Certificate | undefined, digests: readonly string[]): Outcome {
  const [pinned] = pinsOf(certificate, digests);
  if (pinned !== undefined)
    return { kind: 'sent', how: 'verified', by: `the pin ${pinned.digest.slice(0, 23)}...` };
  return {
    kind: 'waits',
    code: '4.7.5',
    why: 'server certificate not verified: it is not one that is pinned',
  };
}

/** The digest by the length of its text: MD5, SHA-1, SHA-256, SHA-512. */
const DIGESTS: Readonly<Record<number, string>> = { 47: 'md5', 59: 'sha1', 95: 'sha256', 191: 'sha512' };

interface Pin {
  readonly digest: string;
  readonly of: 'certificate' | 'key';
}

/** Those of the pins that are of this certificate or of its key. */
export function pinsOf(certificate: Certificate | undefined, digests: readonly string[]): Pin[] {
  if (certificate === undefined) return [];
  return digests.flatMap((digest): Pin[] => {
    const name = DIGESTS[digest.length];
    if (name === undefined) return [];
    if (fingerprint(certificate.der, name) === digest) return [{ digest, of: 'certificate' }];
    return fingerprint(certificate.key, name) === digest ? [{ digest, of: 'key' }] : [];
  });
}

const TRUST_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate, or one above it, has expired',
  CERT_NOT_YET_VALID: 'the certificate is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain leads to a CA that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate of its issuer is missing',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its chain does not lead to a trusted CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it came alone, and its issuer is not a trusted CA',
};

/** In words why a chain is not trusted. */
export function trustWords(distrust: string): string {
  return TRUST_WORDS[distrust] ?? distrust.toLowerCase().replaceAll('_', ' ');
}
