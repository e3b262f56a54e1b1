/**
 * Why a delivery failed for want of TLS, in the words of the reports (tally/causes.ts); here with what the MTA says of the
 * server in the same session, where its reply says no more than that the certificate was not verified.
 */
import type { DeliveryRecord } from '../evidence/record.ts';
import { tlsFailure } from '../tally/causes.ts';

const NO_STARTTLS: readonly string[] = ['no STARTTLS offered', 'STARTTLS refused by the server'];
const ANOTHER_NAME = 'certificate of another name';
const ANOTHER_ISSUER = 'certificate of an untrusted issuer';
/** One failure is enough to prove it. */
const CERTIFICATE: readonly string[] = [
  'certificate expired',
  'certificate not yet valid',
  'certificate revoked',
  'certificate self-signed',
  ANOTHER_NAME,
  ANOTHER_ISSUER,
];
const NO_MORE_SAID: readonly string[] = ['certificate not verified', 'certificate not trusted'];

/** null: it did not fail, or not for want of TLS. */
export function deliveryCause(record: DeliveryRecord): string | null {
  if (record.outcome === 'sent' || record.outcome === 'filtered') return null;
  const cause = tlsFailure(record)?.cause ?? null;
  if (cause === null || !NO_MORE_SAID.includes(cause)) return cause;
  // a chain that is trusted under another name, or one that is not
  if (record.tls.peer === 'trusted') return ANOTHER_NAME;
  return record.tls.peer === 'untrusted' ? ANOTHER_ISSUER : cause;
}

/** Was STARTTLS missing? */
export function isMissing(cause: string | null): boolean {
  return cause !== null && NO_STARTTLS.includes(cause);
}

/** Is it the certificate itself? */
export function isCertificate(cause: string | null): boolean {
  return cause !== null && CERTIFICATE.includes(cause);
}
