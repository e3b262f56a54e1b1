/**
 * Does a server's chain match its TLSA records, as Postfix decides it (RFC 7672 section 3.1)?
 *
 *   usage 3  the server's own certificate or key matches; names and dates do not count (section 3.1.1)
 *   usage 2  a certificate of the chain matches, each below it is signed by the next one and valid today, and the
 *            server's certificate has the name of the host or of the next hop (sections 3.1.2 and 3.2.3)
 *   0 and 1  never count (section 3.1.3)
 *
 * Of several digests only the strongest counts per usage and selector, as RFC 7671 section 9 wants it. A trust anchor
 * that the record itself holds (2 x 0) counts like one that is in the chain, if it is. Path lengths and name constraints
 * of CAs are not looked at. At most 10 certificates of a chain count.
 */
import { createHash } from 'node:crypto';
import type { TlsaRecord } from '../dns/resolver.ts';
import type { Certificate } from './certificate.ts';
import { fittingName } from './names.ts';

export type TlsaMatch =
  /** `depth`: 0 for the server's own certificate. */
  | { readonly kind: 'match'; readonly record: TlsaRecord; readonly depth: number }
  | { readonly kind: 'none'; readonly why: string };

const MAX_CHAIN = 10;

/** `chain`: the server's own certificate first; `names`: for usage 2; `now`: milliseconds since the epoch. */
export function matchTlsa(
  records: readonly TlsaRecord[],
  chain: readonly Certificate[],
  names: readonly string[],
  now: number,
): TlsaMatch {
  const [leaf, ...issuers] = chain.slice(0, MAX_CHAIN);
  if (leaf === undefined) return { kind: 'none', why: 'the server showed no certificate' };
  const counted = strongest(records);
  const own = counted.find((record) => record.usage === 3 && matches(record, leaf));
  if (own !== undefined) return { kind: 'match', record: own, depth: 0 };
  let why = 'no TLSA record matches the certificate';
  for (const [i, issuer] of issuers.entries()) {
    const record = counted.find((one) => one.usage === 2 && matches(one, issuer));
    if (record === undefined) continue;
    const fault = faultOfPath([leaf, ...issuers.slice(0, i + 1)], names, now);
    if (fault === null) return { kind: 'match', record, depth: i + 1 };
    why = `the trust anchor matches, but ${fault}`;
  }
  return { kind: 'none', why };
}

/** `3 1 1`; with the first bytes of the data, so that records can be told from each other. */
export function tlsaText({ usage, selector, matching, data }: TlsaRecord): string {
  const hex = Buffer.from(data.subarray(0, 8)).toString('hex');
  return `${usage} ${selector} ${matching} ${hex}${data.length > 8 ? '...' : ''}`;
}

/** Records with a weaker digest beside one with a stronger, for the same usage and selector, do not count. */
function strongest(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  const has = (one: TlsaRecord, matching: number): boolean =>
    records.some(
      (other) =>
        other.usage === one.usage &&
        other.selector === one.selector &&
        other.matching === matching &&
        fitting(other),
    );
  return records.filter((record) => fitting(record) && !(record.matching === 1 && has(record, 2)));
}

function fitting({ matching, data }: TlsaRecord): boolean {
  return matching === 0 ? data.length > 0 : data.length === (matching === 1 ? 32 : matching === 2 ? 64 : -1);
}

function matches({ selector, matching, data }: TlsaRecord, certificate: Certificate): boolean {
  if (selector > 1) return false;
  const bytes = selector === 0 ? certificate.der : certificate.key;
  const digest =
    matching === 0
      ? bytes
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(bytes)
          .digest();
  return Buffer.compare(digest, data) === 0;
}

/** Why the path from the server's certificate to the anchor, its last, does not hold; null: it does. */
function faultOfPath(path: readonly Certificate[], names: readonly string[], now: number): string | null {
  for (const [i, one] of path.entries()) {
    if (now < one.notBefore || now > one.notAfter) return `${one.subject} is not valid today`;
    const next = path[i + 1];
    if (next === undefined) break;
    if (!next.ca) return `${next.subject} is no CA`;
    try {
      if (!one.x509.checkIssued(next.x509) || !one.x509.verify(next.x509.publicKey))
        return `${one.subject} is not signed by ${next.subject}`;
    } catch {
      return `the signature of ${one.subject} cannot be checked`;
    }
  }
  return fittingName(path[0]!.names, names) === null ? 'the certificate has none of the names' : null;
}
