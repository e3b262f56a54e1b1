/**
 * A certificate as a server showed it, reduced to what is judged: names, validity, digests. Certificates come from
 * strangers; one that cannot be read is `null`, and then nothing is proven by it.
 *
 * Names are those that OpenSSL compares: the DNS names of the subjectAltName, and the common name only where there is
 * none (X509_check_host(3)). At most 1,000.
 */
import { createHash, X509Certificate } from 'node:crypto';

export interface Certificate {
  readonly x509: X509Certificate;
  /** As on one line: `CN=mx.bank.example, O=Bank`. */
  readonly subject: string;
  readonly issuer: string;
  /** Lower case. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly ca: boolean;
  /** DER of the certificate and of its SubjectPublicKeyInfo. */
  readonly der: Uint8Array;
  readonly key: Uint8Array;
}

const MAX_NAMES = 1000;

/** null: it cannot be read. */
export function readCertificate(der: Uint8Array): Certificate | null {
  try {
    const x509 = new X509Certificate(der);
    return {
      x509,
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      names: namesOf(x509),
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

function namesOf({ subjectAltName = '', subject }: X509Certificate): string[] {
  const names = dnsNames(subjectAltName);
  if (names.length > 0) return names;
  const common = (subject ?? '').split('\n').find((line) => line.startsWith('CN='));
  return common === undefined ? [] : [common.slice(3).toLowerCase()];
}

/**
 * Of node's text `DNS:mx.bank.example, IP Address:192.0.2.1`. Node puts an entry with other characters than those of a
 * name into quotes, where a comma ends nothing; such an entry is no name of a host.
 */
export function dnsNames(text: string): string[] {
  const names: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= text.length && names.length < MAX_NAMES; i++) {
    if (quoted && text[i] === '\\') i++;
    else if (text[i] === '"') quoted = !quoted;
    if (i < text.length && (quoted || !text.startsWith(', ', i))) continue;
    const entry = text.slice(start, i);
    if (entry.startsWith('DNS:') && !entry.includes('"')) names.push(entry.slice(4).toLowerCase());
    start = i + 2;
  }
  return names;
}
