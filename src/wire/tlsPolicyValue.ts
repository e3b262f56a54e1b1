/**
 * The value of an `OK` answer to `smtp_tls_policy_maps`, in the grammar of the Postfix version that asks.
 *
 *   value     = level *( SP attribute )
 *   attribute = "match=" name *( ":" name )          verify and secure; a name, or .suffix for every name below
 *             / "match=" digest *( "|" digest )      fingerprint
 *             / "protocols=" protocol-list           since 3.6 ">=TLSv1.2", before "!SSLv2:!SSLv3:..."
 *             / "ciphers=high"
 *             / "exclude=" word *( ":" word )
 *             / "servername=hostname"                since 3.4
 *             / "policy_type=sts" SP "policy_domain=" name *( SP "{policy_string = " line "}" )
 *               1*( SP "mx_host_pattern=" pattern )  since 3.10: an MTA-STS policy, for TLSRPT; with match= and patterns
 *                                                    3.10.5 compares the MX host with the patterns itself
 *
 * An unknown attribute, an empty value, or `match=` at a level that compares nothing makes the whole value
 * invalid, and Postfix defers the mail. White space and commas separate attributes, so foreign text must not
 * introduce any: every part is checked against a closed grammar, and a part that does not match is a
 * RangeError. The words `hostname`, `nexthop` and `dot-nexthop` have a meaning in `match=`; names here
 * contain a dot, so they cannot be mistaken for these.
 *
 * `ciphers=high` is the grade whose ciphers all have 128 bits or more in OpenSSL 1.1.0 and later; there is
 * none above it, so for more bits the 128-bit ciphers are excluded by name. Neither affects TLS 1.3 suites,
 * which OpenSSL chooses. A value has at most MAX_VALUE bytes. To stay below it, first the lines of the policy
 * are left out, then everything that needs 3.10.
 * Sources: Postfix postconf(5), TLS_README; `src/smtp/smtp_tls_policy.c`, tls_policy_lookup_one() and
 * set_cipher_grade().
 */
import { isComparedName } from '../core/domain.ts';
import { type PostfixVersion, since } from '../core/postfixVersion.ts';
import { ANSWERED_LEVELS } from '../core/settings.ts';
import { PROTOCOLS } from '../core/tls.ts';

/** The content of one answer; the shape of `DeliverPolicy` in core. */
export interface TlsPolicyValue {
  readonly level: string;
  readonly match: readonly string[];
  readonly minProtocol: string | null;
  readonly minBits: number;
  readonly exclude: readonly string[];
  readonly servername?: 'hostname' | null;
  readonly sts?: {
    readonly domain: string;
    readonly mx: readonly string[];
    readonly lines: readonly string[];
  } | null;
  /**
   * Of another server's answer, as tlsPolicyParse.ts let them through; only names that are not given above.
   */
  readonly attributes?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Postfix reads replies of 100,000 bytes, `OK ` included (`socketmap_max_reply_size`, a constant before
 * 3.10).
 */
export const MAX_VALUE = 100_000 - 'OK '.length;

/**
 * At these levels Postfix does not fall back to plaintext after a failed handshake, so attributes may
 * restrict it.
 */
const MANDATORY = ['encrypt', 'dane-only', 'fingerprint', 'verify', 'secure'];
const DIGEST = /^[0-9A-F]{2}(?::[0-9A-F]{2}){15,63}$/;
const WORD = /^[A-Za-z0-9_+-]{2,64}$/;
/** Ciphers of the grade `high` with fewer than 256 bits. */
const SHORT_KEYS = ['AES128', 'CAMELLIA128', 'ARIA128'];

/** The value. Throws RangeError for what must not be sent: a bug of the caller. */
export function formatTlsPolicy(policy: TlsPolicyValue, version: PostfixVersion): string {
  const { level, match, minProtocol, minBits } = policy;
  if (!ANSWERED_LEVELS.some((known) => known === level)) throw new RangeError(`no TLS level: ${level}`);
  const parts = [level];
  const others = policy.attributes ?? [];
  if (match.length > 0 || (level === 'fingerprint' && !others.some(({ name }) => name === 'match')))
    parts.push(`match=${formatMatch(level, match)}`);
  if (policy.servername != null && since(version, 3, 4)) parts.push(`servername=${policy.servername}`);
  const strict = MANDATORY.includes(level);
  if (!strict && (minProtocol !== null || minBits > 0 || policy.exclude.length > 0))
    throw new RangeError(`floors at level ${level}, which falls back to plaintext`);
  if (minProtocol !== null) parts.push(`protocols=${formatProtocols(minProtocol, version)}`);
  // up to 112 bits no cipher needs to be excluded, and the site's own grade may be higher
  if (minBits > 112) parts.push('ciphers=high');
  const exclude = [...(minBits > 128 ? SHORT_KEYS : []), ...policy.exclude];
  if (exclude.length > 0) {
    if (!exclude.every((word) => WORD.test(word))) throw new RangeError('a word that is not a cipher');
    parts.push(`exclude=${[...new Set(exclude)].join(':')}`);
  }
  for (const attribute of others) parts.push(formatAttribute(attribute));
  const value = parts.join(' ');
  if (value.length > MAX_VALUE) throw new RangeError('an answer longer than Postfix reads');
  if (policy.sts == null || !since(version, 3, 10)) return value;
  return withSts(value, policy.sts);
}

const PATTERN = /^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;
/**
 * The characters allowed between braces; braces themselves are not, because they would have to be balanced.
 */
const LINE = /^[\x21-\x7a\x7c\x7e](?:[\x20-\x7a\x7c\x7e]{0,1000}[\x21-\x7a\x7c\x7e])?$/;

/** The value with the MTA-STS policy appended, as far as the length limit allows. */
function withSts(value: string, { domain, mx, lines }: NonNullable<TlsPolicyValue['sts']>): string {
  const patterns = mx.filter((pattern) => pattern.length <= 255 && PATTERN.test(pattern));
  if (!PATTERN.test(domain) || patterns.length === 0) return value;
  const head = ` policy_type=sts policy_domain=${domain}`;
  const tail = patterns.map((pattern) => ` mx_host_pattern=${pattern}`).join('');
  const strings = lines.filter((line) => LINE.test(line)).map((line) => ` {policy_string = ${line}}`);
  for (const middle of [strings.join(''), '']) {
    const whole = `${value}${head}${middle}${tail}`;
    if (whole.length <= MAX_VALUE) return whole;
  }
  return value;
}

/** `name=value`, in braces if the value contains a separator of attributes. */
function formatAttribute({ name, value }: { readonly name: string; readonly value: string }): string {
  if (!/^[a-z_]{1,32}$/.test(name) || !/^[\x20-\x7a\x7c\x7e]+$/.test(value))
    throw new RangeError('not an attribute');
  return /[ ,]/.test(value) ? `{${name} = ${value}}` : `${name}=${value}`;
}

function formatMatch(level: string, match: readonly string[]): string {
  if (level === 'fingerprint') {
    if (match.length === 0 || !match.every((digest) => DIGEST.test(digest)))
      throw new RangeError('level fingerprint without digests, or with a value that is not a digest');
    return match.join('|');
  }
  if (level !== 'verify' && level !== 'secure') throw new RangeError(`match= at level ${level}`);
  if (!match.every(isComparedName)) throw new RangeError('a name to match that is not a domain name');
  return match.join(':');
}

function formatProtocols(least: string, version: PostfixVersion): string {
  const rank = (PROTOCOLS as readonly string[]).indexOf(least);
  if (rank < 0) throw new RangeError(`no protocol: ${least}`);
  if (since(version, 3, 6)) return `>=${least}`;
  return PROTOCOLS.slice(0, Math.max(1, rank))
    .map((name) => `!${name}`)
    .join(':');
}
