/**
 * The results of a DNS lookup, and the interface of a resolver: the types that policy discovery works with.
 *
 * Three outcomes, never two (RFC 7672 section 2.1.1): records, proven or stated absence, and unknown
 * (timeout, SERVFAIL, REFUSED, a malformed answer, an overlong chain of aliases). An answer is `secure` only
 * if it comes from a validating resolver on this host: its AD flag is then trusted.
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
  /** Whether its AD flag is trusted. */
  readonly trusted: boolean;
  /** The strings of each record joined, one character a byte. */
  txt(name: string): Promise<LookupResult<string>>;
  mx(name: string): Promise<LookupResult<MxRecord>>;
  /**
   * IPv4 and IPv6 addresses; `secure` when each answer that gave some is. `unknown` when there is no address
   * and one of the two lookups failed.
   */
  addresses(name: string): Promise<LookupResult<string>>;
  /** `name` is the full name: `_25._tcp.mx.bank.example`. */
  tlsa(name: string): Promise<LookupResult<TlsaRecord>>;
  /** The target of the name itself, one step: is it an alias secured by DNSSEC (RFC 7672 section 2.2.2)? */
  cname(name: string): Promise<LookupResult<string>>;
}
