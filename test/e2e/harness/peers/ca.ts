/**
 * A certificate authority made on the fly with the `openssl` command, in a temporary folder.
 *
 * It issues what the end-to-end tests present to Postfix and what Postfix presents to them: an RSA server certificate
 * (RSA, because the weak cipher listener also offers suites that need it) and EC client certificates in every state that
 * the receive leg tells apart: trusted with the right name, trusted with another name, trusted with its name only in
 * the SAN, self-signed, expired. Nothing here is a secret: keys live as long as one test.
 *
 * Fingerprints are in the form Postfix logs and sends with `smtpd_tls_fingerprint_digest = sha256`: the digest of the
 * DER certificate (`ccert_fingerprint`) and of its SubjectPublicKeyInfo (`ccert_pubkey_fingerprint`), upper-case hex
 * pairs joined by colons. Source: Postfix TLS_README, "Client certificate fingerprints"; openssl-ca(1), openssl-req(1).
 */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../requirements.ts';

/** One certificate with its key, as files and as PEM text (for node:tls). */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
  /** `ccert_fingerprint` as Postfix sends it. */
  readonly fingerprint: string;
  /** `ccert_pubkey_fingerprint` as Postfix sends it. */
  readonly pubkeyFingerprint: string;
}

export interface CertificateRequest {
  /** In openssl's form: `/CN=mx1.gov.example` or `/O=Partner`. */
  readonly subject: string;
  /** Names for subjectAltName, without `DNS:`. Default: none. */
  readonly san?: readonly string[];
  /** `self` signs the certificate with its own key. Default: the CA. */
  readonly issuer?: 'ca' | 'self';
  /** A validity that ended years ago, or of so many days from now (default 30). Only with issuer `ca`. */
  readonly expired?: boolean;
  readonly days?: number;
  /** Default `ec` (P-256). */
  readonly keyType?: 'ec' | 'rsa';
}

export interface CertificateAuthority {
  readonly dir: string;
  /** The CA's own certificate; its subject and issuer CN is `CA_NAME`. */
  readonly caFile: string;
  readonly ca: string;
  readonly server: Certificate;
  readonly clients: {
    /** CN=mx1.gov.example, trusted. */
    readonly right: Certificate;
    /** CN=mx1.other.example, trusted. */
    readonly wrong: Certificate;
    /** O=Partner and no CN; SAN mx1.gov.example; trusted. Postfix gives an empty subject and the issuer. */
    readonly sanOnly: Certificate;
    /** CN=mx1.gov.example, signed by itself. */
    readonly selfSigned: Certificate;
    /** CN=mx1.gov.example, signed by the CA, expired in 2020. */
    readonly expired: Certificate;
  };
  /** One more certificate; `name` is its file name in `dir`. */
  issue(name: string, request: CertificateRequest): Certificate;
  /** Remove the folder. */
  remove(): void;
}

/** What Postfix shows as `ccert_issuer` (there as xtext, with `+20` for the spaces). */
export const CA_NAME = 'Test Root CA';

/** The host name in the server certificate; also the default `myhostname` of a test Postfix. */
export const SERVER_NAME = 'mx.tlsward.example';

const CA_CONFIG = `[ca]
default_ca = test
[test]
database = DIR/index.txt
new_certs_dir = DIR/issued
certificate = DIR/ca.pem
private_key = DIR/ca.key
default_md = sha256
default_days = 30
rand_serial = yes
unique_subject = no
copy_extensions = copy
policy = any
[any]
organizationName = optional
commonName = optional
[req]
distinguished_name = dn
prompt = no
[dn]
[v3_ca]
basicConstraints = critical, CA:true
subjectKeyIdentifier = hash
keyUsage = critical, keyCertSign, cRLSign
`;

function openssl(args: readonly string[]): void {
  execFileSync(command('openssl'), args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000 });
}

function keyOptions(type: 'ec' | 'rsa'): string[] {
  return type === 'rsa'
    ? ['-newkey', 'rsa:2048', '-nodes']
    : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
}

/** SHA-256 in Postfix's spelling: `AA:BB:...`. */
function colonHex(der: Buffer): string {
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase();
  return hex.match(/../g)!.join(':');
}

function load(certFile: string, keyFile: string): Certificate {
  const cert = readFileSync(certFile, 'utf8');
  const x509 = new X509Certificate(cert);
  return {
    certFile,
    keyFile,
    cert,
    key: readFileSync(keyFile, 'utf8'),
    fingerprint: colonHex(x509.raw),
    pubkeyFingerprint: colonHex(x509.publicKey.export({ type: 'spki', format: 'der' })),
  };
}

function issueInto(dir: string, name: string, request: CertificateRequest): Certificate {
  const config = join(dir, 'openssl.cnf');
  const certFile = join(dir, `${name}.pem`);
  const keyFile = join(dir, `${name}.key`);
  const san = request.san?.map((host) => `DNS:${host}`).join(',');
  const shape = [
    ...['-config', config, '-subj', request.subject, '-keyout', keyFile],
    ...keyOptions(request.keyType ?? 'ec'),
    ...(san === undefined ? [] : ['-addext', `subjectAltName=${san}`]),
  ];
  if (request.issuer === 'self') {
    openssl(['req', '-x509', '-days', '30', '-out', certFile, ...shape]);
    return load(certFile, keyFile);
  }
  const csr = join(dir, `${name}.csr`);
  openssl(['req', '-new', '-out', csr, ...shape]);
  const validity =
    request.expired === true
      ? ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z']
      : ['-days', String(request.days ?? 30)];
  openssl(['ca', '-batch', '-notext', '-config', config, '-in', csr, '-out', certFile, ...validity]);
  return load(certFile, keyFile);
}

/** A new authority with its server and client certificates, in a new temporary folder. Takes about half a second. */
export function createCa(): CertificateAuthority {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-ca-'));
  chmodSync(dir, 0o755); // Postfix's daemons read caFile after they dropped root
  mkdirSync(join(dir, 'issued'));
  writeFileSync(join(dir, 'index.txt'), '');
  writeFileSync(join(dir, 'openssl.cnf'), CA_CONFIG.replaceAll('DIR', dir));
  const caFile = join(dir, 'ca.pem');
  openssl([
    ...['req', '-x509', '-days', '30', '-config', join(dir, 'openssl.cnf'), '-extensions', 'v3_ca'],
    ...['-subj', `/CN=${CA_NAME}`, '-keyout', join(dir, 'ca.key'), '-out', caFile],
    ...keyOptions('ec'),
  ]);
  const issue = (name: string, request: CertificateRequest) => issueInto(dir, name, request);
  return {
    dir,
    caFile,
    ca: readFileSync(caFile, 'utf8'),
    server: issue('server', {
      subject: `/CN=${SERVER_NAME}`,
      san: [SERVER_NAME, 'localhost'],
      keyType: 'rsa',
    }),
    clients: {
      right: issue('right', { subject: '/CN=mx1.gov.example', san: ['mx1.gov.example'] }),
      wrong: issue('wrong', { subject: '/CN=mx1.other.example', san: ['mx1.other.example'] }),
      sanOnly: issue('san-only', { subject: '/O=Partner', san: ['mx1.gov.example'] }),
      selfSigned: issue('self-signed', { subject: '/CN=mx1.gov.example', issuer: 'self' }),
      expired: issue('expired', { subject: '/CN=mx1.gov.example', expired: true }),
    },
    issue,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
