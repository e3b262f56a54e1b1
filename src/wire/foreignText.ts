/**
 * Text of unknown encoding from a mail server: decodes bytes that were received as latin1 (one character a
 * byte), for display or comparison.
 *
 * Postfix passes on UTF-8 in addresses (SMTPUTF8), but also any other bytes that a client sent. A
 * certificate's common name is UTF-8 encoded as xtext. Valid UTF-8 is decoded, anything else stays latin1. So
 * no information is lost, and different inputs never become the same text because of replacement characters.
 * Sources: Postfix SMTPD_POLICY_README, RFC 3461 section 4 (xtext), RFC 6531.
 */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Valid UTF-8 decoded, anything else as it was. `text` has one character a byte. */
export function utf8OrLatin1(text: string): string {
  let ascii = true;
  for (let i = 0; i < text.length && ascii; i++) ascii = text.charCodeAt(i) < 0x80;
  if (ascii) return text;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  try {
    return UTF8.decode(bytes);
  } catch {
    return text;
  }
}

/**
 * Undoes xtext: `+20` to a space, upper or lower case. A plus sign that is not followed by two hex digits
 * stays as it is.
 */
export function decodeXtext(text: string): string {
  if (!text.includes('+')) return utf8OrLatin1(text);
  return utf8OrLatin1(
    text.replace(/\+([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}
