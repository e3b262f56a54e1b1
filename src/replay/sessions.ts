/**
 * What a session may have been beyond what its record tells, for a row with `receive = verify`: who issued the
 * certificate, and which other digests it has. Pure.
 *
 * Where the same comes of each, the record tells enough; where it does not, nothing can be told.
 */
import type { Row } from '../core/table.ts';
import type { ClientCertificate, TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';

type Encrypted = Extract<TlsState, { kind: 'tls' }>;

/** No row names it. */
const OTHER_ISSUER = '\0';
/** No row has it as a pin. */
const OTHER_DIGEST = '00';
/** What a record may have changed in a name: cut, escaped, or without a local part. */
const CHANGED_NAME = /[\\@]|\.\.\.$/;

/** Sessions besides the one in `transaction`; none when the record tells all that the row asks for. */
export function otherSessions({ tls, protocol }: Transaction, row: Row): readonly TlsState[] {
  if (tls.kind !== 'tls' || row.settings.receive !== 'verify') return [];
  const { fingerprints: pins, clientNames } = row.settings;
  const certificates: ClientCertificate[] = [];
  if (tls.certificate.kind === 'trusted')
    for (const commonName of namesOf(tls.certificate, clientNames, row.pattern))
      for (const issuer of [OTHER_ISSUER, ...row.settings.clientIssuers])
        for (const fingerprints of digestsOf(tls.certificate, pins, protocol))
          certificates.push({ kind: 'trusted', commonName, issuer, fingerprints });
  if (tls.certificate.kind === 'untrusted')
    for (const fingerprints of digestsOf(tls.certificate, pins, protocol))
      certificates.push({ kind: 'untrusted', fingerprints });
  // a milter that asks for a pin may learn from the policy service what Postfix does not show it, or may not
  if (protocol === 'milter' && pins.length > 0 && tls.certificate.kind !== 'unknown')
    certificates.push({ kind: 'unproven' }, ...(tls.certificate.kind === 'unproven' ? learnt(pins) : []));
  return certificates.map((certificate): Encrypted => ({ ...tls, certificate }));
}

function learnt(pins: readonly string[]): ClientCertificate[] {
  return [
    { kind: 'none' },
    { kind: 'untrusted', fingerprints: [OTHER_DIGEST] },
    ...pins.map((pin): ClientCertificate => ({ kind: 'untrusted', fingerprints: [pin] })),
  ];
}

/** A record has the last digest that the MTA reported; there are two at most. */
function digestsOf(
  { fingerprints }: { readonly fingerprints: readonly string[] },
  pins: readonly string[],
  protocol: Transaction['protocol'],
): (readonly string[])[] {
  if (pins.length === 0) return [fingerprints];
  const [last] = fingerprints;
  if (last !== undefined) return [[last], ...pins.map((pin) => [pin, last])];
  return protocol === 'policy' ? [[]] : [[], [OTHER_DIGEST], ...pins.map((pin) => [pin])];
}

function namesOf(
  { commonName }: { readonly commonName: string },
  wanted: readonly string[],
  pattern: string,
): string[] {
  if (!CHANGED_NAME.test(commonName)) return [commonName];
  const one = wanted[0] ?? pattern.slice(pattern.lastIndexOf('@') + 1);
  return [commonName, '', one.startsWith('.') ? `x${one}` : one];
}
