/**
 * A few sessions that a client can really have: protocols with cipher suites that belong to them, as OpenSSL
 * names them. The suites of TLS 1.3 are those of no other version, and the other way round (RFC 8446 section
 * 1.2); GCM and ChaCha20 came with TLS 1.2 (RFC 5288 section 4, RFC 7905 section 3).
 */
export interface Suite {
  readonly protocol: string;
  readonly cipher: string;
  readonly bits: number;
}

/** What a sound client offers, best first. */
export const SOUND_SUITES: readonly Suite[] = [
  { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
  { protocol: 'TLSv1.3', cipher: 'TLS_CHACHA20_POLY1305_SHA256', bits: 256 },
  { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', bits: 128 },
  { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', bits: 256 },
  { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-CHACHA20-POLY1305', bits: 256 },
  { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES128-GCM-SHA256', bits: 128 },
];

/** What a poorer client might have, the least poor first. */
export const POORER_SUITES: readonly Suite[] = [
  ...SOUND_SUITES.filter(({ bits }) => bits < 256),
  { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', bits: 256 },
  { protocol: 'TLSv1', cipher: 'ECDHE-RSA-AES256-SHA', bits: 256 },
];

/**
 * Can this cipher occur in TLS 1.2? All but those of TLS 1.3, whose names begin otherwise; unknown ones: no.
 */
export function runsInTls12(cipher: string): boolean {
  return cipher !== '' && !cipher.startsWith('TLS_');
}
