/**
 * Signing and checking marks: HMAC-SHA-256 (RFC 2104, FIPS 198-1) over the canonical form of `markFields.ts`,
 * base64url without padding (RFC 4648 section 5), compared in constant time.
 *
 * Several keys may be in use: the first signs, all verify, so a key can be replaced without invalidating
 * saved mail. A key's id is the first eight hex digits of SHA-256 over `tlsward-key-id`, LF and the key,
 * which reveals nothing about it.
 *
 * What a valid HMAC proves: a holder of the key saw a session with these facts, for mail of this sender
 * domain, with this queue id at this time. A mark without `body` says nothing about the message's text, and a
 * copy in another message of the same sender domain still verifies. That is why it contains the queue id
 * (`tlsward verify-mark` compares it with the Received lines, which can be copied too) and why the milter
 * removes every mark that comes from outside. With `body` it was that body; the verifier must compare the
 * digest, because the HMAC alone does not.
 */
import {
  createHash,
  createHmac,
  createSecretKey,
  type Hmac,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { type MarkFault, type MarkFields, parseMark } from './markFields.ts';
import { canonicalMark, WrittenMark } from './writtenMark.ts';

/** A key; the secret sits in a KeyObject so that no log or inspector prints it. */
export interface MarkKey {
  readonly id: string;
  readonly secret: KeyObject;
}

/** A key has at least as many bytes as the hash output (RFC 2104 section 3). */
export const MIN_KEY_BYTES = 32;

/** Makes a key of 32 bytes or more; throws RangeError for fewer. The bytes are copied. */
export function markKey(secret: Uint8Array): MarkKey {
  if (secret.length < MIN_KEY_BYTES) {
    throw new RangeError(`a mark key has ${MIN_KEY_BYTES} bytes or more, not ${secret.length}`);
  }
  const id = createHash('sha256').update('tlsward-key-id\n').update(secret).digest('hex').slice(0, 8);
  return { id, secret: createSecretKey(Buffer.from(secret)) };
}

function hmacOf(canonical: string, key: MarkKey): Hmac {
  return createHmac('sha256', key.secret).update(canonical);
}

/**
 * The header value of a signed mark, by the first key. `senderDomain` is the canonical domain of the envelope
 * sender (core/address.ts), '' for the null sender and for an address without one. Throws RangeError when
 * there is no key.
 */
export function signMark(
  fields: MarkFields,
  senderDomain: string,
  keys: readonly MarkKey[],
  name?: string,
): string {
  const [key] = keys;
  if (key === undefined) throw new RangeError('no mark key');
  const mark = new WrittenMark(fields, name);
  const hmac = hmacOf(mark.canonical(senderDomain, key.id), key).digest('base64url');
  return mark.sealed({ keyId: key.id, hmac });
}

/**
 * `unsigned`: no `hmac` field. `unknown-key`: not one of ours. `hmac`: a fact, the sender domain or the HMAC
 * was changed.
 */
export type MarkRefusal = MarkFault | 'unsigned' | 'unknown-key' | 'hmac';

type MarkCheck =
  | { readonly ok: true; readonly keyId: string; readonly fields: MarkFields }
  | {
      readonly ok: false;
      readonly reason: MarkRefusal;
      /** One printable line. */
      readonly detail: string;
      /** What it claims, unproven; null when it cannot be parsed. */
      readonly fields: MarkFields | null;
      readonly keyId: string | null;
    };

/** Checks a header value as it was found, however folded. Never throws. */
export function verifyMark(value: string, senderDomain: string, keys: readonly MarkKey[]): MarkCheck {
  const parsed = parseMark(value);
  if (!parsed.ok)
    return {
      ok: false,
      reason: parsed.reason,
      detail: `is not a mark of ours: it ${parsed.detail}`,
      fields: null,
      keyId: null,
    };
  const { fields, seal } = parsed;
  if (seal === null) return { ok: false, reason: 'unsigned', detail: 'is not signed', fields, keyId: null };
  const { keyId } = seal;
  const candidates = keys.filter((key) => key.id === keyId);
  if (candidates.length === 0) {
    return {
      ok: false,
      reason: 'unknown-key',
      detail: `is signed with key ${keyId}, which is not in the key file`,
      fields,
      keyId,
    };
  }
  const given = Buffer.from(seal.hmac, 'base64url');
  // 43 digits have two spare bits: only the spelling that we would write counts
  const canonical = given.length === 32 && given.toString('base64url') === seal.hmac;
  const signed = canonicalMark(fields, senderDomain, keyId);
  const good = canonical && candidates.some((key) => timingSafeEqual(given, hmacOf(signed, key).digest()));
  if (good) return { ok: true, keyId, fields };
  return {
    ok: false,
    reason: 'hmac',
    detail: 'the HMAC does not match these facts and this sender domain',
    fields,
    keyId,
  };
}
