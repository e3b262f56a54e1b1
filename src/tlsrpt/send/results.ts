/**
 * Why a delivery failed, as the result types of RFC 8460 section 4.3 have it. Pure. What is no fault of a session with the
 * other side (our own TLS engine, our policy lookup, a message that asked for REQUIRETLS, a server that asks for TLS itself)
 * is no result, and not counted.
 */
import { isResultType } from '../resultWords.ts';

/** `reason`: what the result type leaves out, as `failure-reason-code`; '' when it says all. */
interface Result {
  readonly result: string;
  readonly reason: string;
}

const plain = (result: string): Result => ({ result, reason: '' });
const because =
  (result: string) =>
  (reason: string): Result => ({ result, reason });
const notTrusted = because('certificate-not-trusted');
const failure = because('validation-failure');

/** By the causes of src/tally/causes.ts. */
const RESULTS: Readonly<Record<string, Result>> = {
  'no STARTTLS offered': plain('starttls-not-supported'),
  'STARTTLS refused by the server': plain('starttls-not-supported'),
  'handshake failed': failure('handshake failed'),
  'encryption too weak': failure('encryption too weak'),
  'certificate expired': plain('certificate-expired'),
  'certificate not yet valid': failure('certificate not yet valid'),
  'certificate of another name': plain('certificate-host-mismatch'),
  'certificate of an untrusted issuer': notTrusted('untrusted issuer'),
  'certificate self-signed': notTrusted('self-signed'),
  'certificate not trusted': plain('certificate-not-trusted'),
  'certificate revoked': notTrusted('revoked'),
  'certificate does not match TLSA': notTrusted('no match with the TLSA records'),
  'certificate not verified': failure('certificate not verified'),
  'no TLSA records': plain('dane-required'),
  'no DNSSEC': plain('dane-required'),
  'no usable TLSA records': plain('tlsa-invalid'),
  'TLSA records not available': plain('dnssec-invalid'),
};

/** null: it is not counted. `cause`: of src/tally/causes.ts. */
export function resultOf(cause: string): Result | null {
  return Object.hasOwn(RESULTS, cause) ? RESULTS[cause]! : null;
}

/**
 * A word of a record as a result: one that RFC 8460 does not have (`code-N` of a later libtlsrpt) becomes the reason of a
 * general failure.
 */
export function resultOfWord(word: string): Result {
  return isResultType(word) ? plain(word) : failure(word);
}
