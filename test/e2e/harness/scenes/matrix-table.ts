/**
 * The matrix of the receive leg as data: every kind of row against every kind of session. The same table of domains serves
 * both interfaces; `POLICY_MATRIX` is what it means where fingerprints are seen, and the milter alone has a matrix of its own.
 *
 * Cells: `250` accepted and delivered, `H` accepted into the hold queue, else the reply's two codes.
 */
import type { CertificateAuthority } from '../peers/ca.ts';

/** The states a session can be in, as far as a table can tell. `tls10` and `null` are below the default floor. */
export const SESSION_KINDS = [
  'plain',
  'tls10',
  'null',
  'tls12',
  'tls13',
  'self',
  'expired',
  'wrong',
  'right',
  'san',
] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

/** One row of each kind; `may` stands for everyone else. `pinned` names the self-signed certificate. */
export function matrixTable(ca: CertificateAuthority): string {
  return `
[policy strict]
receive = encrypt
help = https://help.example/tls
[policy deferring]
based-on = strict
violation = defer
[policy holding]
based-on = strict
violation = hold
[policy tagging]
based-on = strict
violation = tag
[policy watching]
based-on = strict
mode = observe

[domains]
none.example = none
encrypt.example = encrypt
defer.example = deferring
hold.example = holding
tag.example = tagging
observe.example = watching
.bank.example = strict
bank.example = strict
boss@may.example = strict
bücher.example = strict
* = may

[domain tls13.example]
receive = encrypt
min-protocol = TLSv1.3
[domain cipher.example]
receive = encrypt
deny-ciphers = AES_128, AES128, AES_256
[domain verify.example]
receive = verify
client-names = mx1.gov.example
[domain own.example]
receive = verify
[domain pinned.example]
receive = verify
fingerprint = ${ca.clients.selfSigned.fingerprint}
[domain pinnedkey.example]
receive = verify
fingerprint = ${ca.clients.selfSigned.pubkeyFingerprint}
[domain issuer.example]
receive = verify
client-names = mx1.gov.example
client-issuers = Another Root CA
`;
}

/** The domains of `matrixTable` that a matrix has a line for, and `may.example`, which has no row of its own. */
export const MATRIX_DOMAINS = [
  'may.example',
  'none.example',
  'encrypt.example',
  'defer.example',
  'hold.example',
  'tag.example',
  'observe.example',
  'tls13.example',
  'cipher.example',
  'verify.example',
  'own.example',
  'pinned.example',
  'pinnedkey.example',
  'issuer.example',
] as const;

/**
 * A truth table: the head line names session kinds, every other line a domain (without `.example`) and one cell per kind.
 * Returns cell by `domain kind`. Throws when a domain or a cell is missing, so that a matrix cannot shrink unnoticed.
 */
export function parseMatrix(text: string): Map<string, string> {
  const [head, ...lines] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const cells = new Map<string, string>();
  for (const [domain, ...row] of lines) {
    row.forEach((cell, index) => {
      cells.set(`${domain}.example ${head![index]}`, cell);
    });
  }
  const missing = MATRIX_DOMAINS.flatMap((domain) => SESSION_KINDS.map((kind) => `${domain} ${kind}`)).filter(
    (key) => !cells.has(key),
  );
  if (missing.length > 0) throw new Error(`matrix has no cell for ${missing.join(', ')}`);
  return cells;
}

/** What the policy service answers, alone or beside the milter, whichever side the row is on. */
export const POLICY_MATRIX = parseMatrix(`
             plain      tls10      null       tls12      tls13      self       expired    wrong      right      san
may          250        250        250        250        250        250        250        250        250        250
none         250        250        250        250        250        250        250        250        250        250
encrypt      530/5.7.0  550/5.7.6  550/5.7.6  250        250        250        250        250        250        250
defer        450/4.7.0  450/4.7.6  450/4.7.6  250        250        250        250        250        250        250
hold         H          H          H          250        250        250        250        250        250        250
tag          250        250        250        250        250        250        250        250        250        250
observe      250        250        250        250        250        250        250        250        250        250
tls13        530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.6  250        250        250        250        250        250
cipher       530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6  550/5.7.6
verify       530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  250        550/5.7.5
own          530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5
pinned       530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.5  550/5.7.5  250        550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5
pinnedkey    530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.5  550/5.7.5  250        550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5
issuer       530/5.7.0  550/5.7.6  550/5.7.6  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5  550/5.7.5
`);

/**
 * The milter alone sees no fingerprints: a pin cannot be compared, so a row that has one defers, and says which protocol it
 * needs. It cannot tell "no certificate" from one that did not verify, which makes no difference to any cell.
 */
export const MILTER_MATRIX = new Map(
  [...POLICY_MATRIX].map(([key, cell]) => {
    const [domain, kind] = key.split(' ');
    const unseen = domain!.startsWith('pinned') && !['plain', 'tls10', 'null'].includes(kind!);
    return [key, unseen ? '451/4.3.5' : cell];
  }),
);
