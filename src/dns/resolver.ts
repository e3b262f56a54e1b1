/**
 * What a DNS look-up can come to, and who answers such questions: the types that finders of published policies work with.
 *
 * Three outcomes, never two (RFC 7672 section 2.1.1): records, proven or plainly stated absence, and "could not find out"
 * (timeout, SERVFAIL, REFUSED, a broken answer, an overlong chain of aliases). Only a resolver that validates, on this
 * host, makes an answer `secure`: its AD flag is then believed.
 */

/** One record set, or why there is none. `ttlSeconds` is how long the answer may be kept, at least 1. */
export type LookupResult<Data> =
  | {
      readonly kind: 'found';
      readonly records: readonly Data[];
      readonly secure: boolean;
      readonly ttlSeconds: number;
      /** The name that has the records, after aliases; canonical. */
      readonly name: string;
    }
  /** No such name, or no record of this type. */
  | { readonly kind: 'absent'; readonly secure: boolean; readonly ttlSeconds: number }
  | { readonly kind: 'unknown'; readonly why: string };

export interface MxRecord {
  readonly preference: number;
  /** Canonical; '' for the root, which is "no mail" (RFC 7505). */
  readonly exchange: string;
}

export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Uint8Array;
}

/** Every method takes a canonical name (A-labels, no trailing dot) and never rejects. */
export interface Resolver {
  /** Is its AD flag believed? */
  readonly trusted: boolean;
  /** The strings of each record joined, one character a byte. */
  txt(name: string): Promise<LookupResult<string>>;
  mx(name: string): Promise<LookupResult<MxRecord>>;
  /**
   * IPv4 and IPv6 addresses; `secure` when each answer that gave some is. `unknown` when no address came and one of the two
   * answers could not be had.
   */
  addresses(name: string): Promise<LookupResult<string>>;
  /** `name` in full: `_25._tcp.mx.bank.example`. */
  tlsa(name: string): Promise<LookupResult<TlsaRecord>>;
  /** Where the name itself leads, one step: is a name an alias that DNSSEC vouches for (RFC 7672 section 2.2.2)? */
  cname(name: string): Promise<LookupResult<string>>;
}
