/**
 * Decodes a DNS answer: flags, the question that it repeats, and the records that are used here.
 *
 *   header (12)   id, QR AA TC RD RA AD CD and RCODE, four counts
 *   question      at most one
 *   answer, authority, additional: records of name, type, class, TTL, length, data
 *
 * Taken from the answer section: A, AAAA, CNAME, MX, TXT, TLSA; from the authority section the SOA, which
 * limits the time of negative caching; from the additional section the OPT record (high bits of RCODE, an
 * extended error). Records of other types or classes are skipped; their length is checked, their data is not.
 * Of a truncated answer only header and question are read, because the rest may end anywhere and is fetched
 * again over TCP.
 *
 * Any input gives a message or a WireError with a rule named `dns-...`. No read goes beyond the message or
 * the length of a record, and the time is proportional to the length of the message (a name follows at most
 * 32 pointers). The records hold copies, not views.
 * Sources: RFC 1035 section 4.1, RFC 2181 section 8 (TTL), RFC 3596 (AAAA), RFC 6698 section 2.1 (TLSA), RFC
 * 6891 (OPT), RFC 8914 (extended error).
 */
import { Buffer } from 'node:buffer';
import { ByteReader } from './byteReader.ts';
import { readName } from './dnsName.ts';
import { CLASS_IN, type DnsType, OPT, TYPE } from './dnsNumbers.ts';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

/** `name` is the owner, canonical text (dnsName.ts); so are the names inside. */
export type DnsRecord = { readonly name: string; readonly ttlSeconds: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly bytes: Uint8Array }
  | { readonly type: 'CNAME'; readonly target: string }
  | { readonly type: 'MX'; readonly preference: number; readonly exchange: string }
  /** The strings joined, one character a byte. */
  | { readonly type: 'TXT'; readonly text: string }
  | {
      readonly type: 'TLSA';
      readonly usage: number;
      readonly selector: number;
      readonly matching: number;
      readonly data: Uint8Array;
    }
  | { readonly type: 'SOA'; readonly minimumSeconds: number }
);

export interface DnsAnswer {
  readonly id: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionAvailable: boolean;
  /** The AD flag: the server states that it has validated all of the answer. */
  readonly authenticData: boolean;
  /** With the high bits of EDNS. */
  readonly rcode: number;
  /** INFO-CODE of the first extended error; null when there is none. */
  readonly extendedError: number | null;
  /** Null when the server repeated no question, as some do in error replies. `type` is the number. */
  readonly question: { readonly name: string; readonly type: number } | null;
  /** Records of the answer section. */
  readonly answers: readonly DnsRecord[];
  /** SOA of the authority section, if any. */
  readonly soa: (DnsRecord & { readonly type: 'SOA' }) | null;
}

const FLAG_QR = 0x8000;
const MASK_OPCODE = 0x7800;
const FLAG_AA = 0x0400;
const FLAG_TC = 0x0200;
const FLAG_RA = 0x0080;
const FLAG_AD = 0x0020;
const EDE = 15;

const TYPE_OF: ReadonlyMap<number, DnsType> = new Map(
  (Object.keys(TYPE) as DnsType[]).map((type) => [TYPE[type], type]),
);

class DnsReader extends ByteReader {
  constructor(bytes: Uint8Array) {
    super(bytes, (expected) => this.fail('dns-cut', expected));
  }

  fail(rule: WireRule, expected: string): WireError {
    return new WireError(rule, this.at, expected, excerpt(this.bytes, this.at));
  }

  name(): string {
    const { name, next } = readName(this.bytes, this.at);
    if (next > this.end) throw this.fail('dns-cut', 'a name inside its record');
    this.at = next;
    return name;
  }
}

/** One whole message, without the length that TCP puts in front. Throws WireError. */
export function decodeAnswer(bytes: Uint8Array): DnsAnswer {
  const reader = new DnsReader(bytes);
  const id = reader.uint16();
  const flags = reader.uint16();
  if ((flags & FLAG_QR) === 0) throw reader.fail('dns-not-an-answer', 'the QR flag');
  if ((flags & MASK_OPCODE) !== 0) throw reader.fail('dns-opcode', 'opcode QUERY');
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const;
  if (counts[0] > 1) throw reader.fail('dns-questions', 'one question');
  const question = counts[0] === 1 ? { name: reader.name(), type: reader.uint16() } : null;
  if (question !== null && reader.uint16() !== CLASS_IN) throw reader.fail('dns-class', 'class IN');
  const truncated = (flags & FLAG_TC) !== 0;
  const body = truncated ? EMPTY : sections(reader, counts);
  return {
    id,
    authoritative: (flags & FLAG_AA) !== 0,
    truncated,
    recursionAvailable: (flags & FLAG_RA) !== 0,
    authenticData: (flags & FLAG_AD) !== 0,
    rcode: (body.highRcode << 4) | (flags & 0x0f),
    extendedError: body.extendedError,
    question,
    answers: body.answers,
    soa: body.soa,
  };
}

interface Sections {
  readonly answers: readonly DnsRecord[];
  readonly soa: (DnsRecord & { readonly type: 'SOA' }) | null;
  readonly highRcode: number;
  readonly extendedError: number | null;
}
const EMPTY: Sections = { answers: [], soa: null, highRcode: 0, extendedError: null };

function sections(reader: DnsReader, counts: readonly [number, number, number, number]): Sections {
  const answers: DnsRecord[] = [];
  let soa: Sections['soa'] = null;
  let opt: ReturnType<typeof readOpt> | null = null;
  for (const section of [1, 2, 3] as const) {
    for (let left = counts[section]; left > 0; left--) {
      const name = reader.name();
      const type = reader.uint16();
      const kind = reader.uint16();
      const time = reader.uint32();
      const length = reader.uint16();
      const whole = reader.end;
      if (reader.at + length > whole) throw reader.fail('dns-cut', `${length} bytes of record data`);
      reader.end = reader.at + length;
      if (type === OPT) {
        if (opt !== null || section !== 3)
          throw reader.fail('dns-opt', 'one OPT record, among the additional');
        opt = readOpt(reader, time);
      } else {
        const record = readData(reader, kind === CLASS_IN ? TYPE_OF.get(type) : undefined, name, time);
        if (record !== null && section === 1) answers.push(record);
        if (record?.type === 'SOA' && section === 2) soa ??= record;
      }
      if (reader.at !== reader.end) throw reader.fail('dns-data', 'the end of the record data');
      reader.end = whole;
    }
  }
  if (reader.at !== reader.end) throw reader.fail('dns-trailing', 'the end of the message');
  return { answers, soa, highRcode: opt?.highRcode ?? 0, extendedError: opt?.extendedError ?? null };
}

/** Reads the data of one record; null for a type that is not used, which is skipped. */
function readData(
  reader: DnsReader,
  type: DnsType | undefined,
  name: string,
  time: number,
): DnsRecord | null {
  // RFC 2181 section 8: a TTL with the highest bit set counts as 0
  const owner = { name, ttlSeconds: time > 0x7fffffff ? 0 : time };
  switch (type) {
    case 'A':
      return { ...owner, type, bytes: reader.take(4) };
    case 'AAAA':
      return { ...owner, type, bytes: reader.take(16) };
    case 'CNAME':
      return { ...owner, type, target: reader.name() };
    case 'MX':
      return { ...owner, type, preference: reader.uint16(), exchange: reader.name() };
    case 'TXT':
      return { ...owner, type, text: readStrings(reader) };
    case 'TLSA':
      return {
        ...owner,
        type,
        usage: reader.uint8(),
        selector: reader.uint8(),
        matching: reader.uint8(),
        data: reader.rest(),
      };
    case 'SOA': {
      reader.name();
      reader.name();
      // serial, refresh, retry, expire
      reader.take(16);
      return { ...owner, type, minimumSeconds: reader.uint32() };
    }
    case undefined:
      reader.at = reader.end;
      return null;
    default:
      return type satisfies never;
  }
}

/** At least one string: a length and as many bytes. */
function readStrings(reader: DnsReader): string {
  let text = '';
  do text += Buffer.from(reader.take(reader.uint8())).toString('latin1');
  while (reader.at < reader.end);
  return text;
}

/** `time` is the TTL field, which has another meaning in this record: RFC 6891 section 6.1.3. */
function readOpt(reader: DnsReader, time: number): { highRcode: number; extendedError: number | null } {
  let extendedError: number | null = null;
  while (reader.at < reader.end) {
    const code = reader.uint16();
    const data = Buffer.from(reader.take(reader.uint16()));
    if (code === EDE && data.length >= 2) extendedError ??= data.readUInt16BE(0);
  }
  return { highRcode: time >>> 24, extendedError };
}
