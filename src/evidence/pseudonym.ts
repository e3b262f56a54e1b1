/**
 * What `privacy` leaves of a mailbox. Pure.
 *
 *   domains   @bank.example
 *   hashed    h:2026-11:BASE64URL16@bank.example
 *   full      alice@bank.example
 *
 * The pseudonym is HMAC-SHA-256 (RFC 2104) under the key of the month over the local part as it is, "@" and the
 * canonical domain, cut to 96 bits, base64url. A plain hash of an address can be guessed from a list of
 * addresses; one with a key can be computed again only with the key, and no more once the key is deleted.
 * Pseudonyms are still personal data (GDPR Article 4(5)), so the keys are kept apart from the records.
 *
 * Both forms in which MTAs write an address give the same pseudonym: `<"a b"@x.example>` as typed in SMTP and
 * logged, and `a b@x.example`, Postfix's internal form. The null sender is `<>` in every mode.
 */
import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { HASH_BYTES, sha256Into, sha256Text } from './merkle.ts';
import type { Address } from './record.ts';

export type Privacy = 'domains' | 'hashed' | 'full';

/** The key of one month. */
export interface MonthKey {
  /** `2026-11`. */
  readonly month: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** Of base64url: 96 bits. */
const PSEUDONYM_CHARACTERS = 16;
/** Characters of an address that is shown. */
const MAX_SHOWN = 320;

/** Local part as it is, without quoting; canonical domain, '' when there is none that is one. */
interface AddressParts {
  readonly local: string;
  readonly domain: string;
}

/** Takes an address apart, as an MTA writes it; null: the null sender. Total. */
export function splitAddress(text: string): AddressParts | null {
  let path = text;
  if (path.startsWith('<') && path.endsWith('>')) path = path.slice(1, -1);
  if (path === '') return null;
  // a source route is ignored (RFC 5321 appendix C)
  if (path.startsWith('@') && path.includes(':')) path = path.slice(path.indexOf(':') + 1);
  const at = path.lastIndexOf('@');
  if (at < 0) return { local: unquoted(path), domain: '' };
  const written = path.slice(at + 1);
  const domain = written.startsWith('[') ? canonicalLiteral(written) : canonicalDomain(written);
  if (domain === null) return { local: path, domain: '' };
  return { local: unquoted(path.slice(0, at)), domain };
}

function unquoted(local: string): string {
  if (local.length < 2 || !local.startsWith('"') || !local.endsWith('"')) return local;
  return local.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** `h:2026-11:BASE64URL16@bank.example`; `<>` for the null sender. */
export function pseudonymOf(address: string, key: MonthKey): Address {
  const parts = splitAddress(address);
  return parts === null ? '<>' : hashed(parts, key);
}

function hashed({ local, domain }: AddressParts, key: MonthKey): Address {
  const mac = hmac(padsOf(key), `${local}@${domain}`);
  return `h:${key.month}:${mac.slice(0, PSEUDONYM_CHARACTERS)}@${domain}`;
}

/** HMAC in two hashes at once (RFC 2104 section 2): half the time of an object of node:crypto for each. */
interface Pads {
  /** The key with the inner pad, and room for a text behind it. */
  readonly inner: Buffer;
  /** The key with the outer pad, and room for a hash behind it. */
  readonly outer: Buffer;
}

const BLOCK_BYTES = 64;
const ROOM_BYTES = 1024;
/** Of the key that was used last: a writer has one at a time. */
let pads: { readonly key: MonthKey; readonly made: Pads } | null = null;

function padsOf(key: MonthKey): Pads {
  if (pads?.key === key) return pads.made;
  if (key.secret.length > BLOCK_BYTES) throw new RangeError('a key of more than 64 bytes');
  const padded = (byte: number, room: number): Buffer => {
    const block = Buffer.alloc(BLOCK_BYTES + room);
    block.set(key.secret);
    for (let i = 0; i < BLOCK_BYTES; i++) block[i]! ^= byte;
    return block;
  };
  const made = { inner: padded(0x36, ROOM_BYTES), outer: padded(0x5c, HASH_BYTES) };
  pads = { key, made };
  return made;
}

/** In base64url. */
function hmac({ inner, outer }: Pads, text: string): string {
  if (3 * text.length <= ROOM_BYTES)
    sha256Into(inner.subarray(0, BLOCK_BYTES + inner.write(text, BLOCK_BYTES)), outer, BLOCK_BYTES);
  else sha256Into(Buffer.concat([inner.subarray(0, BLOCK_BYTES), Buffer.from(text)]), outer, BLOCK_BYTES);
  return sha256Text(outer);
}

/** The address as a record has it; `key` is needed when `privacy` is `hashed`. Printable ASCII. */
export function addressOf(address: string, privacy: Privacy, key: MonthKey | null): Address {
  const parts = splitAddress(address);
  if (parts === null) return '<>';
  switch (privacy) {
    case 'domains':
      return `@${parts.domain}`;
    case 'full':
      return escapeText(parts.domain === '' ? parts.local : `${parts.local}@${parts.domain}`, MAX_SHOWN);
    case 'hashed':
      if (key === null) throw new Error('no key for pseudonyms');
      return hashed(parts, key);
  }
}
