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
import { createHmac } from 'node:crypto';
import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import type { Address } from './record.ts';

export type Privacy = 'domains' | 'hashed' | 'full';

/** The key of one month. */
export interface MonthKey {
  /** `2026-11`. */
  readonly month: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const PSEUDONYM_BYTES = 12;
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

function hashed({ local, domain }: AddressParts, { month, secret }: MonthKey): Address {
  const mac = createHmac('sha256', secret).update(`${local}@${domain}`).digest();
  return `h:${month}:${mac.toString('base64url', 0, PSEUDONYM_BYTES)}@${domain}`;
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
