/**
 * Which versions of TLS a server speaks, and whether it takes a weak cipher: one connection for each question, since a
 * server chooses for itself and shows only what it chose.
 *
 * What OpenSSL of this host cannot do is not asked, and said to be unknown.
 */
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import { WEAK } from './ciphers.ts';
import { contextOf, type Trust } from './contexts.ts';
import type { Sighting } from './sighting.ts';

const VERSIONS = ['TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1'] as const satisfies readonly SecureVersion[];
/** Families of weak ciphers, as OpenSSL calls them. */
const FAMILIES = ['eNULL', 'aNULL', '3DES', 'RC4', 'DES', 'RC2', 'IDEA', 'SEED', 'MD5', 'EXPORT'];

export interface Offers {
  /** true: spoken; false: refused; null: it could not be told. */
  readonly versions: Readonly<Record<string, boolean | null>>;
  /** The weak cipher that it took; '' for none; null: it could not be told. */
  readonly weak: string | null;
  /** Weak families that this host's OpenSSL cannot offer. */
  readonly notTried: readonly string[];
}

/** `known`: the version that is known to be spoken; `see`: one connection that offers this. */
export async function findOffers(
  trust: Trust,
  known: string,
  see: (context: SecureContext) => Promise<Sighting>,
): Promise<Offers> {
  const versions: Record<string, boolean | null> = {};
  const ask = async (offer: Parameters<typeof contextOf>[1]) => (await see(contextOf(trust, offer))).reached;
  for (const version of VERSIONS) {
    if (version === known) {
      versions[version] = true;
      continue;
    }
    const reached = await ask({ minVersion: version, maxVersion: version });
    versions[version] = reached.kind === 'tls' ? true : isRefusal(reached) ? false : null;
  }
  const reached = await ask({ maxVersion: 'TLSv1.2', ciphers: WEAK });
  const weak = reached.kind === 'tls' ? reached.session.cipher : isRefusal(reached) ? '' : null;
  return { versions, weak, notTried: FAMILIES.filter((family) => !canOffer(family)) };
}

function isRefusal(reached: Sighting['reached']): boolean {
  return reached.kind === 'failed' && !reached.silent;
}

function canOffer(family: string): boolean {
  try {
    createSecureContext({ ciphers: `${family}:@SECLEVEL=0` });
    return true;
  } catch {
    return false;
  }
}
