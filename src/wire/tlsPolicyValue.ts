/**
 * The value of an `OK` answer to `smtp_tls_policy_maps`, in the grammar of the Postfix version that asks.
 *
 *   value     = level *( SP attribute )
 *   attribute = "match=" name *( ":" name )          verify and secure; a name, or .suffix for every name below
 *             / "match=" digest *( "|" digest )      fingerprint
 *             / "protocols=" protocol-list           since 3.6 ">=TLSv1.2", before "!SSLv2:!SSLv3:..."
 *             / "ciphers=high"
 *             / "exclude=" word *( ":" word )
 *
 * Postfix takes the whole value for invalid, and defers, for an attribute it does not know, an empty value, or `match=` at
 * a level that compares nothing. White space and commas separate attributes, so nothing foreign may get in: every part is
 * checked here against a closed grammar, and what does not fit is a RangeError. The words `hostname`, `nexthop` and
 * `dot-nexthop` mean something in `match=`; a name has a dot in it, so none can be taken for one.
 *
 * `ciphers=high` is the grade whose ciphers all have 128 bits or more in OpenSSL 1.1.0 and later; there is none above it,
 * so for more bits the 128-bit ones are excluded by name. TLS 1.3 suites are beyond both: their choice is OpenSSL's.
 * Sources: Postfix postconf(5), TLS_README; `src/smtp/smtp_tls_policy.c`, tls_policy_lookup_one() and set_cipher_grade().
 */

/** What one answer says; the shape of `DeliverPolicy` in core. */
export interface TlsPolicyValue {
  readonly level: string;
  readonly match: readonly string[];
  readonly minProtocol: string | null;
  readonly minBits: number;
  readonly exclude: readonly string[];
}

/** Major and minor of a Postfix release. */
export interface PostfixVersion {
  readonly major: number;
  readonly minor: number;
}

/** What is answered when nobody says which Postfix asks. */
export const OLDEST_POSTFIX: PostfixVersion = { major: 3, minor: 7 };

const PROTOCOLS = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const LEVELS = ['none', 'may', 'encrypt', 'dane', 'dane-only', 'fingerprint', 'verify', 'secure'];
/** At these a handshake that fails is not followed by plain text, so attributes may narrow it. */
const MANDATORY = ['encrypt', 'dane-only', 'fingerprint', 'verify', 'secure'];
const NAME = /^\.?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DIGEST = /^[0-9A-F]{2}(?::[0-9A-F]{2}){15,63}$/;
const WORD = /^[A-Za-z0-9_-]{2,64}$/;
/** Ciphers of the grade `high` with fewer than 256 bits. */
const SHORT_KEYS = ['AES128', 'CAMELLIA128', 'ARIA128'];

/** `3.7` or `3.10.5`; null when it is neither. */
export function parsePostfixVersion(text: string): PostfixVersion | null {
  const match = /^([0-9]{1,2})\.([0-9]{1,3})(?:\.[0-9]{1,3})?$/.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Is `version` this one or later? */
function since(version: PostfixVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** The value. Throws RangeError for what must not be sent: a bug of the caller. */
export function formatTlsPolicy(policy: TlsPolicyValue, version: PostfixVersion): string {
  const { level, match, minProtocol, minBits } = policy;
  if (!LEVELS.includes(level)) throw new RangeError(`no TLS level: ${level}`);
  const parts = [level];
  if (match.length > 0 || level === 'fingerprint') parts.push(`match=${formatMatch(level, match)}`);
  const strict = MANDATORY.includes(level);
  if (!strict && (minProtocol !== null || minBits > 0 || policy.exclude.length > 0))
    throw new RangeError(`floors at level ${level}, which falls back to plain text`);
  if (minProtocol !== null) parts.push(`protocols=${formatProtocols(minProtocol, version)}`);
  // up to 112 bits nothing that is still built in has fewer, and the site's own grade may be higher
  if (minBits > 112) parts.push('ciphers=high');
  const exclude = [...(minBits > 128 ? SHORT_KEYS : []), ...policy.exclude];
  if (exclude.length > 0) {
    if (!exclude.every((word) => WORD.test(word))) throw new RangeError('a word that is no cipher');
    parts.push(`exclude=${[...new Set(exclude)].join(':')}`);
  }
  return parts.join(' ');
}

function formatMatch(level: string, match: readonly string[]): string {
  if (level === 'fingerprint') {
    if (match.length === 0 || !match.every((digest) => DIGEST.test(digest)))
      throw new RangeError('level fingerprint without digests, or with what is none');
    return match.join('|');
  }
  if (level !== 'verify' && level !== 'secure') throw new RangeError(`match= at level ${level}`);
  if (!match.every((name) => name.length <= 254 && NAME.test(name)))
    throw new RangeError('a name to match that is no domain name');
  return match.join(':');
}

function formatProtocols(least: string, version: PostfixVersion): string {
  const rank = PROTOCOLS.indexOf(least);
  if (rank < 0) throw new RangeError(`no protocol: ${least}`);
  if (since(version, 3, 6)) return `>=${least}`;
  return PROTOCOLS.slice(0, Math.max(1, rank))
    .map((name) => `!${name}`)
    .join(':');
}
