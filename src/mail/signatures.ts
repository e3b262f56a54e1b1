/**
 * Signatures over a message in its header: whether there is one, and which fields it covers.
 *
 * DKIM (RFC 6376), ARC (RFC 8617, only the message signature: its other fields do not sign the author's text)
 * and DomainKeys (RFC 4870). A field counts as covered when any of them lists it in `h=`. A field listed more
 * often than it occurs is signed against additions, so a listed field that is absent must not be added
 * either. A DomainKeys signature without `h=` covers every field. Parsing is lenient, because reading too
 * little would let an edit break a signature: `H=` counts, and so does each of several `h=`. One pass over
 * each field.
 */
import type { HeaderField } from '../core/messageEdit.ts';

/** Fields that hold a signature; an MTA must be asked to send them. */
export const SIGNATURE_HEADERS = ['DKIM-Signature', 'ARC-Message-Signature', 'DomainKey-Signature'] as const;

const DOMAIN_KEYS = 'domainkey-signature';
const NAMES: ReadonlySet<string> = new Set(SIGNATURE_HEADERS.map((name) => name.toLowerCase()));

const nameOf = (field: HeaderField): string => field.name.trim().toLowerCase();

/** Has the message a signature that an edit of its body breaks? */
export function isSigned(headers: readonly HeaderField[]): boolean {
  return headers.some((field) => NAMES.has(nameOf(field)));
}

/** Does a signature of the message cover the field of this name (any case)? */
export function signatureCovers(headers: readonly HeaderField[], name: string): boolean {
  const wanted = name.toLowerCase();
  return headers.some((field) => {
    const kind = nameOf(field);
    if (!NAMES.has(kind)) return false;
    const lists = listsOf(field.value);
    if (lists.length === 0) return kind === DOMAIN_KEYS;
    return lists.some((list) => list.split(':').some((one) => one.trim().toLowerCase() === wanted));
  });
}

/** The values of `h=` in a tag list (RFC 6376 section 3.2). */
function listsOf(value: string): string[] {
  return value.split(';').flatMap((tag) => {
    const equals = tag.indexOf('=');
    return equals > 0 && tag.slice(0, equals).trim().toLowerCase() === 'h' ? [tag.slice(equals + 1)] : [];
  });
}
