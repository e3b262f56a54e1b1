/**
 * Why a message is left as it came: one closed list, each with the sentence that logs and `simulate` print.
 *
 * Editing is all or nothing. If one of the parts that a person reads cannot be edited, none is: a banner in
 * the HTML half of a message and not in its plain half would tell two readers two different things. The names
 * are stable; they appear in the log.
 */
export const SKIP_REASONS = {
  'already-there': 'the banner is already there',
  'banner-empty': 'the banner has no text',
  'banner-too-long': 'the banner makes a line of more than 998 bytes',
  'too-large': 'the body is larger than the limit for editing',
  'dkim-signed': 'the message has a DKIM or ARC signature, and the policy does not let it be broken',
  signed: 'the message or a part of it is signed (multipart/signed, S/MIME or PGP signature)',
  encrypted: 'the message or a part of it is encrypted (multipart/encrypted, PGP)',
  smime: 'the message or a part of it is S/MIME (application/pkcs7-mime)',
  'pgp-inline': 'a text part contains an inline PGP block',
  'content-md5': 'the part has a Content-MD5 digest, which an edit would invalidate',
  partial: 'the message is a fragment (message/partial)',
  report: 'the message is a report from a mail system (multipart/report)',
  'no-text': 'there is no text/plain or text/html part that is read as the message itself',
  'too-deep': 'multiparts are nested deeper than the limit',
  'too-many-parts': 'there are more parts than the limit',
  'header-malformed': 'a MIME header is malformed, duplicated or too long',
  'content-type-malformed': 'a Content-Type or Content-Disposition cannot be read',
  'boundary-missing': 'a multipart has no boundary parameter, or its boundary never appears',
  'boundary-ambiguous': 'a line is a boundary to some mail readers and not to others',
  'boundary-not-closed': 'a multipart is not closed',
  'boundary-clash': 'the edit would create a line that reads as a boundary',
  'encoding-unknown': 'the transfer encoding is not 7bit, 8bit, binary, quoted-printable or base64',
  'encoding-malformed': 'the part violates its transfer encoding',
  'charset-unsupported': 'the character set of the text is unknown or is not a superset of ASCII',
  'not-representable': 'the banner cannot be represented in the character set of the text',
  'html-frameset': 'the HTML is a frameset and has no body',
} as const satisfies Readonly<Record<string, string>>;

export type SkipReason = keyof typeof SKIP_REASONS;

/**
 * The message stays as it came. `part` is the number of the part that decided ("1.2"), null for the message
 * itself.
 */
export interface Skipped {
  readonly kind: 'skipped';
  readonly reason: SkipReason;
  readonly part: string | null;
}

export function skipped(reason: SkipReason, part: string | null = null): Skipped {
  return { kind: 'skipped', reason, part };
}
