/**
 * Domain names between text and the wire of the DNS.
 *
 * The text is canonical: lower-case labels joined by dots, no dot at the end, '' for the root. Letters,
 * digits, hyphen and underscore stand for themselves; every other byte of a label (a dot inside a label, a
 * space, UTF-8) is written `\DDD`, three decimal digits. So each name has exactly one text, two names never
 * have the same text, and an unusual label cannot be mistaken for another name.
 *
 *   wire = *( length label ) ( 0 / pointer )       length 1..63; pointer: two bits set, then a 14 bit offset
 *
 * A pointer must point backwards, to before the labels that it continues, and not into the header. This
 * guarantees that following pointers ends. Limits: a label 63 bytes, a name 255 on the wire, 32 pointers in
 * one name.
 * Sources: RFC 1035 sections 2.3.4, 3.1, 4.1.4 and 5.1; RFC 4343 (case); RFC 2181 section 11 (any byte may
 * stand in a label).
 */
import { Buffer } from 'node:buffer';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

export const HEADER_BYTES = 12;
/** RFC 1035 section 2.3.4. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;
/** A pointer to a pointer saves no space; servers write no more than one or two. */
const MAX_POINTERS = 32;

/** The text of each byte. */
const TEXT_OF: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte).toLowerCase();
  return byte < 0x80 && /^[a-z0-9_-]$/.test(char) ? char : `\\${String(byte).padStart(3, '0')}`;
});

interface ReadName {
  readonly name: string;
  /** Offset behind the name where it was found (not where a pointer led). */
  readonly next: number;
}

/** The name at `start`. Reads nothing outside the message; throws WireError. */
export function readName(message: Uint8Array, start: number): ReadName {
  const labels: string[] = [];
  let at = start;
  let next = -1;
  let total = 1;
  let pointers = 0;
  /** A pointer must point to before this offset. */
  let before = start;
  for (;;) {
    const length = message[at];
    if (length === undefined) throw broken('dns-name-cut', message, at, 'a label or the end of a name');
    if (length === 0) return { name: labels.join('.'), next: next < 0 ? at + 1 : next };
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) throw broken('dns-name-cut', message, at, 'two bytes of a pointer');
      const target = ((length & 0x3f) << 8) | low;
      if (target >= before || target < HEADER_BYTES || ++pointers > MAX_POINTERS)
        throw broken('dns-name-pointer', message, at, 'a pointer to an earlier name');
      if (next < 0) next = at + 2;
      before = target;
      at = target;
      continue;
    }
    if (length > MAX_LABEL_BYTES) throw broken('dns-name-label', message, at, 'a label of at most 63 bytes');
    const end = at + 1 + length;
    if (end > message.length) throw broken('dns-name-cut', message, at, 'a whole label');
    total += 1 + length;
    if (total > MAX_NAME_BYTES) throw broken('dns-name-long', message, at, 'a name of at most 255 bytes');
    let label = '';
    for (let i = at + 1; i < end; i++) label += TEXT_OF[message[i]!]!;
    labels.push(label);
    at = end;
  }
}

function broken(rule: WireRule, message: Uint8Array, at: number, expected: string): WireError {
  return new WireError(rule, at, expected, excerpt(message, at));
}

/**
 * A name in canonical text as bytes, or null when it is too long for the DNS, so that it cannot exist. Throws
 * RangeError for text that is not canonical (upper case, an empty label, a byte that must be escaped): a bug
 * of the caller.
 */
export function encodeName(name: string): Uint8Array | null {
  const out: number[] = [];
  if (name !== '') {
    for (const label of name.split('.')) {
      const bytes = labelBytes(label);
      if (bytes.length > MAX_LABEL_BYTES) return null;
      out.push(bytes.length, ...bytes);
    }
  }
  out.push(0);
  return out.length > MAX_NAME_BYTES ? null : Buffer.from(out);
}

function labelBytes(label: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < label.length; i++) {
    const escaped = label[i] === '\\';
    const byte = escaped ? Number(label.slice(i + 1, i + 4)) : label.charCodeAt(i);
    // refuse anything but the canonical spelling of a byte: a wrong escape, upper case, a character above
    // 0xff
    const text = TEXT_OF[byte];
    if (text === undefined || !label.startsWith(text, i)) throw new RangeError(`dns: not a label: ${label}`);
    bytes.push(byte);
    if (escaped) i += 3;
  }
  if (bytes.length === 0) throw new RangeError('dns: an empty label');
  return bytes;
}
