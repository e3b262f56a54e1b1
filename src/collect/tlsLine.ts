/**
 * The line in which Postfix names the TLS session of a connection (tls_misc.c, at `smtp_tls_loglevel` 1 and more):
 *
 *   Verified TLS connection established to mx.example[192.0.2.1]:25: TLSv1.3 with cipher NAME (256/256 bits) ...
 *
 * What follows differs between releases and is not looked at.
 */
export interface TlsSession {
  /** `HOST[ADDRESS]:PORT`, as in `relay=`. */
  readonly relay: string;
  /** `anonymous`, `untrusted`, `trusted`, `verified`. */
  readonly peer: string;
  /** The connection was used before. */
  readonly reused: boolean;
  readonly protocol: string;
  readonly cipher: string;
  /** Bits of the key that are used; 0: nothing is encrypted. */
  readonly bits: number;
}

const PEERS: Readonly<Record<string, string>> = {
  Anonymous: 'anonymous',
  Untrusted: 'untrusted',
  Trusted: 'trusted',
  Verified: 'verified',
};
const MIDDLE = ' TLS connection ';
const MAX_RELAY = 400;

/** null: not such a line. */
export function parseTlsLine(text: string): TlsSession | null {
  const space = text.indexOf(' ');
  if (space < 7 || space > 9 || !text.startsWith(MIDDLE, space)) return null;
  const peer = PEERS[text.slice(0, space)];
  if (peer === undefined) return null;
  let at = space + MIDDLE.length;
  const reused = text.startsWith('reused to ', at);
  if (!reused && !text.startsWith('established to ', at)) return null;
  at += reused ? 'reused to '.length : 'established to '.length;
  const relayEnd = text.indexOf(': ', at);
  if (relayEnd < 0 || relayEnd - at > MAX_RELAY) return null;
  const relay = text.slice(at, relayEnd);
  const cipherAt = text.indexOf(' with cipher ', relayEnd);
  if (cipherAt < 0 || cipherAt - relayEnd > 60) return null;
  const protocol = text.slice(relayEnd + 2, cipherAt);
  const cipherFrom = cipherAt + ' with cipher '.length;
  const cipherEnd = text.indexOf(' (', cipherFrom);
  const slash = text.indexOf('/', cipherEnd);
  if (cipherEnd < 0 || slash < 0 || cipherEnd - cipherFrom > 100 || slash - cipherEnd > 8) return null;
  const bits = text.slice(cipherEnd + 2, slash);
  if (!/^[0-9]{1,5}$/.test(bits)) return null;
  return { relay, peer, reused, protocol, cipher: text.slice(cipherFrom, cipherEnd), bits: Number(bits) };
}

/** A cipher that encrypts nothing is no protection. */
export function encrypts({ cipher, bits }: Pick<TlsSession, 'cipher' | 'bits'>): boolean {
  return bits > 0 && !cipher.includes('NULL');
}
