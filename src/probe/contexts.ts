/**
 * Whom a probe trusts, and what it offers in a handshake: CAs read from where Postfix reads them, as contexts of
 * node:tls that many connections share.
 *
 * Without a CA file and folder the system's store counts. Postfix with neither trusts nobody, and then nobody is
 * trusted here. Limits: 8 MiB of CAs, 2,000 files of a folder.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import { ORDINARY } from './ciphers.ts';

export interface Trust {
  /** Texts of PEM. */
  readonly ca: readonly string[];
  /** Where they are from, for a person. */
  readonly from: string;
}

interface Offer {
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** As OpenSSL takes them. */
  readonly ciphers?: string;
}

/** Debian, Fedora, others. */
const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_FILES = 2000;

/** The CAs of a file and a folder of hashed names; throws the error of the system when one cannot be read. */
export function trustOf(file: string, folder: string): Trust {
  const files = [...(file === '' ? [] : [file]), ...(folder === '' ? [] : hashed(folder))];
  const ca: string[] = [];
  let bytes = 0;
  for (const each of files) {
    bytes += statSync(each).size;
    if (bytes > MAX_BYTES) break;
    ca.push(readFileSync(each, 'latin1'));
  }
  const from = [file, folder].filter((each) => each !== '').join(', ');
  return { ca, from: from === '' ? 'no CA at all' : from };
}

/** The store of the system; nobody is trusted where there is none. */
export function systemTrust(): Trust {
  const file = SYSTEM.find((each) => statSync(each, { throwIfNoEntry: false })?.isFile() === true);
  return trustOf(file ?? '', '');
}

/** Hundreds of certificates are read for each context, so the common one is made once. */
const made = new WeakMap<Trust, SecureContext>();

/** Without an offer: what Postfix offers where it wants a certificate. */
export function contextOf(trust: Trust, offer: Offer | null = null): SecureContext {
  const known = offer === null ? made.get(trust) : undefined;
  if (known !== undefined) return known;
  const context = createSecureContext({
    // an empty list is no list of node's own
    ca: [...trust.ca],
    minVersion: offer?.minVersion ?? 'TLSv1',
    maxVersion: offer?.maxVersion ?? 'TLSv1.3',
    ciphers: offer?.ciphers ?? ORDINARY,
  });
  if (offer === null) made.set(trust, context);
  return context;
}

function hashed(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^[0-9a-f]{8}\.[0-9]+$/.test(name))
    .slice(0, MAX_FILES)
    .map((name) => join(folder, name));
}
