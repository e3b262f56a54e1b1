/**
 * `deny-ciphers` for outbound mail: converts parts of cipher names to what `exclude=` of smtp_tls_policy_maps
 * accepts.
 *
 * For inbound mail a part is compared with the name of the cipher in use. Postfix's list for a delivery takes
 * whole names and OpenSSL's keywords. So a part becomes every name below that contains it, and the keyword of
 * that name if OpenSSL has one (`3des`: no name contains it, the keyword means DES-CBC3-SHA). The suites of
 * TLS 1.3 are not listed, because Postfix cannot exclude them.
 * Source: openssl-ciphers(1), OpenSSL 3.0, `ALL:COMPLEMENTOFALL` up to TLS 1.2, and the weak ones of builds
 * that have them.
 */
const MAC_OF = ['SHA', 'SHA256', 'SHA384', 'GCM-SHA256', 'GCM-SHA384', 'CCM', 'CCM8'] as const;

/** Key exchanges, their symmetric ciphers, and the forms of each cipher. */
const SUITES: readonly (readonly [
  exchanges: string,
  ciphers: string,
  forms: readonly (typeof MAC_OF)[number][],
])[] = [
  ['ECDHE-ECDSA ECDHE-RSA', 'AES128', ['GCM-SHA256', 'SHA256', 'SHA']],
  ['ECDHE-ECDSA ECDHE-RSA', 'AES256', ['GCM-SHA384', 'SHA384', 'SHA']],
  ['ECDHE-ECDSA DHE-RSA RSA', 'AES128 AES256', ['CCM', 'CCM8']],
  ['ECDHE-ECDSA ECDHE-RSA', 'CAMELLIA128', ['SHA256']],
  ['ECDHE-ECDSA ECDHE-RSA', 'CAMELLIA256', ['SHA384']],
  ['DHE-RSA DHE-DSS RSA ADH', 'AES128', ['GCM-SHA256', 'SHA256', 'SHA']],
  ['DHE-RSA DHE-DSS RSA ADH', 'AES256', ['GCM-SHA384', 'SHA256', 'SHA']],
  ['DHE-RSA DHE-DSS RSA ADH', 'CAMELLIA128 CAMELLIA256', ['SHA256', 'SHA']],
  ['AECDH', 'AES128 AES256', ['SHA']],
  ['ECDHE-ECDSA ECDHE DHE-RSA DHE-DSS RSA', 'ARIA128', ['GCM-SHA256']],
  ['ECDHE-ECDSA ECDHE DHE-RSA DHE-DSS RSA', 'ARIA256', ['GCM-SHA384']],
];

const OTHERS = [
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305', 'DHE-RSA-CHACHA20-POLY1305'],
  ...['ECDHE-ECDSA-DES-CBC3-SHA', 'ECDHE-RSA-DES-CBC3-SHA', 'AECDH-DES-CBC3-SHA', 'ADH-DES-CBC3-SHA'],
  ...['DHE-RSA-DES-CBC3-SHA', 'DHE-DSS-DES-CBC3-SHA', 'DES-CBC3-SHA', 'IDEA-CBC-SHA', 'RC4-SHA', 'RC4-MD5'],
  ...['ECDHE-ECDSA-RC4-SHA', 'ECDHE-RSA-RC4-SHA', 'AECDH-RC4-SHA', 'ADH-RC4-MD5'],
  ...['DHE-RSA-SEED-SHA', 'DHE-DSS-SEED-SHA', 'ADH-SEED-SHA', 'SEED-SHA'],
];

/** OpenSSL's names of the suites up to TLS 1.2 that a delivery might use. */
export const CIPHER_NAMES: readonly string[] = [
  ...SUITES.flatMap(([exchanges, ciphers, forms]) =>
    exchanges
      .split(' ')
      .flatMap((exchange) =>
        ciphers
          .split(' ')
          .flatMap((cipher) =>
            forms.map((form) => `${exchange === 'RSA' ? '' : `${exchange}-`}${cipher}-${form}`),
          ),
      ),
  ),
  ...OTHERS,
];

/** OpenSSL's keywords by their lower-case spelling. */
const WORDS: ReadonlyMap<string, string> = new Map(
  [
    ...['3DES', 'DES', 'RC2', 'RC4', 'IDEA', 'SEED', 'MD5', 'CAMELLIA', 'CAMELLIA128', 'CAMELLIA256', 'ARIA'],
    ...['ARIA128', 'ARIA256', 'AES', 'AES128', 'AES256', 'AESGCM', 'AESCCM', 'AESCCM8', 'CHACHA20'],
    ...['kRSA', 'kDHE', 'aDSS', 'ADH', 'AECDH', 'aNULL', 'eNULL', 'NULL', 'EXPORT', 'LOW'],
  ].map((word) => [word.toLowerCase(), word]),
);

/** What to exclude for these fragments (lower case): keywords and names, each once. */
export function excludedCiphers(fragments: readonly string[]): readonly string[] {
  const excluded = new Set<string>();
  for (const fragment of fragments) {
    const word = WORDS.get(fragment);
    if (word !== undefined) excluded.add(word);
    for (const name of CIPHER_NAMES) if (name.toLowerCase().includes(fragment)) excluded.add(name);
  }
  return [...excluded];
}
