/**
 * The TLS state of one SMTP session as the MTA reported it, and its comparison with a floor.
 *
 * The whole program distinguishes three states: TLS, no TLS (`plain`), and not reported (`unknown`).
 * `unknown` never becomes one of the others. The same holds for the client certificate: a milter under
 * Postfix cannot distinguish "none" from "one that did not verify", which is `unproven`.
 *
 * Words: `protocol` and `cipher` are OpenSSL's names (`TLSv1.3`, `TLS_AES_256_GCM_SHA384`), `bits` the
 * effective key length (Postfix `encryption_keysize` and `{cipher_bits}`, Sendmail `{cipher_bits}`).
 */

/**
 * Digests as Postfix writes them, upper-case hex pairs with colons; empty if the MTA does not report them.
 */
export type Fingerprints = readonly string[];

export type ClientCertificate =
  /** The MTA did not report it, or did not ask the client. `why` tells the administrator how to fix that. */
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'none' }
  /** None, or one that did not verify: this protocol does not show which. */
  | { readonly kind: 'unproven' }
  | { readonly kind: 'untrusted'; readonly fingerprints: Fingerprints }
  /**
   * The chain verified. `commonName` is '' when the subject has none; no subject alternative names are ever
   * shown.
   */
  | {
      readonly kind: 'trusted';
      readonly commonName: string;
      readonly issuer: string;
      readonly fingerprints: Fingerprints;
    };

export type TlsState =
  /** `why` tells the administrator what to change in the MTA. */
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'tls';
      readonly protocol: string;
      readonly cipher: string;
      /** null: the MTA reported no usable number. */
      readonly bits: number | null;
      readonly certificate: ClientCertificate;
    };

export const PLAIN: TlsState = { kind: 'plain' };

/** Every protocol version that Postfix and OpenSSL have a name for, oldest first. */
export const PROTOCOLS = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/**
 * Order of protocol names: SSLv2 0, SSLv3 1, TLSv1 2, TLSv1.1 3, TLSv1.2 4, TLSv1.3 5, and so on for later
 * minor versions. null for an unknown name, which means "cannot tell", not "low".
 */
export function protocolRank(name: string): number | null {
  switch (name) {
    case 'TLSv1.3':
      return 5;
    case 'TLSv1.2':
      return 4;
    case 'SSLv2':
      return 0;
    case 'SSLv3':
      return 1;
    default: {
      const match = /^TLSv1(?:\.([0-9]))?$/.exec(name);
      return match === null ? null : 2 + Number(match[1] ?? 0);
    }
  }
}

/** The minimum for a session where TLS is required. */
export interface Floor {
  readonly minProtocol: string;
  readonly minBits: number;
  /** Fragments of cipher names, lower case, that must not occur. */
  readonly denyCiphers: readonly string[];
}

/**
 * `ok`, the first property that is below the floor, or `unknown` when the reported value cannot be compared.
 */
export type FloorResult = 'ok' | 'protocol' | 'bits' | 'cipher' | 'unknown';

/**
 * Does a cipher of this name (of OpenSSL, IANA or GnuTLS) leave the text unencrypted? RFC 9150 defines two
 * for TLS 1.3.
 */
export function encryptsNothing(cipher: string): boolean {
  return /(?:^|[_-])NULL(?:$|[_-])/i.test(cipher) || /^TLS_SHA(?:256_SHA256|384_SHA384)$/i.test(cipher);
}

/**
 * Compares an encrypted session with a floor. A definite breach takes precedence over an unknown value. TLS
 * without encryption is below every floor.
 */
export function compareWithFloor(tls: Extract<TlsState, { kind: 'tls' }>, floor: Floor): FloorResult {
  const have = protocolRank(tls.protocol);
  const need = protocolRank(floor.minProtocol);
  if (have !== null && need !== null && have < need) return 'protocol';
  if (tls.bits !== null && tls.bits < Math.max(floor.minBits, 1)) return 'bits';
  if (encryptsNothing(tls.cipher)) return 'cipher';
  if (floor.denyCiphers.length > 0) {
    const cipher = tls.cipher.toLowerCase();
    if (floor.denyCiphers.some((fragment) => cipher.includes(fragment))) return 'cipher';
    if (cipher === '') return 'unknown';
  }
  return have === null || need === null || tls.bits === null ? 'unknown' : 'ok';
}
