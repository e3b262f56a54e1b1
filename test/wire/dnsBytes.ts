/**
 * DNS messages written by hand for the tests: nothing here uses the codec under test. Names are written out in full unless
 * a part says otherwise; `message({ answers: [record('a.example', TYPE.A, 60, [192, 0, 2, 1])] })` is a whole answer.
 */
import type { Buffer } from 'node:buffer';
import { bytes, type Part, u16, u32 } from './milterBytes.ts';

export const NUMBER = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  OPT: 41,
  RRSIG: 46,
  TLSA: 52,
} as const;

export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 };

/** Labels of one byte a character, split at dots. */
export function name(text: string): Buffer {
  return labels(...text.split('.').filter((label) => label !== ''));
}

export function labels(...list: readonly string[]): Buffer {
  return bytes(...list.flatMap((label) => [label.length, label]), 0);
}

export function pointer(offset: number): number[] {
  return u16(0xc000 + offset);
}

export function string(text: string): Buffer {
  return bytes(text.length, text);
}

export function record(owner: Part, type: number, ttl: number, ...data: readonly Part[]): Buffer {
  const body = bytes(...data);
  const who = typeof owner === 'string' ? name(owner) : owner;
  return bytes(who, u16(type), u16(1), u32(ttl), u16(body.length), body);
}

export function soa(owner: string, ttl: number, minimum: number): Buffer {
  const numbers = [1, 3600, 600, 86400, minimum].flatMap(u32);
  return record(owner, NUMBER.SOA, ttl, name('ns.example'), name('admin.example'), numbers);
}

export function question(text: string, type: number): Buffer {
  return bytes(name(text), u16(type), u16(1));
}

/** `high`: the upper bits of RCODE; options as code and data. */
export function opt(high = 0, ...options: readonly (readonly [number, Part])[]): Buffer {
  const data = options.map(([code, value]) => {
    const body = bytes(value);
    return bytes(u16(code), u16(body.length), body);
  });
  const body = bytes(...data);
  return bytes(0, u16(NUMBER.OPT), u16(1232), [high, 0, 0, 0], u16(body.length), body);
}

export interface Written {
  readonly id?: number;
  /** QR, RD and RA unless said. */
  readonly flags?: number;
  readonly rcode?: number;
  readonly question?: Buffer | null;
  readonly answers?: readonly Buffer[];
  readonly authority?: readonly Buffer[];
  readonly additional?: readonly Buffer[];
}

export function message(written: Written): Buffer {
  const { id = 1, flags = FLAG.QR | FLAG.RD | FLAG.RA, rcode = 0, question: asked = null } = written;
  const { answers = [], authority = [], additional = [] } = written;
  const counts = [asked === null ? 0 : 1, answers.length, authority.length, additional.length];
  const head = bytes(u16(id), u16(flags | rcode), ...counts.map(u16));
  return bytes(head, asked ?? [], ...answers, ...authority, ...additional);
}
