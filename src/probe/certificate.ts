/**
 * A certificate as a server showed it, reduced to what is judged: names, validity, digests. Certificates come from
 * strangers; one that cannot be read is `null`, and then nothing is proven by it.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { certificateNames } from '../core/certificateNames.ts';

export interface Certificate {
  readonly x509: X509Certificate;
  /** As on one line: `CN=mx.bank.example, O=Bank`. */
  readonly subject: string;
  readonly issuer: string;
  /** Of the host, in lower case (certificateNames.ts). */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly ca: boolean;
  /** DER of the certificate and of its SubjectPublicKeyInfo. */
  readonly der: Uint8Array;
  readonly key: Uint8Array;
}

/** null: it cannot be read. */
export function readCertificate(der: Uint8Array): Certificate | null {
  try {
    const x509 = new X509Certificate(der);
    return {
      x509,
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      names: certificateNames(x509),
      notBefore: new Date(x509.validFrom).getTime(),
      notAfter: new Date(x509.validTo).getTime(),
      ca: x509.ca,
      der: x509.raw,
      key: x509.publicKey.export({ type: 'spki', format: 'der' }),
    };
  } catch {
    return null;
  }
}

/** Upper-case hex pairs with colons, as Postfix writes fingerprints with `smtp_tls_fingerprint_digest = sha256`. */
export function fingerprint(bytes: Uint8Array, digest: string): string {
  const hex = createHash(digest).update(bytes).digest('hex').toUpperCase();
  return hex.match(/../g)!.join(':');
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').reverse().join(', ');
}
