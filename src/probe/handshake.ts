/** What a finished handshake showed, and what an error of a connection means in words. */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { codeOf } from '../files/systemError.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { bitsOf } from './ciphers.ts';
import type { Session } from './sighting.ts';

const MAX_CHAIN = 20;
/** This host has no way there, whatever the server does. */
const NOT_HERE = ['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EACCES', 'EPERM'];

/** `secure` has finished its handshake and is still open. */
export function sessionOf(secure: TLSSocket): Session {
  const { name } = secure.getCipher();
  const path: DetailedPeerCertificate[] = [];
  const seen = new Set<string>();
  let each = secure.getPeerCertificate(true);
  while (path.length < MAX_CHAIN && each?.raw !== undefined && !seen.has(each.fingerprint512)) {
    seen.add(each.fingerprint512);
    path.push(each);
    each = each.issuerCertificate;
  }
  // asked last: node takes the certificates out of the list that the path above is made of
  const sent = sentBy(secure);
  const chain: Certificate[] = [];
  let shown = 0;
  for (const one of path) {
    const certificate = readCertificate(one.raw);
    if (certificate === null) break;
    if (shown === chain.length && sent.has(one.fingerprint512)) shown++;
    chain.push(certificate);
  }
  const { authorizationError: error } = secure as { authorizationError?: unknown };
  // node sets an Error here before version 22 in some cases, a word in others
  const word = error instanceof Error ? codeOf(error) : String(error ?? '');
  const distrust = secure.authorized ? '' : word || 'UNSPECIFIED';
  return {
    protocol: secure.getProtocol() ?? 'unknown',
    cipher: name,
    bits: bitsOf(name),
    chain,
    shown,
    distrust,
  };
}

/** Fingerprints of what came over the wire: the other list of node goes on with trusted CAs of this host. */
function sentBy(secure: TLSSocket): ReadonlySet<string> {
  const sent = new Set<string>();
  let each = secure.getPeerX509Certificate();
  while (each !== undefined && sent.size < MAX_CHAIN && !sent.has(each.fingerprint512)) {
    sent.add(each.fingerprint512);
    each = each.issuerCertificate;
  }
  return sent;
}

/** Is the error about this host, which has no way there? */
export function isOwnNetwork(error: Error): boolean {
  return NOT_HERE.includes(codeOf(error));
}

/** A clause; may hold foreign text. */
export function failureWords(error: Error): string {
  const said = error.message.replace(/^[0-9A-F]+:/i, '').replace(/:[^:]*\.c:[0-9]+:.*$/, '');
  const code = codeOf(error);
  switch (code) {
    case '':
      return said;
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
      return 'the server closed the connection';
    case 'ENETUNREACH':
      return 'this host has no way to that network';
    case 'EHOSTUNREACH':
      return 'no way to that host';
    case 'ETIMEDOUT':
      return 'no answer';
    default:
      return code.startsWith('ERR_SSL_')
        ? code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ')
        : `${said} (${code})`;
  }
}
