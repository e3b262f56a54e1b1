/**
 * The numbers of the DNS that are used here, under their registered names, and texts for those that are shown
 * to people.
 *
 * The program uses the names of record types (`TLSA`); `TYPE` has the numbers.
 * Sources: IANA "Domain Name System (DNS) Parameters"; RFC 1035 sections 3.2.2 and 4.1.1, RFC 6891, RFC 6698
 * section 7.1, RFC 8914 section 4 (extended errors).
 */

export const TYPE = { A: 1, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, TLSA: 52 } as const;
export type DnsType = keyof typeof TYPE;

/** The pseudo record of EDNS; it cannot be queried. */
export const OPT = 41;
export const CLASS_IN = 1;

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

const RCODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RCODE).map(([name, code]) => [code, name]),
);

/** `SERVFAIL`, or `RCODE 16`. */
export function rcodeName(code: number): string {
  return RCODE_NAMES.get(code) ?? `RCODE ${code}`;
}

const EXTENDED_ERRORS: ReadonlyMap<number, string> = new Map([
  [5, 'DNSSEC indeterminate'],
  [6, 'DNSSEC bogus'],
  [7, 'signature expired'],
  [8, 'signature not yet valid'],
  [9, 'DNSKEY missing'],
  [10, 'RRSIGs missing'],
  [12, 'NSEC missing'],
  [14, 'not ready'],
  [15, 'blocked'],
  [16, 'censored'],
  [17, 'filtered'],
  [18, 'prohibited'],
  [20, 'not authoritative'],
  [22, 'no authority can be reached'],
  [23, 'network error'],
]);

/** The meaning of an INFO-CODE; null for those that do not help an administrator. */
export function extendedErrorWords(code: number): string | null {
  return EXTENDED_ERRORS.get(code) ?? null;
}
