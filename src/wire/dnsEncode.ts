/**
 * One DNS question as bytes: recursion desired, AD and DO set, EDNS(0) with a size that fits any path.
 *
 *   header (12)  id, flags RD and AD, one question, one additional record
 *   question     name, type, class IN
 *   OPT          root, type 41, UDP size 1232, DO
 *
 * AD in a query asks for the AD flag in the answer (RFC 6840 section 5.7), DO for answers of DNSSEC-aware
 * servers; the signatures in these answers are not read, because the resolver has checked them. CD is never
 * set, so that a validating resolver answers SERVFAIL when validation fails.
 * Sources: RFC 1035 section 4.1, RFC 6891 section 6.1, RFC 3225, RFC 9715 (1232 bytes, so that nothing is
 * fragmented).
 */
import { Buffer } from 'node:buffer';
import { encodeName, HEADER_BYTES } from './dnsName.ts';
import { CLASS_IN, type DnsType, OPT, TYPE } from './dnsNumbers.ts';

export interface DnsQuestion {
  /** Canonical text, see dnsName.ts. */
  readonly name: string;
  readonly type: DnsType;
}

/** Largest answer over UDP that we ask for; a longer one comes truncated and is fetched over TCP. */
const UDP_BYTES = 1232;

const FLAG_RD = 0x0100;
const FLAG_AD = 0x0020;
const EDNS_DO = 0x8000;
const OPT_BYTES = 11;

/** The message, without the length that TCP puts in front. Null when the name is too long for the DNS. */
export function encodeQuery(id: number, question: DnsQuestion): Uint8Array | null {
  const name = encodeName(question.name);
  if (name === null) return null;
  const bytes = Buffer.alloc(HEADER_BYTES + name.length + 4 + OPT_BYTES);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(FLAG_RD | FLAG_AD, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(1, 10);
  bytes.set(name, HEADER_BYTES);
  let at = HEADER_BYTES + name.length;
  at = bytes.writeUInt16BE(TYPE[question.type], at);
  at = bytes.writeUInt16BE(CLASS_IN, at);
  // the owner of the OPT record is the root, a zero byte, which the buffer already contains
  at = bytes.writeUInt16BE(OPT, at + 1);
  at = bytes.writeUInt16BE(UDP_BYTES, at);
  // extended RCODE and version 0, then the flags
  bytes.writeUInt16BE(EDNS_DO, at + 2);
  return bytes;
}
