/**
 * The escaping of texts in a mark: one rule, so each text has exactly one spelling.
 *
 * Text is UTF-8; every byte outside A-Z a-z 0-9 . _ : @ / * [ ] + - is written %XX with upper-case digits.
 * The empty text is `-`, and the text `-` is `%2D`. The result is printable ASCII without white space, `;`,
 * `=`, quotes, parentheses or an unescaped `%`, so it can neither end its field nor begin another (RFC 5322
 * section 2.2 asks for ASCII).
 *
 * Limit: 400 bytes before escaping; longer text is cut and ends in `...`. A row's pattern may have 320 bytes,
 * a host name 253.
 */

/** Longest text of one field, bytes. */
export const MAX_MARK_TEXT = 400;

const SAFE = /^[A-Za-z0-9._:@/*[\]+-]*$/;
const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Escapes a text by the one rule above, after cutting it at the limit (`...` marks the cut). */
export function encodeMarkText(text: string): string {
  if (text === '') return '-';
  if (text === '-') return '%2D';
  if (text.length <= MAX_MARK_TEXT && SAFE.test(text)) return text;
  let bytes = utf8.encode(text);
  if (bytes.length > MAX_MARK_TEXT) {
    let end = MAX_MARK_TEXT - 3;
    while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
    bytes = utf8.encode(`${strictUtf8.decode(bytes.subarray(0, end))}...`);
  }
  let out = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    out += byte < 0x80 && SAFE.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** The original text, or null when the spelling is not the one that `encodeMarkText` produces. */
export function decodeMarkText(encoded: string): string | null {
  if (encoded === '-') return '';
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    if (encoded[i] !== '%') {
      bytes.push(encoded.charCodeAt(i));
      continue;
    }
    const pair = encoded.slice(i + 1, i + 3);
    if (!/^[0-9A-F]{2}$/.test(pair)) return null;
    bytes.push(Number.parseInt(pair, 16));
    i += 2;
  }
  try {
    const text = strictUtf8.decode(Uint8Array.from(bytes));
    return encodeMarkText(text) === encoded ? text : null;
  } catch {
    return null; // not UTF-8
  }
}
