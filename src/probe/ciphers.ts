/**
 * Ciphers that a probe offers, and what their names say.
 *
 * Names are OpenSSL's. TLS 1.3 has suites of its own, which cannot be narrowed.
 * Sources: openssl-ciphers(1); Postfix tls_medium_cipherlist, tls_high_cipherlist.
 */

/** What Postfix offers where a certificate is wanted, at OpenSSL's lowest security level. */
export const ORDINARY = 'HIGH:MEDIUM:!aNULL:+RC4:@STRENGTH:@SECLEVEL=0';
/** No encryption, or one that is broken or too short. */
export const WEAK = 'eNULL:aNULL:3DES:RC4:DES:RC2:IDEA:SEED:MD5:EXPORT:@SECLEVEL=0';

/** Effective key bits of a cipher; null: its name does not say. */
export function bitsOf(cipher: string): number | null {
  const name = cipher.toUpperCase();
  if (/NULL/.test(name)) return 0;
  if (/(?:AES|CAMELLIA|ARIA)_?256|CHACHA20/.test(name)) return 256;
  if (/(?:AES|CAMELLIA|ARIA)_?128|SEED|IDEA/.test(name)) return 128;
  if (/3DES|DES-CBC3/.test(name)) return 112;
  if (/RC4|RC2/.test(name)) return 128;
  return /DES/.test(name) ? 56 : null;
}

/** What Postfix offers for `ciphers=high exclude=...` of a row; see tlsPolicyValue.ts, which writes them. */
export function excludingCiphers(minBits: number, exclude: readonly string[]): string {
  const short = minBits > 128 ? ['AES128', 'CAMELLIA128', 'ARIA128'] : [];
  const base = minBits > 112 ? 'HIGH' : 'HIGH:MEDIUM';
  return [
    base,
    '!aNULL',
    ...[...short, ...exclude].map((word) => `!${word}`),
    '@STRENGTH',
    '@SECLEVEL=0',
  ].join(':');
}
